package features_test

import (
	"fmt"

	"beamlearn/model/features"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// A table of a text file becomes rows of numbers.
func Example() {
	t := tables.New([]tables.Field{{Name: "carrier", Type: tables.Cell}, {Name: "delay", Type: tables.Cell}, {Name: "year", Type: tables.Cell}})
	for _, row := range [][3]string{{"UA", "2", "2013"}, {"AA", "NA", "2013"}, {"UA", "4", "2013"}} {
		for i, cell := range row {
			t.Columns[i].AppendText([]byte(cell))
		}
	}
	survey, err := features.NewSurvey(t.Fields(), features.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := survey.Add(t); err != nil { // and of other parts of the table: survey.Merge
		fmt.Println(err)
		return
	}
	encoding, err := survey.Encoding()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, line := range encoding.Lines() {
		fmt.Println(line)
	}
	encoder, err := encoding.Encoder(t.Fields())
	if err != nil {
		fmt.Println(err)
		return
	}
	b := &vectors.Block{Dim: encoding.Dim()}
	for i := range t.Len() {
		if err := encoder.Encode(b, t, i, int64(i)); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(encoding.Names())
	for i := range b.Len() {
		fmt.Println(b.Row(i, make([]float64, b.Dim)))
	}
	// Output:
	// carrier: categorical: 2 distinct values
	// delay: numeric: numbers from 2 to 4; 1 of 3 missing: the mean 3 instead, and a feature that says so
	// year: left out: constant: 2013
	// [carrier_AA carrier_UA delay delay_missing]
	// [0 1 2 0]
	// [1 0 3 1]
	// [0 1 4 0]
}
