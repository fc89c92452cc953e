package knn

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/formats"
	"beamlearn/model/vectors"
	"beamlearn/transforms/output"
	"beamlearn/transforms/vectorio"
)

// The points of a new version are those that are left, and then those that are added. With ids they are numbered anew
// where some are gone, as in a file of the rows that are left; where numbers are ids, each keeps its own. All may be
// deleted where others come.
func TestPointsOfVersion(t *testing.T) {
	t.Parallel()
	for i, c := range []struct {
		labelled bool
		gone     []int32
		added    string // values of rows
		numbers  []int64
		values   []float64
		total    int64
	}{
		{false, nil, "", []int64{0, 1, 2, 3}, []float64{0, 1, 2, 3}, 4},
		{false, []int32{1}, "7 8", []int64{0, 2, 3, 4, 5}, []float64{0, 2, 3, 7, 8}, 6},
		{true, []int32{1}, "7 8", []int64{0, 1, 2, 3, 4}, []float64{0, 2, 3, 7, 8}, 5},
		{true, nil, "7 8", []int64{0, 1, 2, 3, 4, 5}, []float64{0, 1, 2, 3, 7, 8}, 6},
		{false, []int32{0, 1, 2, 3}, "7 8", []int64{4, 5}, []float64{7, 8}, 6},
		{true, []int32{0, 1, 2, 3}, "7 8", []int64{0, 1}, []float64{7, 8}, 2},
		{true, []int32{0, 1, 2, 3}, "1e999", nil, nil, 0}, // none
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "1.index")
		var ids []string
		note, header := Note{}, "v\n"
		if c.labelled {
			ids, header = []string{"a", "b", "c", "d"}, "item,v\n"
			note.Formats = formats.Options{IDColumn: "item"}
		}
		keptIndex(t, path, 4, ids, note)
		j := &IndexJob{gone: c.gone, Options: Options{Staging: dir, IndexLimit: 1 << 30}}
		j.Options.RunID = fmt.Sprint("version", i)
		j.Reading.EnsureDefaults()
		j.Reading.SkipFaults = true
		if err := j.InspectFrom(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		output.Begin(j.Options.RunID)
		if err := j.Stage(t.Context()); err != nil {
			t.Fatal(err)
		}
		f := &versionFn{buildFn: buildFn{Reading: j.Reading, Options: j.Options, Dim: 1}, From: *j.From}
		var list vectorio.List
		if c.added != "" {
			text := header
			for k, v := range strings.Fields(c.added) {
				if c.labelled {
					text += fmt.Sprint("new", k, ",")
				}
				text += v + "\n"
			}
			f.Reading.Formats.Header = formats.HeaderYes
			name := writeFile(t, filepath.Join(dir, "added.csv"), []byte(text))
			d, err := vectorio.Inspect(t.Context(), []string{name}, f.Reading)
			if err == nil {
				list, err = d.List(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		x, err := j.From.File.open(t.Context(), "", verified)
		if err != nil {
			t.Fatal(err)
		}
		b := &building{}
		points, err := f.points(t.Context(), x, list.Chunks, b)
		if c.numbers == nil {
			const want = "1.index: all 4 points would be deleted, and an index needs one"
			if err == nil || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("case %d: %v", i, err)
			}
		} else if err != nil {
			t.Errorf("case %d: %v", i, err)
		} else if !slices.Equal(points.Numbers, c.numbers) || !slices.Equal(firstValues(points), c.values) ||
			b.note.Total != c.total {
			t.Errorf("case %d: rows %v of %d, values %v", i, points.Numbers, b.note.Total, firstValues(points))
		}
		x.Close()
	}
}

// firstValues are those of rows of one column.
func firstValues(b *vectors.Block) (values []float64) {
	for i := range b.Len() {
		values = append(values, b.Row(i, make([]float64, 1))[0])
	}
	return values
}

// What deletes all points is refused before anything runs, unless rows are added, of which nobody knows yet whether
// they are sound.
func TestAllDeleted(t *testing.T) {
	t.Parallel()
	from := &Prebuilt{Points: 2}
	for name, j := range map[string]*IndexJob{
		"one":              {From: from, gone: []int32{1}},
		"all":              {From: from, gone: []int32{0, 1}},
		"all, with others": {From: from, gone: []int32{0, 1}, Corpus: &vectorio.Dataset{}},
		"a first version":  {Corpus: &vectorio.Dataset{}},
	} {
		if err := j.checkVersion(); (err != nil) != (name == "all") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
