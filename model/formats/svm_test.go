package formats

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"beamlearn/model/vectors"
)

func TestSVM(t *testing.T) {
	for _, c := range []struct {
		name, data string
		o          Options
		want       []string
	}{
		{"one-based", "1 1:0.5 3:-2\n-1 2:1e2\n+1.5\n", Options{},
			[]string{"[0.5 0 -2] → 1", "[0 100 0] → -1", "[0 0 0] → 1.5"}},
		{"zero-based", "1 1:1\n0 0:2 2:3\n", Options{}, []string{"[0 1 0] → 1", "[2 0 3] → 0"}},
		{"zero-based yes", "1 1:1\n0 2:3\n", Options{ZeroBased: ZeroBasedYes}, []string{"[0 1 0] → 1", "[0 0 3] → 0"}},
		{"zero-based no", "1 1:1\n0 0:3\n0 2:3", Options{ZeroBased: ZeroBasedNo},
			[]string{"[1 0] → 1", ": found the index 0, expected one from 1 to 2", "[0 3] → 0"}},
		{"features", "1 1:1\n0 4:3\n0 0:1\n", Options{Features: 4},
			[]string{"[1 0 0 0] → 1", "[0 0 0 3] → 0", ": found the index 0, expected one from 1 to 4"}},
		{"features, zero-based", "1 0:1 3:2\n0 4:3\n", Options{Features: 4, ZeroBased: ZeroBasedYes},
			[]string{"[1 0 0 2] → 1", ": found the index 4, expected one from 0 to 3" + sayFeatures}},
		{"comments, space and queries",
			"# head\n\n \t\r\n1 qid:3 1:2 # tail 2:x\r\n\t2\tqid:0\t1:3\t 2:4\t \n  # 7 1:1\n3#x\n4 1:5#x", Options{},
			[]string{"[2 0] → 1", "[3 4] → 2", "[0 0] → 3", "[5 0] → 4"}},
		{"byte order mark", "\uFEFF1 1:2\n", Options{}, []string{"[2] → 1"}},
		{"labels", "yes 1:1\n+1 1:2\n01 1:3\nnan 1:4\nyes 1:5\n", Options{Labels: true},
			[]string{`[1] → "yes"`, `[2] → "+1"`, `[3] → "01"`, `[4] → "nan"`, `[5] → "yes"`}},
		{"unlabelled", "yes 1:1\n1,2 1:2\n", Options{Unlabelled: true}, []string{"[1]", "[2]"}},
		{"faults of labels", "1 1:1\nx 1:1\nnan 1:1\n1e999 1:1\n1,2 1:1\n1:1\n", Options{},
			[]string{"[1] → 1", `, column label: found "x", expected a number`,
				`, column label: found "nan", expected a finite number`, `, column label: found "1e999", expected a finite float64`,
				`, column label: found "1,2", expected one label`,
				`: found "1:1", expected a label, and then index:value`}},
		{"faults of entries", "1 2:1\n1 1\n1 1:\n1 1: 2\n1 :2\n1 a:2\n1 1:x\n1 1:2:3\n1 1:2,\n1 1:nan\n1 1:1e999\n1 " +
			"-1:2\n1 1.5:2\n1 1:0x1\n1 qid:x 1:1\n1 qid: 1:1\n1 1:1 qid:2\n", Options{}, []string{
			"[0 1] → 1", `: found "1", expected index:value`, `, column 1: found an empty field, expected a number`,
			`, column 1: found an empty field, expected a number`,
			`: found ":2", expected index:value`, `: found "a:2", expected index:value`,
			`, column 1: found "x", expected a number`, `, column 1: found "2:3", expected a number`,
			`, column 1: found "2,", expected a number`, `, column 1: found "nan", expected a finite number`,
			`, column 1: found "1e999", expected a finite float64`,
			`: found "-1:2", expected index:value`, `: found "1.5:2", expected index:value`,
			`, column 1: found "0x1", expected a number`,
			`: found "qid:x", expected index:value`, `: found "qid:", expected index:value`,
			`: found "qid:2", expected index:value`}},
		{"faults of indices", "1 3:1\n1 2:1 2:2\n1 2:1 1:2\n1 99999999999:1\n1 99999999999999999999:1\n1 2147483647:1\n1 " +
			"002:4\n", Options{}, []string{
			"[0 0 1] → 1", ", column 2: found the index 2 after 2, expected indices that ascend",
			", column 1: found the index 1 after 2, expected indices that ascend",
			": found the index 99999999999, expected one from 1 to 3" + sayFeatures,
			`: found "99999999999999999999:1", expected index:value`,
			": found the index 2147483647, expected one from 1 to 3" + sayFeatures, "[0 4 0] → 1"}},
	} {
		t.Run(c.name, func(t *testing.T) { wantText(t, "x.svm", c.data, c.o, c.want...) })
	}
	wantText(t, "x.svmlight.gz", gzipped(t, "1 1:2\n2 2:3\n"), Options{}, "[2 0] → 1", "[0 3] → 2")
	wantText(t, "x.svm.bz2", twoBzip2, Options{}, "[2 0 0] → 1", "[0 3 0] → 2", "[0 0 1] → 0")
	wantText(t, "x.libsvm.zst", zstandard(t, "1 1:2\n2 2:3\n"), Options{}, "[2 0] → 1", "[0 3] → 2")
}

func TestSVMInspectFaults(t *testing.T) {
	for _, c := range []struct {
		data string
		o    Options
		want string
	}{
		{"", Options{}, "found an empty file, expected svm data"},
		{"# x\n\n", Options{}, "found only empty lines and comments, expected a first row"},
		{"1\n2\n", Options{}, "found none, expected a row with index:value, or the number of features"},
		{"x 1:1\n", Options{}, `found "x" in row 0, expected a number`},
		{"1 1048577:1\n", Options{}, "found 1048577 columns, expected at most 1048576 columns, where rows are stored with " +
			"their zeros"},
		{"1 1:1\n", Options{Features: 1 << 21},
			"found 2097152 columns, expected at most 1048576 columns, where rows are stored with their zeros"},
		{"1 1:1\n", Options{Columns: []string{"!user"}},
			`found columns asked for, "user", expected no choice of columns: .svm has the label, which is the target, and the vector`},
		{"1 1:1\n", Options{Columns: []string{"0-3"}},
			`found columns asked for, "0-3", expected no choice of columns: .svm has the label, which is the target, and the vector`},
		{"1 1:1\n", Options{IDColumn: "id"},
			`found an id column asked for, "id", expected no choice of columns: .svm has the label, which is the target, and the vector`},
		{"1 1:1\n", Options{TargetColumn: "0"},
			`found a target column asked for, "0", expected no choice of columns: .svm has the label, which is the target, and the vector`},
		{"1 1:1\n", Options{WeightColumn: "w"},
			`found a weight column asked for, "w", expected no choice of columns: .svm has the label, which is the target, and the vector`},
		{"1 1:1\n", Options{Header: HeaderYes}, "found header yes, expected header auto: .svm has no header row"},
		{"\xff\xfe1\x00", Options{}, "found none, expected a row with index:value, or the number of features"},
	} {
		wantFault(t, "x.svm", c.data, c.o, "x.svm: "+c.want)
	}
	// Sparse rows may have so many columns, but no block takes them with their zeros.
	src, err := inspectText("1 2147483646:3\n2 0:1\n", "x.svm", Options{Sparse: true})
	if err != nil || src.Dim() != 2147483647 {
		t.Fatalf("%v, %v", src, err)
	}
	const want = "x.svm: found 2147483647 columns, expected at most 1048576 columns, where rows are stored with their " +
		"zeros"
	if _, err := readText(src, 1<<20, 5); err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

// A block that is sparse gets the entries as they stand; DType is heeded either way.
func TestSVMSparse(t *testing.T) {
	name := write(t, "x.svm", "1 1000000:0.5\n2 3:0 4:0.1\n3\n")
	b, err := Load(t.Context(), Options{Sparse: true}, name, name)
	if err != nil {
		t.Fatal(err)
	}
	want := &vectors.CSR{Offsets: []int{0, 1, 3, 3, 4, 6, 6}, Indices: []int32{999999, 2, 3, 999999, 2, 3},
		Values: []float64{0.5, 0, 0.1, 0.5, 0, 0.1}}
	if !reflect.DeepEqual(b.Sparse, want) || b.Dim != 1e6 || !slices.Equal(b.Target, []float64{1, 2, 3, 1, 2, 3}) ||
		!slices.Equal(b.Numbers, []int64{0, 1, 2, 3, 4, 5}) {
		t.Errorf("got %+v", b)
	}
	for _, sparse := range []bool{false, true} {
		name := write(t, "x.svm", "1 2:3\n1 1:1 2:-1e39\n")
		want := name + ": row 1, column 2: found -1e+39, expected a finite float32"
		if _, err := Load(t.Context(), Options{DType: vectors.Float32, Sparse: sparse}, name); err == nil ||
			err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}

// What one file leaves open, all files of a dataset decide.
func TestSettle(t *testing.T) {
	one, zero, wide := write(t, "one.svm", "1 1:1\n"), write(t, "zero.svm", "1 0:1 2:1\n"), write(t, "wide.svm", "1 5:1\n")
	csv := write(t, "x.csv", "1,2,3,4,5,6,7,8\n")
	for _, c := range []struct {
		files []string
		o     Options
		want  string
	}{
		{[]string{one, wide}, Options{}, "[[1 0 0 0 0] [0 0 0 0 1]]"},
		{[]string{one, zero}, Options{}, "[[0 1 0] [1 0 1]]"},
		{[]string{zero, one, wide}, Options{}, "[[1 0 1 0 0 0] [0 1 0 0 0 0] [0 0 0 0 0 1]]"},
		{[]string{one, wide}, Options{ZeroBased: ZeroBasedYes}, "[[0 1 0 0 0 0] [0 0 0 0 0 1]]"},
		{[]string{one, wide}, Options{ZeroBased: ZeroBasedNo}, "[[1 0 0 0 0] [0 0 0 0 1]]"},
		{[]string{one, wide}, Options{Features: 6}, "[[1 0 0 0 0 0] [0 0 0 0 1 0]]"},
		{[]string{csv, one}, Options{Unlabelled: true}, "[[1 2 3 4 5 6 7 8] [1 0 0 0 0 0 0 0]]"},
	} {
		for _, sparse := range []bool{false, true} {
			c.o.Sparse = sparse
			b, err := Load(t.Context(), c.o, c.files...)
			if err != nil {
				t.Fatal(err)
			}
			var rows [][]float64
			for i := range b.Len() {
				rows = append(rows, slices.Clone(b.Row(i, make([]float64, b.Dim))))
			}
			if got := fmt.Sprint(rows); got != c.want {
				t.Errorf("%v, %+v: %s, want %s", c.files, c.o, got, c.want)
			}
		}
	}
	o := Options{Header: HeaderNo}
	if got := Settle(o, nil); !reflect.DeepEqual(got, o) {
		t.Errorf("settled %+v", got)
	}
	// Its only row is at fault, and is told as any other row would be.
	want := zero + ": found the index 0 in row 0, expected one from 1 to 2147483646"
	if _, err := Load(t.Context(), Options{ZeroBased: ZeroBasedNo}, zero); err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

// The file of scikit-learn's dump_svmlight_file holds the first rows of digits.csv.
func TestSVMOfScikitLearn(t *testing.T) {
	digits, err := Load(t.Context(), Options{Columns: []string{"pixel_*"}, TargetColumn: "target"},
		"../../testdata/digits.csv")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{Features: 64, ZeroBased: ZeroBasedYes},
		{Features: 64, ZeroBased: ZeroBasedYes, Sparse: true}} {
		b, err := Load(t.Context(), o, "../../testdata/digits.svm")
		if err != nil {
			t.Fatal(err)
		}
		if b.Len() != 100 || b.Dim != 64 || !slices.Equal(b.Target, digits.Target[:100]) {
			t.Fatalf("%d rows of %d columns, %v", b.Len(), b.Dim, b.Target)
		}
		x, y := make([]float64, 64), make([]float64, 64)
		for i := range b.Len() {
			if got, want := b.Row(i, x), digits.Row(i, y); !slices.Equal(got, want) {
				t.Errorf("row %d: %v, want %v", i, got, want)
			}
		}
	}
}

// oracleSVM reads a row slowly: the label, and the value of each index.
func oracleSVM(line string) (label string, entries map[int64]float64, ok bool) {
	line, _, _ = strings.Cut(line, "#")
	tokens := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(tokens) == 0 {
		return "", nil, false
	}
	label, tokens = tokens[0], tokens[1:]
	if strings.ContainsAny(label, ":,") {
		return "", nil, false
	}
	if len(tokens) > 0 && strings.HasPrefix(tokens[0], "qid:") {
		if strings.Trim(tokens[0][4:], "0123456789") != "" || tokens[0] == "qid:" {
			return "", nil, false
		}
		tokens = tokens[1:]
	}
	last := int64(-1)
	entries = map[int64]float64{}
	for _, token := range tokens {
		i, v, colon := strings.Cut(token, ":")
		index, err := strconv.ParseInt(i, 10, 64)
		value, err2 := strconv.ParseFloat(v, 64)
		if !colon || err != nil || err2 != nil || len(i) > 18 || strings.Trim(i, "0123456789") != "" || isGo(v) ||
			value-value != 0 || index <= last || index > maxIndex {
			return "", nil, false
		}
		entries[index], last = value, index
	}
	return label, entries, true
}

// checkSVM reads a text in ranges of a size and compares each row with the oracle's.
func checkSVM(t *testing.T, data string, size int64) {
	o := Options{Labels: true, Sparse: true, ZeroBased: ZeroBasedYes}
	var lines []string
	for _, line := range strings.Split(strings.TrimPrefix(data, "\uFEFF"), "\n") {
		if line = strings.TrimSuffix(line, "\r"); svmRow([]byte(line)) {
			lines = append(lines, line)
		}
	}
	highest := int64(-1)
	for _, line := range lines {
		if _, entries, ok := oracleSVM(line); ok {
			for i := range entries {
				highest = max(highest, i)
			}
		}
	}
	src, err := inspectText(data, "x.svm", o)
	if highest < 0 {
		if err == nil {
			t.Fatalf("%q: no entry, and no fault", data)
		}
		return
	}
	if strings.HasPrefix(data, "\xff\xfe") || strings.HasPrefix(data, "\xfe\xff") {
		return
	}
	if err != nil || src.Dim() != int(highest+1) {
		t.Fatalf("%q: %v, the greatest index is %d", data, err, highest)
	}
	b := &vectors.Block{Dim: src.Dim(), Sparse: &vectors.CSR{}}
	c := src.(Counter)
	var counts []Count
	for _, r := range c.Ranges(max(size, 1)) {
		n, err := c.Count(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		counts = append(counts, n)
	}
	spans, err := c.Resolve(counts)
	if err != nil {
		t.Fatal(err)
	}
	row := 0
	for _, s := range spans {
		r, err := src.Read(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		for range s.Rows {
			b.Reset()
			err := r.Read(b, 1)
			label, entries, ok := oracleSVM(lines[row])
			if ok != (err == nil) {
				t.Fatalf("%q: %v", lines[row], err)
			}
			if ok {
				got := map[int64]float64{}
				for i, c := range b.Sparse.Indices {
					got[int64(c)] = b.Sparse.Values[i]
				}
				if b.Labels[0] != label || !reflect.DeepEqual(got, entries) || b.Numbers[0] != int64(row) {
					t.Fatalf("%q: %q %v", lines[row], b.Labels, got)
				}
			}
			row++
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if row != len(lines) {
		t.Fatalf("%d rows of %d", row, len(lines))
	}
}

func FuzzSVM(f *testing.F) {
	for _, s := range []string{
		"1 1:2 3:4\n", "# c\n\n-1 qid:7 0:1e5 9:-.5#x\r\n1\n", "\uFEFFa 1:1\nb 2:2",
		"1 1:1 1:1\n1 2147483646:1\n1 9999999999999:1\n", "1,2 1:1\n \t\n1 \t 1:+1.\r", "\xff\xfe1 1:1\n",
		"1:1\n1 qid:1\n1 qid:1 qid:2 3:4",
	} {
		f.Add(s, int64(3))
	}
	f.Fuzz(func(t *testing.T, data string, size int64) { checkSVM(t, data, size%100) })
}

func TestSVMCuts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"1", "-1", "a", " ", "\t", "1:2", "3:4.5", "7:-1e3", "#", "\n", "\n", "\r\n", "qid:1", ":", "2:x",
		"9:9"}
	for range 500 {
		var b strings.Builder
		b.WriteString("1 1:1\n")
		for range rng.IntN(60) {
			b.WriteString(pieces[rng.IntN(len(pieces))])
			if rng.IntN(2) == 0 {
				b.WriteString(" ")
			}
		}
		checkSVM(t, b.String(), 1+rng.Int64N(50))
	}
}

func BenchmarkSVM(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name  string
		value func() string
	}{
		{"digits", func() string { return strconv.FormatFloat(rng.Float64(), 'g', 6, 64) }},
		{"float64", func() string { return strconv.FormatFloat(rng.NormFloat64(), 'g', -1, 64) }},
		{"ones", func() string { return "1" }},
	} {
		var text strings.Builder
		const rows, entries, features = 20_000, 40, 1 << 18
		for i := range rows {
			text.WriteString(strconv.Itoa(i % 2))
			index := 0
			for range entries {
				index += 1 + rng.IntN(2*features/entries/2-1)
				fmt.Fprintf(&text, " %d:%s", index, c.value())
			}
			text.WriteByte('\n')
		}
		data := text.String()
		b.Run(c.name+"/inspect", func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := inspectText(data, "x.svm", Options{Sparse: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
		src, err := inspectText(data, "x.svm", Options{Sparse: true, Features: features})
		if err != nil {
			b.Fatal(err)
		}
		spans, err := Spans(b.Context(), src)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name+"/read", func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			block := &vectors.Block{Dim: features, Sparse: &vectors.CSR{}}
			for b.Loop() {
				block.Reset()
				if err := readSpan(b.Context(), src, spans[0], block); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
