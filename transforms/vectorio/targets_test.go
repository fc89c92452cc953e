package vectorio

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// integers is a file of npy with so many integers.
func integers(values ...int64) string {
	header := fmt.Sprintf("{'descr': '<i8', 'fortran_order': False, 'shape': (%d,), }\n", len(values))
	b := []byte("\x93NUMPY\x01\x00" + string([]byte{byte(len(header)), 0}) + header)
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return string(b)
}

// Files of targets have the same number of columns.
func TestTargetFilesOfDifferentWidths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	x := put(t, dir, "x.npy", npy("(4, 1)", 0, 1, 2, 3))
	put(t, dir, "y0.npy", npy("(2, 2)", 0, 1, 2, 3))
	o := Options{Targets: []string{filepath.Join(dir, "y?.npy")}, Several: true}
	for shape, values := range map[string][]float64{"(2, 3)": {0, 1, 2, 3, 4, 5}, "(2,)": {0, 1}} {
		put(t, dir, "y1.npy", npy(shape, values...))
		_, err := Inspect(t.Context(), []string{x}, o)
		if want := fmt.Sprintf("y1.npy: found %d columns, expected as many as %s has, 2", len(values)/2,
			filepath.Join(dir, "y0.npy")); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", shape, err, want)
		}
	}
	put(t, dir, "y1.npy", npy("(2, 2)", 4, 5, 6, 7))
	d, err := Inspect(t.Context(), []string{x}, o)
	if err != nil || !slices.Equal(d.TargetNames, []string{"y_0", "y_1"}) {
		t.Fatalf("%+v, %v", d, err)
	}
	o.EnsureDefaults()
	var got []float64
	if err := d.Each(t.Context(), o, func(b *vectors.Block) error {
		got = append(append(got, b.Targets[0].Numbers...), b.Targets[1].Numbers...)
		return nil
	}); err != nil || !slices.Equal(got, []float64{0, 2, 4, 6, 1, 3, 5, 7}) {
		t.Errorf("%v, %v", got, err)
	}
}

// Labels in files that all hold integers are texts, so that those beyond 2⁵³ keep their digits; integers go along with
// text, and not with text and fractions.
func TestTargetsOfIntegers(t *testing.T) {
	t.Parallel()
	text := "\x93NUMPY\x01\x00"
	header := "{'descr': '|S3', 'fortran_order': False, 'shape': (1,), }\n"
	text += string([]byte{byte(len(header)), 0}) + header + "abc"
	const large = 1<<53 + 1
	for _, c := range []struct {
		files []string
		want  []string // rows, or the end of the error
	}{
		{[]string{integers(large, 7), integers(7)}, []string{"0 [0] → 9007199254740993", "1 [1] → 7", "2 [2] → 7"}},
		{[]string{integers(large, 7), text}, []string{"0 [0] → 9007199254740993", "1 [1] → 7", "2 [2] → abc"}},
		{[]string{integers(7, 8), npy("(1,)", 0.5)}, []string{"0 [0] → 7", "1 [1] → 8", "2 [2] → 0.5"}},
		{[]string{integers(7), text, npy("(1,)", 0.5)},
			[]string{"(3 files): found both, expected targets that are all numbers, or all text"}},
	} {
		dir := t.TempDir()
		x := cut(t, dir, "x", "(%d, 1)", 2, 1)
		for i, file := range c.files {
			put(t, dir, fmt.Sprintf("y%d.npy", i), file)
		}
		o := Options{Targets: []string{filepath.Join(dir, "y?.npy")}, Formats: formats.Options{Labels: true}, ChunkRows: 2}
		d, err := Inspect(t.Context(), []string{x}, o)
		var got []string
		if err == nil {
			got, err = readAll(t, d, o)
		}
		if err != nil && !strings.HasSuffix(err.Error(), c.want[0]) || err == nil && !slices.Equal(got, c.want) {
			t.Errorf("%q, %v, want %q", got, err, c.want)
		}
	}
}

// A row that is left out has its number in the dataset, whether its values or its target are at fault, however files
// and chunks are cut. One without a target is left out, too, and only counted.
func TestNumbersOfFaults(t *testing.T) {
	t.Parallel()
	nan, inf := math.NaN(), math.Inf(1)
	x := []float64{0, nan, 2, 3, nan, 5, 6, 7, nan, 9, 10, 11}
	y := []float64{0, 1, nan, 3, inf, 5, inf, inf, 8, 9, nan, inf}
	for _, cuts := range [][2][]int{{{12}, {12}}, {{5, 7}, {12}}, {{12}, {4, 3, 5}}, {{3, 3, 6}, {7, 5}}} {
		dir := t.TempDir()
		write := func(name string, values []float64, shape string, runs []int) {
			for i, n := range runs {
				put(t, dir, fmt.Sprint(name, i, ".npy"), npy(fmt.Sprintf(shape, n), values[:n]...))
				values = values[n:]
			}
		}
		write("x", x, "(%d, 1)", cuts[0])
		write("y", y, "(%d,)", cuts[1])
		for _, size := range []int{1, 2, 5, 100} {
			o := Options{ChunkRows: size, Targets: []string{filepath.Join(dir, "y*.npy")}, SkipFaults: true}
			d, err := Inspect(t.Context(), []string{filepath.Join(dir, "x*.npy")}, o)
			if err != nil {
				t.Fatal(err)
			}
			var rejected, read []int64
			var without int64
			for _, c := range chunks(t, d) {
				r, err := Open(t.Context(), c, o, func(f *fault.Fault) { rejected = append(rejected, f.Number) })
				if err != nil {
					t.Fatal(err)
				}
				b := o.NewBlock(1)
				if err := r.Fill(b, 100); err != nil && err != io.EOF {
					t.Fatal(err)
				}
				read = append(read, b.Numbers...)
				without += r.NoTarget()
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if want := []int64{1, 4, 6, 7, 8, 11}; !slices.Equal(rejected, want) {
				t.Errorf("%v, %d at a time: the rows %v are rejected, want %v", cuts, size, rejected, want)
			}
			if want := []int64{0, 3, 5, 9}; without != 2 || !slices.Equal(read, want) {
				t.Errorf("%v, %d at a time: the rows %v are read, want %v; %d have no target", cuts, size, read, want, without)
			}
		}
	}
}

// Targets are labels where some are text, and numbers where all are numbers: which is both without a fault.
func TestTargeted(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"x,y\na,1\nb,2\n": false, "x,y\na,no\nb,yes\n": true, "x,y\na,1\nb,yes\n": true,
		"x,y\na,1\nb,2\nc,yes\n": false, // in no row that is looked at
	} {
		o := Options{}
		o.Formats.Cells, o.Formats.TargetColumn = true, "y"
		o.EnsureDefaults()
		d, err := Inspect(t.Context(), []string{put(t, t.TempDir(), "x.csv", text)}, o)
		if err != nil {
			t.Fatal(err)
		}
		to, err := d.Targeted(t.Context(), 2, &o)
		if err != nil || to.options.Formats.Labels != want || o.Formats.Labels != want || d.options.Formats.Labels {
			t.Errorf("%q: labels %v, %v", text, o.Formats.Labels, err)
		}
	}
}

// A model's number of features is that of the rows' columns.
func TestInspectFeatures(t *testing.T) {
	t.Parallel()
	name := put(t, t.TempDir(), "x.csv", "1,2\n3,4\n")
	for features := 1; features <= 3; features++ {
		d, err := InspectFeatures(t.Context(), []string{name}, features, nil, Options{})
		want := fmt.Sprintf("x.csv: found 2 columns, expected %d columns, as the model has features", features)
		if features == 2 && (err != nil || d.Dim != 2) ||
			features != 2 && (d != nil || err == nil || !strings.HasSuffix(err.Error(), want)) {
			t.Errorf("%d features: %v", features, err)
		}
	}
}

// Rows of .svm count columns as those do that they meet, unless their user says how; other files do not care.
func TestMeet(t *testing.T) {
	t.Parallel()
	const auto, yes, no = formats.ZeroBasedAuto, formats.ZeroBasedYes, formats.ZeroBasedNo
	for _, c := range []struct {
		file     string
		asked    formats.ZeroBased
		features int
		zero     bool
		want     formats.ZeroBased
		of       int
	}{
		{"x.svm", "", 0, true, yes, 5}, {"x.svm", auto, 0, true, yes, 5}, {"x.svm", no, 0, true, no, 5},
		{"x.svm", auto, 0, false, auto, 5}, {"x.svm", "", 3, false, "", 3}, {"x.svm", yes, 0, false, yes, 5},
		{"x.npz", auto, 0, true, auto, 0},
	} {
		o := Options{Formats: formats.Options{ZeroBased: c.asked, Features: c.features}}
		o.Meet([]string{c.file}, 5, c.zero)
		if f := o.Formats; f.ZeroBased != c.want || f.Features != c.of || f.ListedFeatures != 5 {
			t.Errorf("%+v: zero based %q, %d features, %d of lists", c, f.ZeroBased, f.Features, f.ListedFeatures)
		}
	}
}

// What holds for several files is noted once.
func TestNotedOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a.csv", "b.csv", "c.csv"} {
		put(t, dir, name, "a,y\n1,2\n")
	}
	o := Options{Formats: formats.Options{Columns: []string{"a", "y"}, TargetColumn: "y"}}
	d, err := Inspect(t.Context(), []string{filepath.Join(dir, "*.csv")}, o)
	if err != nil {
		t.Fatal(err)
	}
	if notes := d.Notes(); len(notes) != 1 || !strings.Contains(notes[0], "y (target)") {
		t.Errorf("%q", notes)
	}
}

// A number is a label where float64 tells it from its neighbours: a fraction always, an integer below 2⁵³.
func TestNumbersAsLabels(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		labels bool
		v      float64
		want   string // the fault
	}{
		{true, 1<<53 - 1, ""}, {true, 1 << 53, "9.007199254740992e+15"}, {true, -1 << 53, "-9.007199254740992e+15"},
		{true, 1<<52 + 0.5, ""}, {true, -0.5, ""}, {false, 1 << 53, ""}, {false, 1e300, ""},
		{false, math.Inf(-1), "-Inf"}, {true, math.Inf(1), "+Inf"},
	} {
		column := tables.Column{Field: tables.Field{Name: "y", Type: tables.Number}, Numbers: []float64{c.v}}
		var to vectors.Target
		f := (&cellTargets{labels: c.labels, texts: map[string]string{}}).one(&column, 0, false, &to)
		if (f == nil) != (c.want == "") || f != nil && f.Found != c.want ||
			(f == nil) != slices.Equal(to.Numbers, []float64{c.v}) {
			t.Errorf("%v, labels %v: %v, %v", c.v, c.labels, to.Numbers, f)
		}
	}
}
