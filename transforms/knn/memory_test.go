package knn

import (
	"testing"

	"beamlearn/model/formats"
	"beamlearn/model/vectors"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// Where only the rows that a condition keeps are read, the points are these alone, once; where every point is a query
// whatever it keeps, all are read, and those that it keeps go into an index of their own, beside the other.
func TestMemoryOfKept(t *testing.T) {
	const rows, dim, kept = 1_000_000, 100, 10_000
	memory := func(r *Rules, queries *vectorio.Dataset) int64 {
		j := &Job{Corpus: &vectorio.Dataset{Rows: rows, Dim: dim, Bytes: 4 * rows * dim}, Queries: queries,
			Options: Options{K: 5, Restricted: r != nil, Rules: r, Workers: placement.InProcess}}
		j.Reading.Formats = formats.Options{DType: vectors.Float32}
		j.Options.EnsureDefaults()
		j.Reading.EnsureDefaults()
		return j.Memory()
	}
	others := &vectorio.Dataset{Rows: 1000, Dim: dim}
	const all, some, byRow = rows * dim * 5, kept * dim * 5, 16 * rows
	for _, c := range []struct {
		what        string
		rules       Rules
		queries     *vectorio.Dataset
		least, most int64 // beyond what is taken without a rule; with fewer: all that is taken
		fewer       bool
	}{
		{"other queries", Rules{Keep: "keep", Kept: kept}, others, some, all / 10, true},
		{"queries that are kept", Rules{Keep: "keep", Kept: kept, KeepQueries: true}, nil, some, all / 10, true},
		{"some of a group", Rules{Keep: "keep", Kept: kept, Same: RuleFiles{Points: "same"}}, others, 2 * some, all / 10,
			true},
		{"every point", Rules{Keep: "keep", Kept: kept}, nil, some, 2*some + byRow, false},
		{"groups", Rules{Same: RuleFiles{Points: "same"}}, others, all, all + byRow, false},
	} {
		got := memory(&c.rules, c.queries)
		if !c.fewer {
			got -= memory(nil, c.queries)
		}
		if got < c.least || got > c.most {
			t.Errorf("%s: %d bytes, want %d to %d", c.what, got, c.least, c.most)
		}
	}
}

// Chunks of a row group go together where few rows are kept, and only there: a row group may be more than is to be read
// at a time.
func TestWholeGroupsOfFew(t *testing.T) {
	reading := vectorio.Options{ChunkRows: 50, Formats: formats.Options{Columns: []string{"month", "distance"}}}
	d, err := vectorio.Inspect(t.Context(), []string{"../../testdata/flights_small.parquet"}, reading)
	if err != nil {
		t.Fatal(err)
	}
	reading.Confine(d)
	list, err := d.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rules *Rules
		whole bool
	}{
		{nil, false}, {&Rules{Most: "most"}, false}, {&Rules{Keep: "keep", Kept: d.Rows / 8}, true},
		{&Rules{Keep: "keep", Kept: d.Rows/8 + 1}, false},
	} {
		o := Options{Rules: c.rules}
		chunks, err := o.wholeGroups(t.Context(), list.Chunks, &reading, false)
		if err != nil || c.whole != (len(chunks) < len(list.Chunks)) {
			t.Errorf("%+v: %d of %d chunks, %v", c.rules, len(chunks), len(list.Chunks), err)
		}
	}
}
