package features_test

import (
	"fmt"

	"beamlearn/model/features"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// A table of a text file becomes rows of numbers.
func Example() {
	t := tables.New([]tables.Field{{Name: "carrier", Type: tables.Cell}, {Name: "delay", Type: tables.Cell},
		{Name: "year", Type: tables.Cell}})
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

// Rows to predict are encoded by what was learned: the columns may stand in another order, and categories be unknown.
func ExampleEncoding_Encoder() {
	learned := tables.New([]tables.Field{{Name: "size", Type: tables.Number}, {Name: "colour", Type: tables.Text}})
	for i, colour := range []string{"red", "blue", ""} {
		learned.Columns[0].Numbers = append(learned.Columns[0].Numbers, float64(i))
		learned.Columns[1].AppendText([]byte(colour))
	}
	encoding, err := encode(learned, features.Options{Standardize: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(encoding.Names())
	t := tables.New([]tables.Field{{Name: "colour", Type: tables.Cell}, {Name: "size", Type: tables.Cell}})
	t.Columns[0].AppendText([]byte("green"))
	t.Columns[1].AppendText([]byte("1.0"))
	encoder, err := encoding.Encoder(t.Fields())
	if err != nil {
		fmt.Println(err)
		return
	}
	b := &vectors.Block{Dim: encoding.Dim()}
	if err := encoder.Encode(b, t, 0, 0); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(b.Row(0, make([]float64, b.Dim)))
	for i, c := range encoding.Columns() {
		fmt.Println(c.Name, "unknown:", encoder.Unseen().Unknown[i])
	}
	_, err = encoding.Encoder(t.Fields()[:1])
	fmt.Println(err)
	// Output:
	// [size colour_blue colour_red colour_missing]
	// [0 0 0 0]
	// size unknown: 0
	// colour unknown: 1
	// no column "size": there are colour; the model needs size, colour
}

// encode surveys a table and makes the second look that tf-idf takes.
func encode(t *tables.Table, o features.Options) (*features.Encoding, error) {
	survey, err := features.NewSurvey(t.Fields(), o)
	if err != nil {
		return nil, err
	}
	if err := survey.Add(t); err != nil {
		return nil, err
	}
	encoding, err := survey.Encoding()
	if err != nil {
		return nil, err
	}
	if _, more := encoding.Pass(); !more {
		return encoding, nil
	}
	counts, err := encoding.NewCounts(t.Fields())
	if err != nil {
		return nil, err
	}
	if err := counts.Add(t); err != nil {
		return nil, err
	}
	return encoding, encoding.Finish(counts)
}

// Parts of a table may be surveyed apart, in whatever order, and sent as bytes.
func ExampleSurvey_Merge() {
	fields := []tables.Field{{Name: "x", Type: tables.Cell}}
	var all *features.Survey
	for _, cells := range [][]string{{"3", "1"}, {"10", ""}} {
		part := tables.New(fields)
		for _, cell := range cells {
			part.Columns[0].AppendText([]byte(cell))
		}
		survey, err := features.NewSurvey(fields, features.Options{Impute: features.ImputeMedian})
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := survey.Add(part); err != nil {
			fmt.Println(err)
			return
		}
		b, err := survey.MarshalBinary()
		if err != nil {
			fmt.Println(err)
			return
		}
		var received features.Survey
		if err := received.UnmarshalBinary(b); err != nil {
			fmt.Println(err)
			return
		}
		if all == nil {
			all = &received
		} else if err := all.Merge(&received); err != nil {
			fmt.Println(err)
			return
		}
	}
	encoding, err := all.Encoding()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(encoding.Lines()[0])
	// Output:
	// x: numeric: numbers from 1 to 10; 1 of 4 missing: the median 3 instead, and a feature that says so
}

// Text becomes hashed words, weighted by how rare they are.
func ExampleEncoding_Finish() {
	t := tables.New([]tables.Field{{Name: "gloss", Type: tables.Text}})
	for _, gloss := range []string{"a small sea bird", "a large sea fish", "a flat fish of the sea"} {
		t.Columns[0].AppendText([]byte(gloss))
	}
	encoding, err := encode(t, features.Options{TFIDF: true, HashBits: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	encoder, err := encoding.Encoder(t.Fields())
	if err != nil {
		fmt.Println(err)
		return
	}
	b := &vectors.Block{Dim: encoding.Dim(), Sparse: &vectors.CSR{}}
	if err := encoder.Encode(b, t, 0, 0); err != nil {
		fmt.Println(err)
		return
	}
	columns, values := b.Sparse.Row(0)
	for i, c := range columns {
		fmt.Printf("gloss#%d %.3f\n", c, values[i])
	}
	// Output:
	// gloss#546 -0.385
	// gloss#906 -0.652
	// gloss#1009 -0.652
}
