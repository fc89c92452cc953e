package neighbors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"beamlearn/model/vectors"
)

func encoded(t testing.TB, x *Index) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := x.WriteTo(&b)
	if err != nil {
		t.Fatal(err)
	}
	if n != int64(b.Len()) {
		t.Fatalf("WriteTo says %d bytes, and wrote %d", n, b.Len())
	}
	return b.Bytes()
}

// labels are the ways in which rows are known.
var labels = map[string]func(b *vectors.Block){
	"row numbers": func(*vectors.Block) {},
	"gaps": func(b *vectors.Block) {
		for i := range b.Numbers {
			b.Numbers[i] = 3*int64(i) - 5
		}
	},
	"integers": func(b *vectors.Block) {
		for i := range b.Len() {
			b.AppendID(vectors.ID{Int: math.MinInt64 + int64(i)})
		}
	},
	"texts": func(b *vectors.Block) {
		for i := range b.Len() {
			b.AppendID(vectors.ID{Text: strings.Repeat("é\x00,", i+1)})
		}
	},
	"texts and integers": func(b *vectors.Block) {
		for i := range b.Len() {
			b.AppendID([]vectors.ID{{Text: "x"}, {Int: int64(i)}}[i%2])
		}
	},
}

func TestEncoding(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	rows := gaussianRows(r, 70, 5)
	queries := rowsBlock(gaussianRows(r, 9, 5), vectors.Auto)
	for _, o := range []Options{{}, {Metric: SqEuclidean}, {Metric: Cosine}, {Metric: InnerProduct}, {Metric: Manhattan},
		{Metric: Chebyshev}, {Metric: Minkowski, P: 1.5}, {Metric: Minkowski, P: math.Inf(1)}, {Metric: Hamming}} {
		for _, dtype := range []vectors.DType{vectors.Float32, vectors.Float64} {
			for label, put := range labels {
				b := rowsBlock(rows, dtype)
				put(b)
				for engine, x := range fitted(t, b, o) {
					if engine == "plain" {
						continue // its engine is not that of its options
					}
					t.Run(fmt.Sprintf("%s %v/%v/%s/%s", o.Metric, o.P, dtype, label, engine), func(t *testing.T) {
						bytes1 := encoded(t, x)
						// Readers may give as few bytes as they like.
						y, err := ReadIndex(iotest.HalfReader(bytes.NewReader(bytes1)), int64(len(bytes1)))
						if err != nil {
							t.Fatal(err)
						}
						checkSameIndex(t, y, x)
						if !bytes.Equal(encoded(t, y), bytes1) {
							t.Error("encoding again gives other bytes")
						}
						same(t, kNeighbors(t, y, b, 6, Search{Self: true}), kNeighbors(t, x, b, 6, Search{Self: true}))
						radius := kNeighbors(t, x, queries, 3, Search{}).Distances[2]
						same(t, radiusNeighbors(t, y, queries, radius, Search{}), radiusNeighbors(t, x, queries, radius, Search{}))
					})
				}
			}
		}
	}
}

func checkSameIndex(t *testing.T, got, want *Index) {
	t.Helper()
	if got.Options() != want.Options() || got.Algorithm() != want.Algorithm() {
		t.Errorf("options %+v by %s, want %+v by %s", got.Options(), got.Algorithm(), want.Options(), want.Algorithm())
	}
	if got.Len() != want.Len() || got.Dim() != want.Dim() {
		t.Fatalf("%d × %d, want %d × %d", got.Len(), got.Dim(), want.Len(), want.Dim())
	}
	for i := range int32(want.Len()) {
		if got.ID(i) != want.ID(i) || got.Number(i) != want.Number(i) || got.Position(want.Number(i)) != i {
			t.Errorf("point %d is %v, row number %d, want %v, %d", i, got.ID(i), got.Number(i), want.ID(i), want.Number(i))
		}
	}
}

// WriteTo reports a writer's error.
func TestEncodingWriteError(t *testing.T) {
	full := errors.New("disk full")
	x := fit(t, rowsBlock(gaussianRows(rand.New(rand.NewPCG(3, 2)), 3000, 100), vectors.Float64), Options{}, Brute)
	for _, room := range []int{0, 100, 2 << 20} {
		if _, err := x.WriteTo(&limited{room, full}); !errors.Is(err, full) {
			t.Errorf("room for %d bytes: error %v", room, err)
		}
	}
}

type limited struct {
	room int
	err  error
}

func (l *limited) Write(b []byte) (int, error) {
	if len(b) > l.room {
		return 0, l.err
	}
	l.room -= len(b)
	return len(b), nil
}

// ReadIndex reports a reader's error as it is, and a file that ends as damage.
func TestDecodingReadError(t *testing.T) {
	b := encoded(t, fit(t, rowsBlock([][]float64{{1, 2}, {3, 4}}, vectors.Auto), Options{}, Brute))
	broken := errors.New("connection reset")
	for n := range b {
		r := io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(broken))
		if _, err := ReadIndex(r, int64(len(b))); !errors.Is(err, broken) {
			t.Fatalf("after %d bytes: error %v", n, err)
		}
	}
}

// smallIndexes are seeds of damage, encoded: each engine, storage and kind of ids.
func smallIndexes(t testing.TB, encode func(testing.TB, *Index) []byte) map[string][]byte {
	rows := gaussianRows(rand.New(rand.NewPCG(3, 3)), 12, 2)
	out := map[string][]byte{}
	for name, c := range map[string]struct {
		o     Options
		dtype vectors.DType
		label string
	}{
		"brute":     {Options{Algorithm: Brute}, vectors.Float32, "texts and integers"},
		"cosine":    {Options{Metric: Cosine, Algorithm: Brute}, vectors.Float64, "gaps"},
		"manhattan": {Options{Metric: Manhattan, Algorithm: Brute}, vectors.Float64, "texts"},
		"kd_tree":   {Options{Metric: Minkowski, P: 1.5, Algorithm: KDTree}, vectors.Float64, "integers"},
		"kd_tree2":  {Options{Metric: Euclidean, Algorithm: KDTree}, vectors.Float32, "row numbers"},
	} {
		b := rowsBlock(rows, c.dtype)
		labels[c.label](b)
		x, err := Fit(b, c.o)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = encode(t, x)
	}
	return out
}

const damaged = "neighbors: not an index, or damaged: "

func TestTruncatedIndex(t *testing.T) {
	for name, b := range smallIndexes(t, encoded) {
		for n := range b {
			for _, size := range []int{n, len(b)} {
				_, err := ReadIndex(bytes.NewReader(b[:n]), int64(size))
				if err == nil || !strings.HasPrefix(err.Error(), damaged) {
					t.Fatalf("%s: %d bytes of %d, said to be %d: error %v", name, n, len(b), size, err)
				}
			}
		}
		for _, size := range []int{-1, 0, len(b) - 1} {
			if _, err := ReadIndex(bytes.NewReader(b), int64(size)); err == nil {
				t.Errorf("%s: read, though %d bytes are said to be %d", name, len(b), size)
			}
		}
		longer := append(slices.Clone(b), 0)
		if _, err := ReadIndex(bytes.NewReader(longer), int64(len(longer))); err == nil || err.Error() != damaged+"1 bytes too many" {
			t.Errorf("%s: a byte too many: error %v", name, err)
		}
	}
}

// A damaged index is an error, or an index that answers.
func TestFlippedBytes(t *testing.T) {
	step := 1
	if brief() {
		step = 7
	}
	for name, b := range smallIndexes(t, encoded) {
		read := 0
		for i := 0; i < len(b); i += step {
			for _, flip := range []byte{1, 16, 128, 255} {
				c := slices.Clone(b)
				c[i] ^= flip
				if search(t, c) {
					read++
				}
			}
		}
		if read == 0 {
			t.Errorf("%s: no flipped bit of a value was read", name)
		}
	}
}

// search decodes an index, if it is one, and asks it everything.
func search(t *testing.T, b []byte) bool {
	t.Helper()
	x, err := ReadIndex(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		if !strings.HasPrefix(err.Error(), damaged) {
			t.Fatalf("error %v", err)
		}
		return false
	}
	q := &vectors.Block{Dim: x.Dim()}
	row := make([]float64, x.Dim())
	q.Append(row, x.Number(0))
	for j := range row {
		row[j] = float64(j%3) - 0.7
	}
	q.Append(row, x.Number(int32(x.Len()-1)))
	k := min(x.Len(), 3)
	n := kNeighbors(t, x, q, k, Search{Threads: 1})
	for i := range n.Len() {
		positions, distances := n.Of(i)
		for r, p := range positions {
			if p < 0 || int(p) >= x.Len() || math.IsNaN(distances[r]) || r > 0 && distances[r] < distances[r-1] {
				t.Fatalf("neighbours %v at %v", positions, distances)
			}
			x.ID(p)
		}
	}
	if k > 1 {
		kNeighbors(t, x, q, k-1, Search{Self: true, Threads: 1})
	}
	radiusNeighbors(t, x, q, n.Distances[k-1], Search{Threads: 1})
	x.DuplicateIDs()
	if again := encoded(t, x); !bytes.Equal(again, b) {
		t.Fatalf("encoding again gives %q, not %q", again, b)
	}
	return true
}

// header encodes all up to the lists: a shape that may lie.
func header(metric, algorithm string, n, dim uint64) []byte {
	var b bytes.Buffer
	e := &encoder{w: &b}
	e.bytes([]byte(magic))
	e.string(metric)
	e.uint64(math.Float64bits(2))
	e.string(algorithm)
	e.uint64(n)
	e.uint64(dim)
	return b.Bytes()
}

// A list is as long as the bytes that are there, whatever is said of it.
func TestLiesAllocateNothing(t *testing.T) {
	lists := func(lengths ...uint64) []byte { // empty lists, the last one longer
		var b []byte
		for _, n := range lengths {
			b = binary.LittleEndian.AppendUint64(b, n)
		}
		return b
	}
	lies := map[string][]byte{
		"metric":           append([]byte(magic), lists(1<<62)...),
		"metric, all":      append([]byte(magic), lists(math.MaxUint64)...),
		"shape":            append(header("euclidean", "brute", MaxPoints, math.MaxInt32), lists(0, 0, 0, 0, 0)...),
		"shape that wraps": append(header("euclidean", "brute", 1<<32, 1<<32), lists(0, 0, 0, 0, 0)...),
		"no columns":       append(header("euclidean", "kd_tree", 5, 0), lists(0, 0, 0, 0, 0, 0)...),
		"no points":        append(header("euclidean", "kd_tree", 0, 5), lists(0, 0, 0, 0, 0, 0)...),
	}
	for i, list := range []string{"numbers", "ids", "texts", "float32", "float64", "tree"} {
		for _, n := range []uint64{1, 1 << 31, 1<<61 + 1, 1 << 63, math.MaxUint64} {
			lies[fmt.Sprintf("%s of %d", list, n)] = append(header("euclidean", "kd_tree", n, 1), lists(append(make([]uint64, i), n)...)...)
		}
	}
	for name, b := range lies {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := ReadIndex(bytes.NewReader(b), int64(len(b)))
		runtime.ReadMemStats(&after)
		if err == nil || !strings.HasPrefix(err.Error(), damaged) {
			t.Errorf("%s: error %v", name, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 64<<10 { // of which 16 are the decoder's buffer
			t.Errorf("%s: %d bytes allocated for %d", name, used, len(b))
		}
	}
}

// Few wide points are padded to whole registers, at worst 48 points of a byte a value for one of 4 bytes a value.
func TestDecodingMemory(t *testing.T) {
	for _, a := range []Algorithm{Brute, KDTree} {
		for _, n := range []int{1, 8, 9, 49, 1000} {
			rows := gaussianRows(rand.New(rand.NewPCG(3, 4)), n, 100_000/n)
			b := encoded(t, fit(t, rowsBlock(rows, vectors.Float32), Options{}, a))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := ReadIndex(bytes.NewReader(b), int64(len(b))); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; used > 32*uint64(len(b)) {
				t.Errorf("%s, %d points: %d bytes allocated for %d", a, n, used, len(b))
			}
		}
	}
}

// Each fault of a decoded index is named.
func TestDecodingFaults(t *testing.T) {
	point := func(o Options, f func(x *Index)) []byte {
		x := fit(t, rowsBlock([][]float64{{1, 2}, {3, 4}, {5, 6}}, vectors.Auto), o, o.Algorithm)
		f(x)
		return encoded(t, x)
	}
	tree := func(order ...int32) []byte {
		return point(Options{Algorithm: KDTree}, func(x *Index) { x.engine.(*kdTree).order = order })
	}
	for _, c := range []struct {
		b    []byte
		want string
	}{
		{nil, "it ends early"},
		{[]byte("BLKNN000 and so on"), `it begins with "BLKNN000"`},
		{point(Options{}, func(x *Index) { x.opts.Metric = "l7" }), `metric "l7": must be one of euclidean`},
		{point(Options{}, func(x *Index) { x.opts.P = math.NaN() }), "p NaN: must be greater than 0"},
		{point(Options{}, func(x *Index) { x.opts.Algorithm = "" }), `algorithm "": must be one of auto, brute, kd_tree`},
		{point(Options{}, func(x *Index) { x.points.n = 2 }), "6 values for 2 points of 2 columns"},
		{point(Options{}, func(x *Index) { x.points.f64, x.points.n = make([]float64, 6), 6 }), "12 values for 6 points of 2 columns"},
		{point(Options{}, func(x *Index) { x.numbers = []int64{1, 2} }), "row numbers or ids that are not one a point"},
		{point(Options{}, func(x *Index) { x.numbers = []int64{1, 3, 3} }), "row numbers that do not ascend"},
		{point(Options{}, func(x *Index) { x.ids.Ints = []int64{1} }), "row numbers or ids that are not one a point"},
		{point(Options{}, func(x *Index) { x.ids.Texts = []string{"a", "b", "c"} }), "row numbers or ids that are not one a point"},
		{point(Options{}, func(x *Index) { x.points.f32[3] = float32(math.NaN()) }), "a value that is not finite"},
		{tree(0, 1), "a tree of 2 points over 3"},
		{tree(0, 1, 3), "a tree whose order is no permutation"},
		{tree(0, -1, 2), "a tree whose order is no permutation"},
		{tree(0, 1, 1), "a tree whose order is no permutation"},
	} {
		_, err := ReadIndex(bytes.NewReader(c.b), int64(len(c.b)))
		if err == nil || !strings.HasPrefix(err.Error(), damaged+c.want) {
			t.Errorf("error %v, want %s", err, c.want)
		}
	}
}

func FuzzReadIndex(f *testing.F) {
	for _, b := range smallIndexes(f, encoded) {
		f.Add(b)
	}
	f.Add(header("hamming", "auto", 1<<31, 1<<31))
	f.Fuzz(func(t *testing.T, b []byte) { search(t, b) })
}
