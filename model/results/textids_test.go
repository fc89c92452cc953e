package results

import (
	"bytes"
	"io"
	"testing"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// TestTextIDs checks that a part tells of an id that is text, whether it is that of a query, of a neighbour, or of the
// row that another stands for, in every form of every format.
func TestTextIDs(t *testing.T) {
	words, numbers := []vectors.ID{{Text: "a"}}, []vectors.ID{{Int: 1}}
	found := &neighbors.Neighbors{Offsets: []int64{0, 1}, Positions: []int32{0}, Distances: []float64{1}}
	part := func(f *Format, l Layout, write func(PartWriter) error) Info {
		w := make([]io.Writer, f.numFiles(l))
		for i := range w {
			w[i] = &bytes.Buffer{}
		}
		p := f.NewPart(w, l)
		if err := write(p); err != nil {
			t.Fatalf("%s %+v: %v", f.Name, l, err)
		}
		info, err := p.Close()
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	for _, f := range []*Format{csvFormat, jsonlFormat, parquetFormat} {
		for _, ids := range [][2][]vectors.ID{{numbers, numbers}, {words, numbers}, {numbers, words}} {
			want := ids[0][0].Text+ids[1][0].Text != ""
			for _, form := range Forms {
				info := part(f, Layout{K: 1, Form: form}, func(p PartWriter) error {
					return p.Write((&answer{ids[0], ids[1], found}).chunk(0, 1))
				})
				if info.TextIDs != want {
					t.Errorf("%s %s of queries %v, points %v: text ids %v", f.Name, form, ids[0], ids[1], info.TextIDs)
				}
			}
			info := part(f, Layout{Columns: []Column{{Name: "group", Type: ID}}}, func(p PartWriter) error {
				at := func(ids []vectors.ID) func(int) vectors.ID { return func(i int) vectors.ID { return ids[i] } }
				return p.WriteTable(&Table{ID: at(ids[0]), Ref: at(ids[1]), Values: []float64{0}, To: 1})
			})
			if info.TextIDs != want {
				t.Errorf("%s table of rows %v, refs %v: text ids %v", f.Name, ids[0], ids[1], info.TextIDs)
			}
		}
	}
}
