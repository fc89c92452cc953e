package survey_test

import (
	"fmt"

	"beamlearn/model/linear"
	"beamlearn/model/linear/survey"
)

// One pass tells the classes, how many rows each has, and the moments that a scaler needs.
func ExampleSurvey() {
	rows := &linear.Chunk{Features: 1, X: []float64{1, 2, 3, 6}, Labels: []string{"cat", "dog", "cat", "cat"}}
	s, err := survey.NewSurvey(linear.Classification, rows.Features, true)
	for err == nil && !s.Done() {
		part := s.Partial(0, 1)
		if err = part.PartialFit(rows); err == nil {
			err = s.Advance(part)
		}
	}
	if err != nil {
		panic(err)
	}
	fmt.Println(s.Rows, s.Classes.Texts, s.ClassRows)
	fmt.Printf("mean %.1f, variance %.1f\n", s.Scaler.Mean, s.Scaler.Var)
	// Output:
	// 4 [cat dog] [3 1]
	// mean [3.0], variance [3.5]
}
