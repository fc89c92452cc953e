package tile

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"beamlearn/model/internal/guard"
)

var lengths = []int{1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 100, 128, 257, 768}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// placements are ways to put a list next to memory that must not be touched: see guard.Slice.
var placements = []string{"head", "tail", "unaligned"}

// TestPairs compares the float64 kernels of every level to plain Go, bit for bit.
func TestPairs(t *testing.T) {
	for _, level := range Levels() {
		for _, dim := range lengths {
			testPairs(t, level.Name+" 32x32", dim, &Generic.Pairs32, &level.Pairs32, false)
			testPairs(t, level.Name+" 64x32", dim, &Generic.Pairs64x32, &level.Pairs64x32, true)
			testPairs(t, level.Name+" 64x64", dim, &Generic.Pairs64, &level.Pairs64, true)
		}
	}
}

func testPairs[X, Y float32 | float64](t *testing.T, name string, dim int, want, got *PairKernels[X, Y], scaled bool) {
	t.Helper()
	const queries, points = 3, 5
	r := newRand(uint64(dim))
	special := []float64{0, math.Copysign(0, -1), 1e-310, 1e-45, math.MaxFloat32, math.Inf(1), math.NaN(), -3}
	for _, odd := range []bool{false, true} { // with values that are not ordinary
		for _, place := range placements {
			x, y := guard.Slice[X](t, queries*dim, place), guard.Slice[Y](t, points*dim, place)
			for i := range x {
				x[i] = X(r.NormFloat64())
				if odd && r.IntN(8) == 0 {
					x[i] = X(special[r.IntN(len(special))])
				}
			}
			for i := range y {
				y[i] = Y(r.NormFloat64())
				if r.IntN(4) == 0 { // equal to that of a query, but for its sign
					y[i] = Y(math.Copysign(float64(x[r.IntN(queries)*dim+i%dim]), r.NormFloat64()))
				}
				if odd && r.IntN(8) == 0 {
					y[i] = Y(special[r.IntN(len(special))])
				}
			}
			scales := guard.Slice[float64](t, points, place)
			for i := range scales {
				scales[i] = r.Float64() * float64(i) // the first is 0
			}
			pairs, a, b := guard.Slice[uint64](t, 8, place), guard.Slice[float64](t, 8, place), make([]float64, 8)
			for i := range pairs {
				pairs[i] = uint64(r.IntN(points))<<32 | uint64(r.IntN(queries))
			}
			compare := func(kernel string, want, got Pairs[X, Y]) {
				t.Helper()
				got(x, y, dim, scales, pairs, a)
				want(x, y, dim, scales, pairs, b)
				for i := range b {
					if math.Float64bits(a[i]) != math.Float64bits(b[i]) && !(a[i] != a[i] && b[i] != b[i]) {
						t.Errorf("%s %s, dim %d, %s: pair %d gave %v, want %v", name, kernel, dim, place, i, a[i], b[i])
					}
				}
			}
			compare("squares", want.Squares, got.Squares)
			compare("products", want.Products, got.Products)
			compare("manhattan", want.Manhattan, got.Manhattan)
			compare("chebyshev", want.Chebyshev, got.Chebyshev)
			compare("hamming", want.Hamming, got.Hamming)
			if scaled {
				compare("scaled squares", want.ScaledSquares, got.ScaledSquares)
			}
		}
	}
}

func TestScreen(t *testing.T) {
	for _, level := range Levels() {
		for _, dim := range lengths {
			for _, place := range placements {
				r := newRand(uint64(dim))
				x, y := guard.Slice[float32](t, 3*dim, place), guard.Slice[float32](t, 5*dim, place)
				for i := range x {
					x[i] = float32(r.NormFloat64() * math.Ldexp(1, -(i%3)*10))
				}
				for i := range y {
					y[i] = float32(r.NormFloat64())
				}
				pairs, got := guard.Slice[uint64](t, 8, place), guard.Slice[float32](t, 8, place)
				for i := range pairs {
					pairs[i] = uint64(r.IntN(5))<<32 | uint64(r.IntN(3))
				}
				want := make([]float64, 8)
				level.Screen(x, y, dim, pairs, got)
				Generic.Pairs32.Squares(x, y, dim, nil, pairs, want)
				for i, w := range want {
					if !(math.Abs(float64(got[i])-w) <= w*float64(dim+4)*0x1p-24) {
						t.Errorf("%s, dim %d, %s: pair %d gave %v, want %v", level.Name, dim, place, i, got[i], w)
					}
				}
			}
		}
	}
}

// forms are the kernels of tiles.
var forms = []struct {
	name  string
	bytes bool
	of    func(*Kernels) *Tile
}{
	{"bytes", true, func(k *Kernels) *Tile { return k.Bytes }},
	{"float32s", false, func(k *Kernels) *Tile { return k.Float32s }},
	{"manhattan", true, func(k *Kernels) *Tile { return k.Manhattan }},
	{"chebyshev", true, func(k *Kernels) *Tile { return k.Chebyshev }},
	{"hamming", true, func(k *Kernels) *Tile { return k.Hamming }},
}

// tiles are the arguments of a tile kernel, in memory that is guarded.
type tiles struct {
	args   Args
	scales []float32
	halves []float32
	hits   []Hit
	best   []float32
	data   []byte
}

// newTiles makes panels whose values are such that no operation rounds: small whole numbers, and powers of two for the
// scales. So all levels must agree exactly, in whatever order they add. With few, rows of int8 have two values only.
func newTiles(t testing.TB, r *rand.Rand, inBytes, few bool, words, panels int, place string) *tiles {
	s := &tiles{}
	s.data = guard.Slice[byte](t, panels*words*Columns*4, place)
	queries := guard.Slice[byte](t, ((words-1)*Columns+Rows)*4, place)
	for _, d := range [][]byte{s.data, queries} {
		for i := range len(d) / 4 {
			if inBytes {
				for j := range 4 {
					d[4*i+j] = byte(int8(r.IntN(255) - 127))
					if few {
						d[4*i+j] = byte(r.IntN(2) * 0x7f)
					}
				}
			} else {
				binary.LittleEndian.PutUint32(d[4*i:], math.Float32bits(float32(r.IntN(15)-7)))
			}
		}
	}
	column := func(value func() float32) []float32 {
		c := guard.Slice[float32](t, panels*Columns, place)
		for i := range c {
			c[i] = value()
		}
		return c
	}
	whole := func(most int) func() float32 { return func() float32 { return float32(r.IntN(2*most+1) - most) } }
	power := func() float32 { return float32(math.Ldexp(1, -r.IntN(2))) }
	sum := 40 * words // what products come to, or so
	if inBytes {
		sum = 10000 * words
	}
	s.scales, s.halves = column(power), column(whole(sum))
	s.halves[r.IntN(len(s.halves))] = float32(math.Inf(r.IntN(2)*2 - 1)) // of a row that is never a hit, or always
	s.hits = guard.Slice[Hit](t, panels+1, place)
	s.best = guard.Slice[float32](t, Rows*Columns, place)
	for i := range s.best {
		s.best[i] = float32(math.Inf(-1))
	}
	margins := guard.Slice[float32](t, 2*panels, place)
	for i := range margins {
		margins[i] = float32(r.IntN(5))
	}
	s.args = Args{Queries: unsafe.Pointer(&queries[0]), Panels: unsafe.Pointer(&s.data[0]), Words: words, NPanels: panels,
		Scales: &s.scales[0], Halves: &s.halves[0], A: &column(whole(sum))[0], B: &column(whole(9))[0],
		C:       &column(whole(9))[0],
		Margins: &margins[0], Hits: &s.hits[0], Best: &s.best[0], QMargin: [2]float32{float32(r.IntN(5)), float32(r.IntN(5))},
		Number: r.IntN(2) * r.IntN(1<<PanelBits-panels)}
	for m := range Rows {
		total := int32(0)
		if inBytes {
			for w := range words {
				for j := range 4 {
					total += int32(int8(queries[(w*Columns+m)*4+j]))
				}
			}
		}
		s.args.QOffsets[m] = -128 * total
		s.args.QScales[m] = power()
		s.args.QHalves[m] = whole(sum)()
		s.args.QA[m], s.args.QB[m], s.args.QC[m] = whole(sum)(), whole(9)(), whole(9)()
	}
	return s
}

// sameTiles runs a kernel and plain Go on the same tiles.
func sameTiles(t testing.TB, name string, s *tiles, got, want *Tile) {
	t.Helper()
	found := append([]Hit(nil), s.hits[:got.Find(&s.args)]...)
	wanted := s.hits[:want.Find(&s.args)]
	if len(found) != len(wanted) {
		t.Fatalf("%s: %d tiles with hits, want %d", name, len(found), len(wanted))
	}
	for i, w := range wanted {
		if found[i] != w {
			t.Fatalf("%s: hits %v, want %v", name, found[i], w)
		}
	}
	before := append([]float32(nil), s.best...)
	for kind, of := range map[string][2]func(*Args){"Best": {got.Best, want.Best},
		"BestPanel": {got.BestPanel, want.BestPanel}} {
		if of[1] == nil {
			continue
		}
		copy(s.best, before)
		of[0](&s.args)
		after := append([]float32(nil), s.best...)
		copy(s.best, before)
		of[1](&s.args)
		sameScores(t, name+": "+kind, after, s.best)
	}
}

// sameScores compares scores bit for bit.
func sameScores(t testing.TB, name string, got, want []float32) {
	t.Helper()
	for i, v := range want {
		if math.Float32bits(got[i]) != math.Float32bits(v) {
			t.Fatalf("%s: score %d is %v, want %v", name, i, got[i], v)
		}
	}
}

func TestTiles(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies levels, lengths and placements: TestPairs stays")
	}
	levels := Levels()
	for i, level := range levels[1:] {
		for _, f := range forms {
			tile := f.of(level)
			if tile == f.of(levels[i]) { // of the level before
				continue
			}
			for _, words := range lengths {
				if f.name == "bytes" && words > 49 { // beyond, float32 would round the sums
					continue
				}
				for p, place := range placements {
					s := newTiles(t, newRand(uint64(words)), f.bytes, p == 0, words, 1+words%3, place)
					name := fmt.Sprintf("%s %s, %d words, %s", level.Name, f.name, words, place)
					sameTiles(t, name, s, tile, f.of(&Generic))
				}
			}
		}
	}
}

// TestBatches compares what batches find, where scales make every operation round, to what their groups do one by one.
func TestBatches(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies levels, lengths and placements: TestPairs stays")
	}
	for _, level := range Levels() {
		if level.Bytes.FindBatch == nil {
			continue
		}
		for _, words := range lengths {
			for n, place := range placements {
				testBatch(t, level, newRand(uint64(words)), words, 1+(words+n)%4, 1+(words/3+n)%Groups, place)
			}
		}
	}
}

// testBatch compares a batch of so many groups to plain Go, group by group.
func testBatch(t testing.TB, level *Kernels, r *rand.Rand, words, panels, groups int, place string) {
	t.Helper()
	name := fmt.Sprintf("%s, %d words, %d panels, %d groups, %s", level.Name, words, panels, groups, place)
	const most = Groups * Rows
	first := newTiles(t, r, true, false, words, panels, place)
	for i := range first.scales {
		first.scales[i], first.halves[i] = r.Float32()/127, 60*r.Float32()
	}
	all := make([]int8, (most+Columns)/Columns*Columns*words*4)
	for i := range all {
		all[i] = int8(r.IntN(255) - 127)
	}
	rows := r.IntN(Rows) + (groups-1)*Rows + 1
	packed := guard.Slice[int8](t, most*packedWords(words)*4, place)
	copy(packed, Packed(nil, all, 0, rows, words))
	b := guard.Slice[Batch](t, 1, "head") // no memory of Go's: what it points to is kept by best, panel and want
	var best, panel [Groups][]float32
	want := make([]*tiles, groups)
	for g := range want {
		s := newTiles(t, r, true, false, words, panels, place)
		for m := range Rows {
			s.args.QScales[m], s.args.QHalves[m] = r.Float32()/127, r.Float32()
			if g*Rows+m >= rows {
				s.args.QScales[m], s.args.QA[m] = 0, float32(math.Inf(-1))
			}
		}
		s.args.Panels, s.args.Scales, s.args.Halves = first.args.Panels, first.args.Scales, first.args.Halves
		s.args.Queries = unsafe.Pointer(&all[g*Rows*4])
		b[0].Args[g] = s.args
		b[0].Args[g].Hits = &guard.Slice[Hit](t, panels+1, place)[0]
		best[g] = slices.Clone(s.best)
		b[0].Args[g].Best = &best[g][0]
		want[g] = s
	}
	b[0].sums = &guard.Slice[[most * Columns]int32](t, 1, "tail")[0]
	starts := [Groups]*Hit{}
	for g := range groups {
		starts[g] = b[0].Args[g].Hits
	}
	b[0].Prepare(groups, packed, 0)
	level.Bytes.FindBatch(&b[0])
	level.Bytes.BestBatch(&b[0])
	for g, s := range want {
		panel[g] = slices.Clone(s.best)
		b[0].Args[g].Best = &panel[g][0]
	}
	level.Bytes.BestPanelBatch(&b[0])
	for g, s := range want {
		wanted := s.hits[:Generic.Bytes.Find(&s.args)]
		if found := unsafe.Slice(starts[g], b[0].Args[g].Found(starts[g])); !slices.Equal(found, wanted) {
			t.Fatalf("%s: hits of group %d are %v, want %v", name, g, found, wanted)
		}
		before := slices.Clone(s.best)
		Generic.Bytes.Best(&s.args)
		sameScores(t, fmt.Sprintf("%s: group %d, Best", name, g), best[g], s.best)
		copy(s.best, before)
		Generic.Bytes.BestPanel(&s.args)
		sameScores(t, fmt.Sprintf("%s: group %d, BestPanel", name, g), panel[g], s.best)
	}
}

// TestScored compares the scores that come with hits, where scales make every operation round.
func TestScored(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies levels, lengths and placements: TestPairs stays")
	}
	for _, level := range Levels() {
		for _, words := range lengths {
			for _, place := range placements {
				const panels = 5
				r := newRand(uint64(words))
				s := newTiles(t, r, true, false, words, panels, place)
				for i := range s.scales {
					s.scales[i], s.halves[i] = r.Float32()/127, 60*r.Float32()
				}
				for m := range Rows {
					s.args.QScales[m], s.args.QHalves[m] = r.Float32()/127, r.Float32()
				}
				a, c := guard.Slice[float32](t, panels*Columns, place), guard.Slice[float32](t, panels*Columns, place)
				for i := range a {
					a[i] = 40 * r.Float32()
				}
				s.args.A, s.args.B, s.args.C = &a[0], &c[0], &c[0]
				scores := guard.Slice[float32](t, (panels+1)*Rows*Columns, place)
				run := func(k *Kernels) (hits []Hit, found []float32) {
					s.args.Best = &scores[0]
					n := k.Bytes.Scored(&s.args)
					if after := unsafe.Pointer(s.args.Best); after != unsafe.Add(unsafe.Pointer(&scores[0]), 4*n*Rows*Columns) {
						t.Fatalf("%s, %d words: Best is not after %d tiles", level.Name, words, n)
					}
					return append([]Hit(nil), s.hits[:n]...), append([]float32(nil), scores[:n*Rows*Columns]...)
				}
				hits, found := run(level)
				wantHits, want := run(&Generic)
				if !slices.Equal(hits, wantHits) {
					t.Fatalf("%s, %d words: hits %v, want %v", level.Name, words, hits, wantHits)
				}
				for i, v := range want {
					if math.Float32bits(found[i]) != math.Float32bits(v) {
						t.Fatalf("%s, %d words: score %d is %v, want %v", level.Name, words, i, found[i], v)
					}
				}
			}
		}
	}
}

// TestRows compares what makes rows of int8.
func TestRows(t *testing.T) {
	for _, level := range Levels() {
		for _, dim := range lengths {
			for _, place := range placements {
				for _, odd := range []float32{0, 0, float32(math.Inf(1)), float32(math.NaN())} {
					r := newRand(uint64(dim))
					x, c := guard.Slice[float32](t, dim, place), guard.Slice[float32](t, dim, place)
					for j := range x {
						x[j], c[j] = float32(r.NormFloat64()), float32(r.NormFloat64())
					}
					if odd != 0 {
						x[dim/2] = odd
					}
					room := (dim + 15) / 16 * 16
					y, want := guard.Slice[float32](t, room, place), make([]float32, room)
					for j := range y {
						y[j], want[j] = 9, 9
					}
					most, wantMost := level.Centre(x, c, 0.7, y, &x[0]), Generic.Centre(x, c, 0.7, want, nil)
					if most != wantMost {
						t.Fatalf("%s, %d columns: greatest %x, want %x", level.Name, dim, most, wantMost)
					}
					for j := range y {
						if math.Float32bits(y[j]) != math.Float32bits(want[j]) {
							t.Fatalf("%s, %d columns: component %d is %v, want %v", level.Name, dim, j, y[j], want[j])
						}
					}
					if odd != 0 {
						continue
					}
					for j := range y { // and halves, which are rounded to even
						if j%3 == 0 {
							y[j] = float32(r.IntN(255)-127) / 2
						}
					}
					q, wantQ := guard.Slice[int8](t, room, place), make([]int8, room)
					sum, squares := level.Round(y, 1.9, q)
					wantSum, wantSquares := Generic.Round(y, 1.9, wantQ)
					if !slices.Equal(q, wantQ) || sum != wantSum || squares != wantSquares {
						t.Fatalf("%s, %d columns: %v %d %d, want %v %d %d", level.Name, dim, q, sum, squares, wantQ, wantSum, wantSquares)
					}
					miss, all := level.Missing(y, 0.5, q)
					wantMiss, wantAll := 0.0, 0.0
					for j, v := range y {
						d := float64(v) - float64(q[j])/2
						wantMiss, wantAll = wantMiss+d*d, wantAll+float64(v)*float64(v)
					}
					within := float64(room+4) * 0x1p-24
					if math.Abs(float64(miss)-wantMiss) > within*wantMiss || math.Abs(float64(all)-wantAll) > within*wantAll {
						t.Fatalf("%s, %d columns: %v of %v is missing, want %v of %v", level.Name, dim, miss, all, wantMiss, wantAll)
					}
					level.Round(y, 1, q)
					Generic.Round(y, 1, wantQ)
					if !slices.Equal(q, wantQ) {
						t.Fatalf("%s, %d columns: %v, want %v", level.Name, dim, q, wantQ)
					}
				}
			}
		}
	}
}

// TestRows64 compares what makes rows of int8 of float64, bit for bit.
func TestRows64(t *testing.T) {
	for _, level := range Levels() {
		for _, dim := range lengths {
			for _, place := range placements {
				for _, odd := range []float64{0, 0, math.Inf(1), math.NaN()} {
					r := newRand(uint64(dim))
					narrow, x, c := guard.Slice[float32](t, dim, place), guard.Slice[float64](t, dim, place),
						guard.Slice[float64](t, dim, place)
					for j := range x {
						narrow[j], c[j] = float32(r.NormFloat64()), r.NormFloat64()
					}
					if odd != 0 {
						narrow[dim/2] = float32(odd)
					}
					level.Widen(narrow, x)
					for j, v := range narrow {
						if math.Float64bits(x[j]) != math.Float64bits(float64(v)) {
							t.Fatalf("%s, %d columns: component %d of %v is %v", level.Name, dim, j, v, x[j])
						}
					}
					room := (dim + 7) / 8 * 8
					y, want := guard.Slice[float64](t, room, place), make([]float64, room)
					for j := range y {
						y[j], want[j] = 9, 9
					}
					most, wantMost := level.Centre64(x, c, 0.5, y), Generic.Centre64(x, c, 0.5, want)
					if most != wantMost {
						t.Fatalf("%s, %d columns: greatest %x, want %x", level.Name, dim, most, wantMost)
					}
					for j := range y {
						if math.Float64bits(y[j]) != math.Float64bits(want[j]) {
							t.Fatalf("%s, %d columns: component %d is %v, want %v", level.Name, dim, j, y[j], want[j])
						}
					}
					if odd != 0 {
						continue
					}
					for j := range y { // and halves, which are rounded to even
						if j%3 == 0 {
							y[j] = float64(r.IntN(255)-127) / 2
						}
					}
					for _, inverse := range []float64{1, 1.9, 1 / 0.013} { // of which two go beyond 127
						q, wantQ := guard.Slice[int8](t, room, place), make([]int8, room)
						sum, squares, miss, square := level.Round64(y, inverse, 1/inverse, q)
						sum2, squares2, miss2, square2 := Generic.Round64(y, inverse, 1/inverse, wantQ)
						if !slices.Equal(q, wantQ) || sum != sum2 || squares != squares2 || miss != miss2 || square != square2 {
							t.Fatalf("%s, %d columns: %v %d %d %v %v, want %v %d %d %v %v", level.Name, dim, q, sum, squares, miss,
								square, wantQ, sum2, squares2, miss2, square2)
						}
						lost, all := 0.0, 0.0
						for j, v := range y {
							if n := min(max(math.RoundToEven(v*inverse), -127), 127); float64(q[j]) != n {
								t.Fatalf("%s, %d columns: %v·%v is %d, want %v", level.Name, dim, v, inverse, q[j], n)
							}
							d := v - float64(float64(q[j])*(1/inverse)) // or arm64 rounds once
							lost, all = lost+d*d, all+v*v
						}
						if within := float64(room+4) * 0x1p-53; math.Abs(miss-lost) > within*lost || math.Abs(square-all) > within*all {
							t.Fatalf("%s, %d columns: %v of %v is missing, want %v of %v", level.Name, dim, miss, square, lost, all)
						}
					}
				}
			}
		}
	}
}

// TestTilesKeepWhatIsNoNumber checks that a score that is NaN is a hit, and which infinities are.
func TestTilesKeepWhatIsNoNumber(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, level := range Levels() {
		for _, c := range []struct {
			half, limit, own float32
			hit              bool
		}{
			{inf, 0, 0, false},    // no row
			{inf, inf, 0, true},   // NaN
			{-inf, 0, 0, true},    // a row without a short form
			{-inf, -inf, 0, true}, // NaN
			{0, inf, 0, true},     // no bound yet
			{0, -inf, 0, false},   // a query that is closed
			{0, 0, -inf, true},    // a query without a short form
			{0, 0, inf, false},    // no query
		} {
			for _, f := range forms {
				tile := f.of(level)
				s := newTiles(t, newRand(1), f.bytes, false, 5, 1, "tail")
				for j := range Columns {
					s.halves[j] = c.half
					*(*float32)(unsafe.Add(unsafe.Pointer(s.args.A), 4*j)) = float32(math.Inf(-1))
				}
				for m := range Rows {
					s.args.QA[m], s.args.QHalves[m] = c.limit, c.own
				}
				name := fmt.Sprintf("%s %s: %+v", level.Name, f.name, c)
				found := tile.Find(&s.args)
				if (found > 0) != c.hit {
					t.Errorf("%s: %d tiles with hits", name, found)
				}
				sameTiles(t, name, s, tile, f.of(&Generic))
			}
		}
	}
}

func FuzzTiles(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint8(2), uint8(0))
	f.Add(uint64(2), uint8(8), uint8(1), uint8(1))
	f.Fuzz(func(t *testing.T, seed uint64, words, panels, form uint8) {
		w, p, k := 1+int(words)%40, 1+int(panels)%4, forms[int(form)%len(forms)]
		s := newTiles(t, newRand(seed), k.bytes, seed%2 > 0, w, p, placements[seed%3])
		for _, level := range Levels()[1:] {
			sameTiles(t, level.Name+" "+k.name, s, k.of(level), k.of(&Generic))
		}
		for _, level := range Levels() {
			if level.Bytes.FindBatch != nil {
				testBatch(t, level, newRand(seed), w, p, 1+int(seed%Groups), placements[seed%3])
			}
		}
	})
}

func BenchmarkTiles(b *testing.B) {
	for _, level := range Levels() {
		for _, f := range forms {
			tile := f.of(level)
			for _, dim := range []int{32, 128, 784} {
				b.Run(fmt.Sprintf("%s/%s/%d", level.Name, f.name, dim), func(b *testing.B) {
					const panels = 8
					words := dim
					if f.bytes {
						words = dim / 4
					}
					s := newTiles(b, newRand(1), f.bytes, false, words, panels, "tail")
					for m := range Rows {
						s.args.QHalves[m] = math.MaxFloat32
					}
					for b.Loop() {
						tile.Find(&s.args)
					}
					components := Rows * Columns * panels * float64(dim) * float64(b.N)
					b.ReportMetric(b.Elapsed().Seconds()*1e12/components, "ps/component")
				})
			}
		}
	}
}

func BenchmarkBatches(b *testing.B) {
	for _, level := range Levels()[1:] {
		if level.Bytes.FindBatch == nil {
			continue
		}
		for _, dim := range []int{32, 128, 384, 784} {
			b.Run(fmt.Sprintf("%s/%d", level.Name, dim), func(b *testing.B) {
				const panels = 16
				s := newTiles(b, newRand(1), true, false, dim/4, panels, "tail")
				for m := range Rows {
					s.args.QHalves[m] = math.MaxFloat32
				}
				batch := &Batch{}
				for g := range batch.Args {
					batch.Args[g] = s.args
				}
				packed := make([]int8, Groups*Rows*packedWords(dim/4)*4)
				for b.Loop() {
					batch.Prepare(Groups, packed, 0)
					level.Bytes.FindBatch(batch)
				}
				components := Groups * Rows * Columns * panels * float64(dim) * float64(b.N)
				b.ReportMetric(b.Elapsed().Seconds()*1e12/components, "ps/component")
			})
		}
	}
}

func BenchmarkPairs(b *testing.B) {
	for _, level := range Levels() {
		for _, dim := range []int{32, 128, 784} {
			const points = 64
			x, y, z := make([]float64, dim), make([]float32, points*dim), make([]float32, dim)
			pairs, out := make([]uint64, points), make([]float64, points)
			for i := range pairs {
				pairs[i] = uint64(i) << 32
			}
			run := func(name string, kernel func()) {
				b.Run(fmt.Sprintf("%s/%s/%d", level.Name, name, dim), func(b *testing.B) {
					for b.Loop() {
						kernel()
					}
					b.ReportMetric(b.Elapsed().Seconds()*1e12/(points*float64(dim)*float64(b.N)), "ps/component")
				})
			}
			run("squares32x32", func() { level.Pairs32.Squares(z, y, dim, nil, pairs, out) })
			run("manhattan32x32", func() { level.Pairs32.Manhattan(z, y, dim, nil, pairs, out) })
			run("manhattan64x32", func() { level.Pairs64x32.Manhattan(x, y, dim, nil, pairs, out) })
			run("chebyshev64x32", func() { level.Pairs64x32.Chebyshev(x, y, dim, nil, pairs, out) })
			run("hamming64x32", func() { level.Pairs64x32.Hamming(x, y, dim, nil, pairs, out) })
		}
	}
}
