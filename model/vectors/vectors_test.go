package vectors

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
)

// content is a block's rows as float64, by [Block.Row].
func content(b *Block) [][]float64 {
	rows := make([][]float64, b.Len())
	for i := range rows {
		rows[i] = slices.Clone(b.Row(i, make([]float64, b.Dim)))
	}
	return rows
}

// equalBits compares values with the sign of zero.
func equalBits(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) })
}

func checkRows(t *testing.T, b *Block, want [][]float64, wide bool) {
	t.Helper()
	if got := content(b); !slices.EqualFunc(got, want, equalBits) {
		t.Errorf("rows %v, want %v", got, want)
	}
	if b.Wide() != wide {
		t.Errorf("wide is %v, want %v", b.Wide(), wide)
	}
	narrow, wider := b.Len()*b.Dim, 0
	if wide {
		narrow, wider = 0, narrow
	}
	if len(b.F32) != narrow || len(b.F64) != wider {
		t.Errorf("%d values in F32 and %d in F64, want %d and %d", len(b.F32), len(b.F64), narrow, wider)
	}
}

func TestAppend(t *testing.T) {
	negative := math.Copysign(0, -1)
	for _, c := range []struct {
		name  string
		dtype DType
		rows  [][]float64
		want  [][]float64 // nil where it is the same
		wide  bool
	}{
		{"float32 holds them", Auto, [][]float64{{1, 0.5}, {negative, 1 << 24}}, nil, false},
		{"the extremes of float32", Auto, [][]float64{{math.MaxFloat32, math.SmallestNonzeroFloat32}}, nil, false},
		{"a digit too many", Auto, [][]float64{{1, 0.5}, {0.1, 2}, {3, 4}}, nil, true},
		{"an integer too large", Auto, [][]float64{{negative, 1}, {1, 1<<24 + 1}}, nil, true},
		{"beyond float32", Auto, [][]float64{{1, 2}, {1e39, -math.MaxFloat64}}, nil, true},
		{"below float32", Auto, [][]float64{{0x1p-150, negative}}, nil, true},
		{"rounds", Float32, [][]float64{{0.1, 1<<24 + 1}, {0x1p-150, -1e-60}},
			[][]float64{{float64(float32(0.1)), 1 << 24}, {0, negative}}, false},
		{"the last that rounds to a float32", Float32, [][]float64{{3.4028235677973362e38, 0}},
			[][]float64{{math.MaxFloat32, 0}}, false},
		{"float64", Float64, [][]float64{{1, 2}, {negative, 0.1}}, nil, true},
		{"none", Auto, nil, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &Block{Dim: 2, DType: c.dtype}
			var numbers []int64
			for i, row := range c.rows {
				if j := b.Append(row, int64(10*i)); j != -1 {
					t.Fatalf("row %d: column %d is refused", i, j)
				}
				numbers = append(numbers, int64(10*i))
			}
			want := c.want
			if want == nil {
				want = c.rows
			}
			checkRows(t, b, want, c.wide)
			if !slices.Equal(b.Numbers, numbers) {
				t.Errorf("numbers %v, want %v", b.Numbers, numbers)
			}
		})
	}
}

func TestAppendRefuses(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		row    []float64
		dtypes []DType
		column int
	}{
		{[]float64{nan, 0, 0}, []DType{Auto, Float32, Float64}, 0},
		{[]float64{0, inf, nan}, []DType{Auto, Float32, Float64}, 1},
		{[]float64{0.1, 1e300, -inf}, []DType{Auto, Float64}, 2},
		{[]float64{0.1, 1e300, -inf}, []DType{Float32}, 1},
		{[]float64{0, 0, -1e39}, []DType{Float32}, 2},
		{[]float64{0, 0, 3.4028235677973366e38}, []DType{Float32}, 2}, // half way to the next, which float32 lacks
	} {
		for _, dtype := range c.dtypes {
			b := &Block{Dim: 3, DType: dtype}
			b.Append([]float64{1, 2, 3}, 0)
			if j := b.Append(c.row, 1); j != c.column {
				t.Errorf("%v, %v: column %d, want %d", dtype, c.row, j, c.column)
			}
			checkRows(t, b, [][]float64{{1, 2, 3}}, dtype == Float64)
		}
	}
}

func TestAppend32(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	negative := float32(math.Copysign(0, -1))
	for _, dtype := range []DType{Auto, Float32, Float64} {
		b := &Block{Dim: 2, DType: dtype}
		if j := b.Append32([]float32{0.1, negative}, 7); j != -1 {
			t.Errorf("column %d is refused", j)
		}
		for j, row := range [][]float32{{nan, 1}, {1, inf}} {
			if got := b.Append32(row, 8); got != j {
				t.Errorf("%v: column %d, want %d", row, got, j)
			}
		}
		b.Append32([]float32{math.MaxFloat32, 2}, 9)
		want := [][]float64{{float64(float32(0.1)), float64(negative)}, {math.MaxFloat32, 2}}
		checkRows(t, b, want, dtype == Float64)
		b.Widen()
		b.Append32([]float32{3, 0.1}, 10)
		checkRows(t, b, append(want, []float64{3, float64(float32(0.1))}), true)
		if want := []int64{7, 9, 10}; !slices.Equal(b.Numbers, want) {
			t.Errorf("numbers %v, want %v", b.Numbers, want)
		}
	}
}

func TestWiden(t *testing.T) {
	b := &Block{Dim: 1}
	b.Widen()
	checkRows(t, b, nil, true)
	b.Append([]float64{1}, 0)
	checkRows(t, b, [][]float64{{1}}, true)
	b.Widen()
	checkRows(t, b, [][]float64{{1}}, true)
}

func TestRowSharesWideMemory(t *testing.T) {
	b := &Block{Dim: 2}
	b.Append([]float64{1, 2}, 0)
	b.Append([]float64{3, 4}, 1)
	dst := make([]float64, 5)
	if row := b.Row(1, dst); &row[0] != &dst[0] || !slices.Equal(row, []float64{3, 4}) {
		t.Errorf("row %v is not that of the memory given", row)
	}
	b.Widen()
	if row := b.Row(1, dst); &row[0] != &b.F64[2] || !slices.Equal(row, []float64{3, 4}) {
		t.Errorf("row %v is not that of the block", row)
	}
}

func TestReset(t *testing.T) {
	b := &Block{Dim: 2}
	for i := range 10 {
		b.Append([]float64{float64(i), 0}, int64(i))
		b.AppendID(ID{Text: "a"})
	}
	b.Append([]float64{0.1, 0}, 10)
	b.AppendID(ID{Int: 10})
	b.Reset()
	checkRows(t, b, nil, false)
	if b.Len() != 0 || b.IDs.Len() != 0 || b.IDs.Texts != nil {
		t.Errorf("%d rows and %d ids are left", b.Len(), b.IDs.Len())
	}
	if cap(b.F64) < 22 || cap(b.Numbers) < 11 {
		t.Errorf("memory for %d values and %d numbers is left", cap(b.F64), cap(b.Numbers))
	}
	b.Append([]float64{5, 6}, 3)
	b.AppendID(ID{Int: 4})
	checkRows(t, b, [][]float64{{5, 6}}, false)
	if id := b.ID(0); id != (ID{Int: 4}) {
		t.Errorf("id %v, want 4", id)
	}
	wide := &Block{Dim: 1, DType: Float64, F64: []float64{1}, Numbers: []int64{0}}
	wide.Reset()
	checkRows(t, wide, nil, true)
}

func TestGrow(t *testing.T) {
	for _, dtype := range []DType{Auto, Float64} {
		b := &Block{Dim: 3, DType: dtype}
		b.Append([]float64{1, 2, 3}, 4)
		b.Grow(100)
		checkRows(t, b, [][]float64{{1, 2, 3}}, dtype == Float64)
		allocations := testing.AllocsPerRun(1, func() {
			for range 50 { // AllocsPerRun runs it twice
				b.Append([]float64{4, 5, 6}, 5)
			}
		})
		if allocations != 0 {
			t.Errorf("%v: %v allocations for rows that were made room for", dtype, allocations)
		}
	}
}

func TestAppendBlock(t *testing.T) {
	narrow := func() *Block {
		b := &Block{Dim: 1}
		b.Append([]float64{1}, 5)
		b.Append([]float64{-0.5}, 7)
		return b
	}
	wide := func() *Block {
		b := &Block{Dim: 1}
		b.Append([]float64{0.1}, 9)
		return b
	}
	for _, c := range []struct {
		name string
		b, c *Block
		want [][]float64
		wide bool
	}{
		{"float32", narrow(), narrow(), [][]float64{{1}, {-0.5}, {1}, {-0.5}}, false},
		{"float64 to float32", narrow(), wide(), [][]float64{{1}, {-0.5}, {0.1}}, true},
		{"float32 to float64", wide(), narrow(), [][]float64{{0.1}, {1}, {-0.5}}, true},
		{"float64", wide(), wide(), [][]float64{{0.1}, {0.1}}, true},
		{"to none", &Block{Dim: 1}, wide(), [][]float64{{0.1}}, true},
		{"none", narrow(), &Block{Dim: 1, DType: Float64}, [][]float64{{1}, {-0.5}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			numbers := slices.Concat(c.b.Numbers, c.c.Numbers)
			before := content(c.c)
			c.b.AppendBlock(c.c)
			checkRows(t, c.b, c.want, c.wide)
			if !slices.Equal(c.b.Numbers, numbers) {
				t.Errorf("numbers %v, want %v", c.b.Numbers, numbers)
			}
			if !slices.EqualFunc(content(c.c), before, equalBits) {
				t.Error("the block that is added has changed")
			}
		})
	}
}

// Rows that are made in the place that another block has lent are those of AppendBlock, wherever one is lacking or has
// values that the others' storage has no room for, and are not copied where none is.
func TestLend(t *testing.T) {
	t.Parallel()
	const dim, rows, parts = 3, 4, 5
	for _, dtype := range []DType{Auto, Float64} {
		for lacking := -1; lacking < parts; lacking++ {
			for wide := -1; wide < parts; wide++ {
				got, want := &Block{Dim: dim, DType: dtype}, &Block{Dim: dim, DType: dtype}
				got.Grow(parts * rows)
				var lent, own []*Block
				for p := range parts {
					lent, own = append(lent, &Block{Dim: dim, DType: dtype}), append(own, &Block{Dim: dim, DType: dtype})
					got.Lend(lent[p], p*rows, rows)
				}
				for p := parts - 1; p >= 0; p-- { // in any order
					for i := range rows {
						row := []float64{float64(p), float64(i), 1}
						if p == wide && i == 2 {
							row[2] = 0.1
						}
						if p != lacking || i != 1 {
							lent[p].Append(row, int64(p*rows+i))
							own[p].Append(row, int64(p*rows+i))
						}
					}
				}
				var first *float32
				if dtype == Auto {
					first = &got.F32[:1][0]
				}
				for p := range parts {
					got.AppendBlock(lent[p])
					want.AppendBlock(own[p])
				}
				if !reflect.DeepEqual(state(got), state(want)) {
					t.Fatalf("%s, one lacking of %d, %d wide:\n%v\nwant\n%v", dtype, lacking, wide, got, want)
				}
				if dtype == Auto && wide < 0 && (&got.F32[0] != first || lacking < 0 && &got.F32[dim*rows] != &lent[1].F32[0]) {
					t.Fatalf("one lacking of %d: values were copied", lacking)
				}
			}
		}
	}
	full := &Block{Dim: dim, F32: make([]float32, 0, 2*dim)}
	full.Append([]float64{1, 2, 3}, 0)
	for _, c := range []*Block{{Dim: dim, Sparse: &CSR{}}, {Dim: dim, DType: Float64}, {Dim: dim}} {
		if full.Lend(c, 1, 2); cap(c.F32) > 0 || cap(c.F64) > 0 {
			t.Errorf("%v got room that there is none of", c)
		}
		if full.Lend(c, 0, 1); cap(c.F32) > 0 || cap(c.F64) > 0 {
			t.Errorf("%v got the room of a row that is there", c)
		}
	}
}

func TestAppendBlockIDs(t *testing.T) {
	withIDs := func(ids ...ID) *Block {
		b := &Block{Dim: 1}
		for i, id := range ids {
			b.Append([]float64{0}, int64(100+i))
			b.AppendID(id)
		}
		return b
	}
	ints, texts := []ID{{Int: 3}, {Int: -4}}, []ID{{Text: "a"}, {Int: 5}}
	for _, c := range []struct{ b, c []ID }{{ints, ints}, {ints, texts}, {texts, ints}, {texts, texts}, {nil, texts},
		{nil, ints}} {
		b := withIDs(c.b...)
		b.AppendBlock(withIDs(c.c...))
		for i, want := range slices.Concat(c.b, c.c) {
			if got := b.ID(i); got != want {
				t.Errorf("%v and %v: id %d is %v, want %v", c.b, c.c, i, got, want)
			}
		}
		if want := len(c.b) + len(c.c); b.IDs.Len() != want || b.IDs.Texts != nil && len(b.IDs.Texts) != want {
			t.Errorf("%v and %v: %d ids", c.b, c.c, b.IDs.Len())
		}
	}
	plain := withIDs()
	plain.Append([]float64{0}, 42)
	if id := plain.ID(0); id != (ID{Int: 42}) {
		t.Errorf("id %v, want the row's number", id)
	}
	for _, c := range []struct {
		b, c *Block
		want string
	}{
		{plain, withIDs(ints...), "vectors.AppendBlock: one block has ids and the other has not"},
		{withIDs(ints...), plain, "vectors.AppendBlock: one block has ids and the other has not"},
		{plain, &Block{Dim: 2}, "vectors.AppendBlock: dimension 2 to 1"},
	} {
		func() {
			defer func() {
				if got := recover(); got != c.want {
					t.Errorf("panic %v, want %v", got, c.want)
				}
			}()
			c.b.AppendBlock(c.c)
		}()
	}
}

// TestSliceOfNone takes no rows of blocks that have none.
func TestSliceOfNone(t *testing.T) {
	for name, b := range map[string]*Block{"dense": {Dim: 2}, "sparse": {Dim: 2, Sparse: &CSR{}}} {
		if got := b.Slice(0, 0); got.Len() != 0 || got.Dim != 2 || (got.Sparse == nil) != (b.Sparse == nil) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestIDs(t *testing.T) {
	var s IDs
	want := []ID{{Int: 1}, {Int: -2}, {Text: "x"}, {Int: 3}, {Text: "7a"}}
	for i, id := range want {
		s.Append(id)
		if i < 2 && s.Texts != nil {
			t.Error("integers take room for texts")
		}
	}
	for i, id := range want {
		if got := s.At(i); got != id {
			t.Errorf("id %d is %v, want %v", i, got, id)
		}
	}
	if s.Len() != len(want) {
		t.Errorf("%d ids, want %d", s.Len(), len(want))
	}
	for _, piece := range [][2]int{{0, 2}, {1, 4}, {5, 5}, {0, 5}} {
		got := s.Slice(piece[0], piece[1])
		if got.Len() != piece[1]-piece[0] {
			t.Fatalf("%d ids of %v", got.Len(), piece)
		}
		for i := range got.Len() {
			if got.At(i) != want[piece[0]+i] {
				t.Errorf("id %d of %v is %v, want %v", i, piece, got.At(i), want[piece[0]+i])
			}
		}
		got.Append(ID{Text: "new"})
	}
	if got := s.At(2); got != want[2] {
		t.Errorf("an id appended to a part changed another to %v", got)
	}
	texts := s.Texts
	s.Reset()
	if s.Len() != 0 || slices.ContainsFunc(texts, func(s string) bool { return s != "" }) {
		t.Error("texts are kept after a reset")
	}
	s.Append(ID{Int: 9})
	if got := s.At(0); got != (ID{Int: 9}) || s.Texts != nil {
		t.Errorf("id %v after a reset, want 9", got)
	}
}

func TestParseID(t *testing.T) {
	integers := map[string]int64{
		"0": 0, "7": 7, "-3": -3, "10": 10, "-10": -10,
		"9223372036854775807": math.MaxInt64, "-9223372036854775808": math.MinInt64,
	}
	for s, want := range integers {
		if got := ParseID(s); got != (ID{Int: want}) || !got.IsInt() {
			t.Errorf("%q is the id %+v, want the integer %d", s, got, want)
		}
	}
	for _, s := range []string{
		"-0", "007", "-07", "+7", "-", "--1", " 7", "7 ", "7.0", "1e3", "0x1", "1_000", "٣", "a", "\x00", "\xff",
		"9223372036854775808", "-9223372036854775809", "18446744073709551615", "100000000000000000000",
	} {
		if got := ParseID(s); got != (ID{Text: s}) || got.IsInt() {
			t.Errorf("%q is the id %+v, want a text", s, got)
		}
	}
}

// An id reads back as it was written.
func FuzzParseID(f *testing.F) {
	for _, s := range []string{"0", "-0", "007", "-1", "9223372036854775808", "a,b", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" {
			return // no valid id
		}
		id := ParseID(s)
		if got := id.String(); got != s {
			t.Errorf("%q is written %q", s, got)
		}
		if got := string(id.Append([]byte("x,"))); got != "x,"+s {
			t.Errorf("%q is appended as %q", s, got)
		}
		if again := ParseID(id.String()); again != id {
			t.Errorf("%q is the id %+v, then %+v", s, id, again)
		}
	})
}

func TestDType(t *testing.T) {
	for d, name := range map[DType]string{Auto: "auto", Float32: "float32", Float64: "float64"} {
		if got := d.String(); got != name {
			t.Errorf("%s is named %s", name, got)
		}
		if got, err := ParseDType(name); got != d || err != nil {
			t.Errorf("%s is read as %v (%v)", name, got, err)
		}
	}
	for _, d := range []DType{-1, 3} {
		if got, want := d.String(), fmt.Sprintf("DType(%d)", int(d)); got != want {
			t.Errorf("named %s, want %s", got, want)
		}
	}
	for _, s := range []string{"", "Float32", "float16", "DType(3)"} {
		if _, err := ParseDType(s); err == nil ||
			err.Error() != fmt.Sprintf("dtype %q: must be auto, float32 or float64", s) {
			t.Errorf("%q: error %v", s, err)
		}
	}
}

func TestFromSlices(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(-1)
	for _, c := range []struct {
		values []float64
		dim    int
		err    string
	}{
		{[]float64{1, 2, 3, 4, 5, 6}, 2, ""},
		{[]float64{1, 2, 3, 4, 5, 6}, 6, ""},
		{nil, 3, ""},
		{[]float64{1, 2, 3}, 2, "3 values are not rows of 2"},
		{[]float64{1, 2, 3}, 0, "3 values are not rows of 0"},
		{nil, -1, "0 values are not rows of -1"},
		{[]float64{1, 2, 3, nan}, 2, "row 1, column 1: found NaN, expected a finite number"},
		{[]float64{1, 2, inf, nan}, 2, "row 1, column 0: found -Inf, expected a finite number"},
	} {
		values := make([]float32, len(c.values))
		for i, v := range c.values {
			values[i] = float32(v)
		}
		narrow, err32 := FromFloat32(values, c.dim)
		wide, err64 := FromFloat64(c.values, c.dim)
		if c.err != "" {
			for _, err := range []error{err32, err64} {
				if err == nil || err.Error() != c.err {
					t.Errorf("%v in rows of %d: error %v, want %s", c.values, c.dim, err, c.err)
				}
			}
			continue
		}
		if err32 != nil || err64 != nil {
			t.Fatalf("%v in rows of %d: errors %v and %v", c.values, c.dim, err32, err64)
		}
		var rows [][]float64
		var numbers []int64
		for i := 0; i < len(c.values); i += c.dim {
			rows = append(rows, c.values[i:i+c.dim])
			numbers = append(numbers, int64(i/c.dim))
		}
		checkRows(t, narrow, rows, false)
		checkRows(t, wide, rows, true)
		for _, b := range []*Block{narrow, wide} {
			if b.Dim != c.dim || !slices.Equal(b.Numbers, numbers) {
				t.Errorf("%d columns, numbers %v, want %d, %v", b.Dim, b.Numbers, c.dim, numbers)
			}
		}
		if len(values) > 0 && (&narrow.F32[0] != &values[0] || &wide.F64[0] != &c.values[0]) {
			t.Error("the values were copied")
		}
	}
}

func TestDuplicates(t *testing.T) {
	for want, texts := range map[int][]string{0: {"1", "2", "01", "a"}, 2: {"1", "a", "1", "b", "a"}} {
		var ids IDs
		for _, s := range texts {
			ids.Append(ParseID(s))
		}
		if got := ids.Duplicates(); got != want {
			t.Errorf("%v: %d, want %d", texts, got, want)
		}
	}
}
