package formats

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/fault"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// wantedRows reads the rows of a span that are wanted, in runs of at most so many, and passes over the others; with
// choose, it says before which these are.
func wantedRows(t *testing.T, src Source, span Span, wanted []int64, most int, choose bool) *vectors.Block {
	t.Helper()
	r, err := src.Read(t.Context(), span)
	if err != nil {
		t.Fatal(err)
	}
	skipper, ok := r.(Skipper)
	if !ok {
		t.Fatalf("%T passes over no rows", r)
	}
	if c, ok := r.(Chooser); ok && choose {
		c.Choose(func(row int64) bool { return slices.Contains(wanted, row) })
	}
	b := &vectors.Block{Dim: src.Dim(), DType: vectors.Float64, Missing: true}
	if table, ok := src.(Tabular); ok && table.Fields() != nil {
		b = &vectors.Block{Cells: tables.New(table.Fields())}
	}
	for i := 0; i < len(wanted); {
		j := i + 1
		for j < len(wanted) && j-i < most && wanted[j] == wanted[j-1]+1 {
			j++
		}
		if err := skipper.SkipTo(wanted[i]); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			err = skipper.SkipTo(wanted[i] - 3) // which is behind, or beyond what was read already
		}
		if err == nil {
			err = skipper.Read(b, j-i)
		}
		if err != nil {
			t.Fatalf("row %d: %v", wanted[i], err)
		}
		i = j
	}
	if err := skipper.SkipTo(span.First + span.Rows + 5); err != nil {
		t.Fatal(err)
	}
	if err := skipper.Read(b, 1); err != io.EOF {
		t.Errorf("%v behind the last row", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return b
}

// showRows are rows as text, with their numbers and ids.
func showRows(b *vectors.Block) []string {
	var rows []string
	cells := [][]string(nil)
	if b.Cells != nil {
		cells = showCells(b)
	}
	for i := range b.Len() {
		if cells != nil {
			rows = append(rows, fmt.Sprint(b.Numbers[i], b.ID(i), cells[i]))
		} else {
			rows = append(rows, fmt.Sprint(b.Numbers[i], b.ID(i), b.Row(i, make([]float64, b.Dim))))
		}
	}
	return rows
}

// The rows that are wanted, however many stand between them, are those that are read without passing over any: of
// tables and of matrices, across row groups, batches and chunks, each of which begins where the one before has ended.
func TestSkipTo(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 8))
	for _, ext := range []string{"csv", "jsonl", "parquet", "arrow"} {
		for _, o := range []Options{{IDColumn: "id", Cells: true}, {IDColumn: "id", Cells: true, TargetColumn: "delayed",
			Labels: true, Untargeted: true}, {IDColumn: "id", Columns: []string{"month", "distance"}}} {
			f, err := OpenLocal("../../testdata/flights_small." + ext)
			if err != nil {
				t.Fatal(err)
			}
			src, err := Inspect(t.Context(), f, o)
			if err != nil {
				t.Fatal(err)
			}
			spans, err := Spans(t.Context(), src)
			if err != nil {
				t.Fatal(err)
			}
			all := CutEven(src, spans, 1<<20)
			rows := all[0].Rows
			everything := make([]int64, rows)
			for i := range everything {
				everything[i] = int64(i)
			}
			want := showRows(wantedRows(t, src, all[0], everything, 1000, false))
			if len(want) != int(rows) {
				t.Fatalf("%d rows of %d", len(want), rows)
			}
			for _, share := range []float64{0, 0.01, 0.2, 0.9} {
				for _, size := range []int64{rows, 70} {
					for _, span := range CutEven(src, spans, size) {
						var wanted []int64
						var expected []string
						for n := span.First; n < span.First+span.Rows; n++ {
							if rng.Float64() < share {
								wanted, expected = append(wanted, n), append(expected, want[n])
							}
						}
						if got := showRows(wantedRows(t, src, span, wanted, 1+rng.IntN(9), rng.IntN(2) == 0)); !slices.Equal(got, expected) {
							t.Fatalf("%s, %+v, rows %v: %q, want %q", ext, o, wanted, got, expected)
						}
					}
				}
			}
		}
	}
}

// What is wrong with rows that are passed over is not seen, in text nor in a batch that is decoded as a whole; a quoted
// field with a line end in it is part of its row.
func TestSkipToPassesFaults(t *testing.T) {
	t.Parallel()
	csv := "x,y,note\n1,2,a\nbad,3,b\n4,5,\"c\nd\"\n6\n7,8,e\n9,bad,f\n10,11,g\n"
	jsonl := "{\"x\":1,\"y\":2}\n{\"x\":\"bad\",\"y\":3}\n\n{\"x\":4,\"y\":5}\n{\"x\n{\"x\":7,\"y\":8}\n{\"x\":9}\n" +
		"{\"x\":10,\"y\":11}\n"
	numbers := []float64{1, 2, 4, 5, 7, 8, 10, 11}
	for name, text := range map[string]string{"x.csv": csv, "x.jsonl": jsonl} {
		src, err := Inspect(t.Context(), &textData{name: name, data: text}, Options{Columns: []string{"x", "y"}})
		if err != nil {
			t.Fatal(err)
		}
		spans, err := Spans(t.Context(), src)
		if err != nil {
			t.Fatal(err)
		}
		if b := wantedRows(t, src, CutEven(src, spans, 100)[0], []int64{0, 2, 4, 6}, 9, false); !slices.Equal(b.F64, numbers) {
			t.Errorf("%s: %v, want %v", name, b.F64, numbers)
		}
		r, err := src.Read(t.Context(), CutEven(src, spans, 100)[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := r.(Skipper).SkipTo(3); err != nil {
			t.Fatal(err)
		}
		if f, ok := fault.IsRow(r.Read(&vectors.Block{Dim: 2}, 9)); !ok || f.Row != 3 {
			t.Errorf("%s: %v, want a fault of row 3", name, f)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
