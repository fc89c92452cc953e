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
	"unsafe"

	"beamlearn/model/vectors"
)

func compactBytes(t testing.TB, x *Index) []byte {
	t.Helper()
	var b bytes.Buffer
	stamp, err := x.WriteCompact(&b, nil)
	if err != nil {
		t.Fatal(err)
	}
	if stamp.Size != int64(b.Len()) {
		t.Fatalf("WriteCompact says %d bytes, and wrote %d", stamp.Size, b.Len())
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

// A compact file gives the same index: what it lacks is built anew. It is not much more than the points and their
// labels.
func TestCompact(t *testing.T) {
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
						compact := compactBytes(t, x)
						y, err := OpenBytes(compact)
						if err != nil {
							t.Fatal(err)
						}
						if err := y.Verify(math.MaxInt64); err != nil {
							t.Error(err)
						}
						checkSameIndex(t, y, x)
						if !bytes.Equal(compactBytes(t, y), compact) || !bytes.Equal(fileBytes(t, y), fileBytes(t, x)) {
							t.Error("written again it has other bytes")
						}
						const header, order, label = 1024, 4, 16
						texts := 0
						for _, s := range x.ids.Texts {
							texts += len(s) + 8
						}
						values := 4*len(x.points.f32) + 8*len(x.points.f64)
						if most := header + values + texts + x.Len()*(order+label); len(compact) > most {
							t.Errorf("%d bytes, expected at most %d", len(compact), most)
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

// A writer's error is reported as it is.
func TestFileWriteError(t *testing.T) {
	full := errors.New("disk full")
	x := fit(t, rowsBlock(gaussianRows(rand.New(rand.NewPCG(3, 2)), 3000, 100), vectors.Float64), Options{}, Brute)
	for _, room := range []int{0, 100, 2 << 20} {
		if _, err := x.WriteFile(&limited{room, full}, nil); !errors.Is(err, full) {
			t.Errorf("room for %d bytes: error %v", room, err)
		}
		if _, err := x.WriteCompact(&limited{room, full}, nil); !errors.Is(err, full) {
			t.Errorf("compact, room for %d bytes: error %v", room, err)
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

// ReadPoints reports a reader's error as it is, and points that end as damage.
func TestDecodingReadError(t *testing.T) {
	var w bytes.Buffer
	if err := WritePoints(&w, rowsBlock([][]float64{{1, 2}, {3, 4}}, vectors.Auto)); err != nil {
		t.Fatal(err)
	}
	b := w.Bytes()
	broken := errors.New("connection reset")
	for n := range b {
		r := io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(broken))
		if _, err := ReadPoints(r, int64(len(b))); !errors.Is(err, broken) {
			t.Fatalf("after %d bytes: error %v", n, err)
		}
	}
	if p, err := ReadPoints(iotest.HalfReader(bytes.NewReader(b)), int64(len(b))); err != nil || p.Len() != 2 {
		t.Errorf("a reader of few bytes at a time: %v", err)
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

// A header that lies about the shape is found out before memory is claimed for it.
func TestLiesAllocateNothing(t *testing.T) {
	b := compactBytes(t, fit(t, rowsBlock([][]float64{{1, 2}, {3, 4}, {5, 6}}, vectors.Auto), Options{Algorithm: KDTree},
		KDTree))
	for _, shape := range [][2]uint64{{MaxPoints, math.MaxInt32}, {1 << 32, 1 << 32}, {5, 0}, {0, 5}, {3, math.MaxInt32},
		{MaxPoints, 2}} {
		for _, length := range []uint64{12, 1 << 31, 1<<61 + 1, 1 << 63, math.MaxUint64} {
			lie := slices.Clone(b)
			binary.LittleEndian.PutUint64(lie[atN:], shape[0])
			binary.LittleEndian.PutUint64(lie[atDim:], shape[1])
			binary.LittleEndian.PutUint64(lie[headerBytes+16:], length) // of the points
			lie = remade(lie)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := OpenBytes(lie)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.HasPrefix(err.Error(), damaged) {
				t.Errorf("%d × %d in %d bytes: error %v", shape[0], shape[1], length, err)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 64<<10 {
				t.Errorf("%d × %d in %d bytes: %d bytes allocated for %d", shape[0], shape[1], length, used, len(b))
			}
		}
	}
}

// Few wide points are padded to whole registers, at worst 48 points of a byte a value for one of 4 bytes a value. The
// points themselves stay where they are.
func TestCompactMemory(t *testing.T) {
	for _, a := range []Algorithm{Brute, KDTree} {
		for _, n := range []int{1, 8, 9, 49, 1000} {
			rows := gaussianRows(rand.New(rand.NewPCG(3, 4)), n, 100_000/n)
			b := compactBytes(t, fit(t, rowsBlock(rows, vectors.Float32), Options{}, a))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			x, err := OpenBytes(b)
			if err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; used > 32*uint64(len(b)) {
				t.Errorf("%s, %d points: %d bytes allocated for %d", a, n, used, len(b))
			}
			if _, ok := aliased(x.points.f32); ok {
				lo, at := uintptr(unsafe.Pointer(&b[0])), uintptr(unsafe.Pointer(&x.points.f32[0]))
				if at < lo || at >= lo+uintptr(len(b)) {
					t.Errorf("%s, %d points: the points are not in the memory of the file", a, n)
				}
			}
		}
	}
}

const damaged = "not an index, or a damaged one: "

// Each fault of a compact file is named.
func TestCompactFaults(t *testing.T) {
	point := func(o Options, f func(x *Index)) []byte {
		x := fit(t, rowsBlock([][]float64{{1, 2}, {3, 4}, {5, 6}}, vectors.Auto), o, o.Algorithm)
		f(x)
		return compactBytes(t, x)
	}
	tree := func(order ...int32) []byte {
		return point(Options{Algorithm: KDTree}, func(x *Index) { x.engine.(*kdTree).order = order })
	}
	nan := func(x *Index) { x.points.f32[3] = float32(math.NaN()) }
	for _, c := range []struct {
		b    []byte
		want string
	}{
		{point(Options{}, func(x *Index) { x.opts.Metric = "l7" }), `metric "l7": must be one of euclidean`},
		{point(Options{}, func(x *Index) { x.opts.P = math.NaN() }), "p NaN: must be greater than 0"},
		{point(Options{}, func(x *Index) { x.opts.Algorithm = "" }), `algorithm "": must be one of auto, brute, kd_tree`},
		{point(Options{}, func(x *Index) { x.points.n = 2 }), "2 points of 2 columns with 24 bytes"},
		{point(Options{}, func(x *Index) { x.points.f64, x.points.n = make([]float64, 6), 6 }),
			"points as float32 and as float64"},
		{point(Options{}, func(x *Index) { x.numbers = []int64{1, 2} }), "3 points of 2 columns with 16 bytes in section 2"},
		{point(Options{}, func(x *Index) { x.ids.Ints = []int64{1} }), "3 points of 2 columns with 8 bytes in section 3"},
		{point(Options{}, func(x *Index) { x.ids.Texts = []string{"a", "b", "c"} }),
			"3 points of 2 columns with 0 bytes in section 3"},
		{point(Options{Algorithm: KDTree}, nan), "a value that is not finite"},
		{point(Options{Algorithm: Brute, Metric: Cosine}, nan), "a value that is not finite"},
		{tree(0, 1), "3 points of 2 columns with 8 bytes in section 18"},
		{tree(0, 1, 3), "a tree of 3 points with the number 3"},
		{tree(0, -1, 2), "a tree of 3 points with the number -1"},
		{tree(0, 1, 1), "a tree whose order is no permutation"},
	} {
		_, err := OpenBytes(c.b)
		if err == nil || !strings.HasPrefix(err.Error(), damaged+c.want) {
			t.Errorf("error %v, want %s", err, c.want)
		}
	}
}
