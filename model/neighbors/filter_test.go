package neighbors

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"beamlearn/model/neighbors/internal/tile"
	"beamlearn/model/vectors"
)

const filterBits = 400

func exactly(v float64) *big.Float { return new(big.Float).SetPrec(filterBits).SetFloat64(v) }

// norm is the Euclidean one, exact but for its last bits of so many.
func norm(x []*big.Float) *big.Float {
	sum := exactly(0)
	for _, v := range x {
		sum.Add(sum, exactly(0).Mul(v, v))
	}
	return sum.Sqrt(sum)
}

// normOf is that of the metric whose distances the filter bounds.
func normOf(m Metric, x []*big.Float) *big.Float {
	switch m {
	case Manhattan:
		sum := exactly(0)
		for _, v := range x {
			sum.Add(sum, exactly(0).Abs(v))
		}
		return sum
	case Chebyshev:
		most := exactly(0)
		for _, v := range x {
			if a := exactly(0).Abs(v); a.Cmp(most) > 0 {
				most = a
			}
		}
		return most
	}
	return norm(x)
}

// shortForm is row i of s as the numbers that it stands for.
func (f *frame) shortForm(s *shorts, i int) []*big.Float {
	form := make([]*big.Float, f.dim)
	scale := 0.0
	if s.bytes != nil {
		if scale = float64(s.scales[i]); f.distance() {
			scale = float64(f.step)
		}
	}
	for j := range form {
		if s.bytes != nil {
			at := 4*(i/tile.Columns*tile.Columns*s.words+i%tile.Columns) + j/4*4*tile.Columns + j%4
			form[j] = exactly(0).Mul(exactly(float64(s.bytes[at])), exactly(scale))
		} else {
			form[j] = exactly(float64(s.float32s[i/tile.Columns*tile.Columns*s.words+i%tile.Columns+j*tile.Columns]))
		}
	}
	return form
}

// TestStoredBounds compares what the filter stores of each row, and the limits that it makes of it, with the exact
// values: each must be at least that, and by the share of its size that the package's error analysis asks for.
func TestStoredBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies metrics, rows and searches")
	}
	t.Parallel()
	for _, set := range adversaries() {
		b := rowsBlock(set.rows, vectors.Float64)
		for _, m := range tileMetrics {
			if m == Hamming {
				continue // its forms are no numbers
			}
			e := newTiled(pointsOf(b), Options{Metric: m}, &tile.Generic)
			for _, prec := range []precision{inBytes, inFloat32} {
				if e.tiles[prec] != nil {
					checkStored(t, fmt.Sprintf("%s/%s/%d", set.name, m, prec), e, prec)
				}
			}
		}
	}
}

// atLeast reports whether a stored bound is an exact value, and a share of that more.
func atLeast(stored float64, exact *big.Float, share float64) bool {
	with := exactly(0).Mul(exact, exactly(1+share))
	return exactly(stored).Cmp(with) >= 0
}

func checkStored(t *testing.T, name string, e *tiled, prec precision) {
	t.Helper()
	f, s := e.frame, e.seedForms(e.asTheyCome, prec)
	most := map[int]float64{}
	for i := 0; i < e.points.n; i += 3 {
		if math.IsInf(float64(s.halves[i]), 0) {
			continue // no short form, so that each pair is computed, or the zero vector under the cosine
		}
		x, rest := make([]*big.Float, f.dim), make([]*big.Float, f.dim)
		form := f.shortForm(s, i)
		for j, v := range e.row(i, make([]float64, f.dim)) {
			x[j] = exactly(0).Sub(exactly(v), exactly(f.centre[j]))
			x[j].Mul(x[j], exactly(f.factor))
			rest[j] = exactly(0).Sub(x[j], form[j])
		}
		err := normOf(f.metric, rest)
		if !atLeast(float64(s.errors[i]), err, 16*unit) {
			t.Fatalf("%s: row %d: ε is stored as %v, and is %v", name, i, s.errors[i], err)
		}
		panel := i / tile.Columns
		if most[panel] = max(most[panel], float64(s.errors[i])); float64(s.margins[2*panel]) < most[panel]*(1-unit) {
			t.Fatalf("%s: panel %d: E is stored as %v, a row's ε is %v", name, panel, s.margins[2*panel], s.errors[i])
		}
		if f.distance() {
			continue
		}
		size := norm(x)
		if of := norm(form); of.Cmp(size) > 0 {
			size = of
		}
		if !atLeast(float64(s.norms[i]), size, 16*unit) || !atLeast(float64(s.margins[2*panel+1]), size, 16*unit) {
			t.Fatalf("%s: row %d: a norm is stored as %v, and is %v", name, i, s.norms[i], size)
		}
		half := exactly(0).Quo(exactly(0).Mul(norm(form), norm(form)), exactly(2))
		if !f.product() {
			checkHalf(t, fmt.Sprintf("%s: row %d", name, i), f, s, i, half, size, x)
			checkTight(t, fmt.Sprintf("%s: row %d", name, i), f, e.shorts(e.asTheyCome, prec), i, half, x)
		}
		checkLimit(t, fmt.Sprintf("%s: row %d", name, i), f, s, i, err, norm(form))
	}
}

// checkHalf checks h and δ, which must not exceed the exact values.
func checkHalf(t *testing.T, name string, f *frame, s *shorts, i int, half, size *big.Float, x []*big.Float) {
	t.Helper()
	least := exactly(0).Mul(half, exactly(1-f.eta(s)/2))
	least.Add(least, exactly(math.SmallestNonzeroFloat32)) // a limit has 2⁻¹²⁰ added for what underflows
	if exactly(float64(s.halves[i])).Cmp(least) > 0 {
		t.Fatalf("%s: h is stored as %v, and is %v", name, s.halves[i], half)
	}
	delta := exactly(0).Mul(norm(x), norm(x))
	delta.Sub(delta.Quo(delta, exactly(2)), half)
	// The difference of two squares may be off by some 2⁻⁴⁵ of them, for which (2), where r exceeds the norms, has 16u
	// of r².
	room := exactly(0).Mul(size, size)
	delta.Add(delta, room.Mul(room, exactly(0x1p-45)))
	if exactly(float64(s.deltas[i])).Cmp(delta) > 0 {
		t.Fatalf("%s: δ is stored as %v, and is %v", name, s.deltas[i], delta)
	}
}

// checkTight checks that h exceeds neither ‖x̂‖²/2 nor ‖x‖²/2, by as much as η, and that no δ is below 0.
func checkTight(t *testing.T, name string, f *frame, s *shorts, i int, half *big.Float, x []*big.Float) {
	t.Helper()
	least := exactly(0).Mul(norm(x), norm(x))
	if least.Quo(least, exactly(2)); least.Cmp(half) > 0 {
		least = half
	}
	least = exactly(0).Mul(least, exactly(1-f.eta(s)/2))
	if h := exactly(float64(s.halves[i])); h.Cmp(least.Add(least, exactly(tiny))) > 0 || s.deltas[i] < 0 || s.delta != 0 {
		t.Fatalf("%s: h is %v, and at most %v; δ is %v, the least %v", name, h, least, s.deltas[i], s.delta)
	}
}

// checkLimit checks b and c of a limit: ‖x̂‖ and ε, or under the inner product ε + η·‖x̂‖ and what the reference may
// be off by.
func checkLimit(t *testing.T, name string, f *frame, s *shorts, i int, err, size *big.Float) {
	t.Helper()
	far := 1e3 * float64(s.norms[i]) // so that (2) is the tighter
	_, b, c := f.limits(s, i, far*far/(f.factor*f.factor), &s.extremes)
	if f.product() {
		rest := exactly(0).Mul(size, exactly(f.eta(s)+0x1p-30))
		rest.Add(rest, exactly(float64(s.errors[i])))
		if !atLeast(float64(b), size, 0) || !atLeast(float64(c), rest, 15*unit) {
			t.Fatalf("%s: the limit's b and c are %v and %v, of ‖x̂‖ = %v and ε = %v", name, b, c, size, err)
		}
		return
	}
	if c == 0 {
		return // (1) is
	}
	if !atLeast(float64(c), exactly(float64(s.errors[i])), 15*unit) || !atLeast(float64(c), err, 31*unit) ||
		!atLeast(float64(b), size, 0) {
		t.Fatalf("%s: the limit's b and c are %v and %v, of ‖x̂‖ = %v and ε = %v", name, b, c, size, err)
	}
}

// Damaged values are found when points are read: those that are not finite.
func TestReadPointsFinite(t *testing.T) {
	t.Parallel()
	for _, v := range []float64{math.Inf(1), math.Inf(-1), math.NaN()} {
		for name, b := range map[string]*vectors.Block{
			"float32": {Dim: 2, F32: []float32{1, float32(v)}, Numbers: []int64{0}},
			"float64": {Dim: 2, DType: vectors.Float64, F64: []float64{v, 1}, Numbers: []int64{0}},
		} {
			if err := readBack(b); err == nil {
				t.Errorf("%s: points with the value %v are read", name, v)
			}
		}
	}
	if err := readBack(&vectors.Block{Dim: 2, F32: []float32{1, math.MaxFloat32}, Numbers: []int64{0}}); err != nil {
		t.Error(err)
	}
}

func readBack(b *vectors.Block) error {
	var w bytes.Buffer
	if err := WritePoints(&w, b); err != nil {
		return err
	}
	_, err := ReadPoints(&w, int64(w.Len()))
	return err
}

// Points whose rows do not ascend, or whose ids are not one a row, are damage: answers would be given to others.
func TestReadPointsLabels(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]*vectors.Block{
		"rows that descend": {Dim: 1, F32: []float32{1, 2}, Numbers: []int64{1, 0}},
		"a row twice":       {Dim: 1, F32: []float32{1, 2}, Numbers: []int64{3, 3}},
		"too few ids":       {Dim: 1, F32: []float32{1, 2}, Numbers: []int64{0, 1}, IDs: vectors.IDs{Ints: []int64{7}}},
		"too many ids":      {Dim: 1, F32: []float32{1, 2}, Numbers: []int64{0, 1}, IDs: vectors.IDs{Ints: []int64{7, 8, 9}}},
	} {
		if err := readBack(b); err == nil {
			t.Errorf("%s: read", name)
		}
	}
}

// Rows that are far off have no short form where they are few, so that they do not loosen the limits of all others.
func TestOutliersHaveNoShortForm(t *testing.T) {
	const n = 6400
	for _, c := range []struct{ every, want int }{{1000, 7}, {100, 64}, {50, 128}, {10, 0}} {
		rows := change(gaussianRows(rand.New(rand.NewPCG(3, 1)), n, 8), func(i, _ int, v float64) float64 {
			if i%c.every == 0 {
				return v * 1e4
			}
			return v
		})
		row := func(i int, _ []float64) []float64 { return rows[i] }
		f := newFrame(tile.Best(), n, 8, Euclidean, row)
		s := f.shortsOf(n, true, 1, row)
		without := 0
		for i, h := range s.halves[:n] {
			if math.IsInf(float64(h), -1) {
				without++
				if i%c.every != 0 {
					t.Errorf("one outlier in %d: row %d, which is none, has no short form", c.every, i)
				}
			}
		}
		if without != c.want {
			t.Errorf("one outlier in %d: %d rows have no short form, expected %d", c.every, without, c.want)
		}
	}
}
