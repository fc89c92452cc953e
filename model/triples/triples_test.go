package triples

import (
	"bytes"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"beamlearn/model/vectors"
)

// someIDs are integers and texts, some of which look alike.
var someIDs = []string{"0", "-5", "7", "007", "a", "ü", "9223372036854775807", "-9223372036854775808", "10", "a\x00b",
	" "}

// Runs of triples, cut anywhere, merge to the rows that a map of all triples has.
func TestRuns(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	for _, d := range AllDuplicates {
		for _, size := range []int{1, 7, 1000} {
			want := map[vectors.ID]map[vectors.ID][]float64{}
			var runs [][3]bytes.Buffer
			p := &Part{Rows: &Names{}, Columns: &Names{}}
			flush := func() {
				runs = append(runs, [3]bytes.Buffer{})
				r := &runs[len(runs)-1]
				index, entries, err := p.WriteRun(&r[0], &r[1], &r[2])
				if err != nil || index != int64(r[0].Len()) || entries != int64(r[1].Len()) {
					t.Fatal(index, entries, err)
				}
				p = &Part{Rows: &Names{}, Columns: &Names{}}
			}
			for i := range 200 {
				row, column := someIDs[rng.IntN(len(someIDs))], someIDs[rng.IntN(len(someIDs))]
				value := float64(rng.IntN(9)) - 4
				r, c := vectors.ParseID(row), vectors.ParseID(column)
				if want[r] == nil {
					want[r] = map[vectors.ID][]float64{}
				}
				want[r][c] = append(want[r][c], value)
				p.Row, p.Column = append(p.Row, p.Rows.OfText([]byte(row))), append(p.Column, p.Columns.OfText([]byte(column)))
				if p.Value = append(p.Value, value); d == Last {
					p.Time = append(p.Time, float64(i))
				}
				if len(p.Row) == size {
					flush()
				}
			}
			if len(p.Row) > 0 {
				flush()
			}
			checkRuns(t, runs, d, want)
		}
	}
}

// checkRuns compares the rows of merged runs with what they should be.
func checkRuns(t *testing.T, runs [][3]bytes.Buffer, d Duplicates, want map[vectors.ID]map[vectors.ID][]float64) {
	t.Helper()
	names := &Names{}
	var indexes []*IndexReader
	var entries []*EntryReader
	for i := range runs {
		if err := ReadColumns(bytes.NewReader(runs[i][2].Bytes()), names); err != nil {
			t.Fatal(err)
		}
		indexes = append(indexes, NewIndexReader(&runs[i][0]))
		entries = append(entries, NewEntryReader(&runs[i][1], d == Last))
	}
	ids, _ := Union([]*Names{names})
	columns := NewColumns(ids)
	merged, err := Merge(indexes)
	if err != nil {
		t.Fatal(err)
	}
	var before *vectors.ID
	for n := 0; ; n++ {
		var row []Entry
		id, more, err := merged.Next(func(run int, at Indexed) error {
			var unknown int64
			row, unknown, err = entries[run].Append(row, at.Count, columns)
			if unknown != 0 {
				t.Errorf("%d triples of no column", unknown)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			if n != len(want) {
				t.Errorf("%d rows, expected %d", n, len(want))
			}
			return
		}
		if before != nil && Compare(*before, id) >= 0 {
			t.Errorf("%v before %v", *before, id)
		}
		before = &id
		d.Sort(row)
		got := map[vectors.ID]float64{}
		for from := 0; from < len(row); {
			to := from + 1
			for to < len(row) && row[to].Column == row[from].Column {
				to++
			}
			got[ids.At(int(row[from].Column))] = d.Merge(row[from:to]).Value
			from = to
		}
		expected := map[vectors.ID]float64{}
		for c, values := range want[id] {
			for _, v := range values {
				expected[c] += v
			}
			switch d {
			case Mean:
				expected[c] /= float64(len(values))
			case Last:
				expected[c] = values[len(values)-1]
			}
		}
		if !reflect.DeepEqual(got, expected) {
			t.Errorf("%s, row %v: %v, expected %v", d, id, got, expected)
		}
	}
}

// Columns that are not known are counted, and no others are taken for them.
func TestUnknownColumns(t *testing.T) {
	t.Parallel()
	p := &Part{Rows: &Names{}, Columns: &Names{}}
	for _, column := range []string{"5", "05", "x", "5"} {
		p.Row, p.Column, p.Value = append(p.Row, p.Rows.OfText([]byte("r"))),
			append(p.Column, p.Columns.OfText([]byte(column))),
			append(p.Value, 1)
	}
	var index, entries bytes.Buffer
	if _, _, err := p.WriteRun(&index, &entries, io.Discard); err != nil {
		t.Fatal(err)
	}
	var known vectors.IDs
	known.Append(vectors.ParseID("05"))
	row, unknown, err := NewEntryReader(&entries, false).Append(nil, 4, NewColumns(known))
	if err != nil || unknown != 3 || !slices.Equal(row, []Entry{{Column: 0, Value: 1}}) {
		t.Errorf("%v, %d unknown, %v", row, unknown, err)
	}
}

// What is no run is refused, and takes no more memory than it has bytes.
func FuzzRuns(f *testing.F) {
	p := &Part{Rows: &Names{}, Columns: &Names{}}
	for i, id := range someIDs {
		p.Row, p.Column = append(p.Row, p.Rows.OfText([]byte(id))), append(p.Column, p.Columns.OfText([]byte(someIDs[i/2])))
		p.Value, p.Time = append(p.Value, float64(i)), append(p.Time, float64(i))
	}
	var run [3]bytes.Buffer
	if _, _, err := p.WriteRun(&run[0], &run[1], &run[2]); err != nil {
		f.Fatal(err)
	}
	f.Add(run[0].Bytes(), run[1].Bytes(), run[2].Bytes())
	f.Add([]byte("\xff\xff\xff\xff\x0fab"), []byte("\x00"), []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, index, entries, columns []byte) {
		names := &Names{}
		if err := ReadColumns(bytes.NewReader(columns), names); err == io.EOF {
			t.Error("an end in the middle is none")
		}
		merged, err := Merge([]*IndexReader{NewIndexReader(bytes.NewReader(index)), NewIndexReader(bytes.NewReader(index))})
		if err != nil {
			return
		}
		from := []*EntryReader{NewEntryReader(bytes.NewReader(entries), true),
			NewEntryReader(bytes.NewReader(entries), false)}
		known := NewColumns(names.IDs())
		for more := true; more && err == nil; {
			_, more, err = merged.Next(func(run int, at Indexed) error {
				_, _, err := from[run].Append(nil, at.Count, known)
				return err
			})
		}
		if err == io.EOF {
			t.Error("an end in the middle is none")
		}
	})
}
