package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/internal/guard"
)

var special = []float64{0, math.Copysign(0, -1), 1e-310, math.MaxFloat64, math.Inf(1), math.Inf(-1), math.NaN(), 1e-9}

// draw is n values next to memory that must not be touched.
func draw[T float32 | float64](t *testing.T, r *rand.Rand, n int, odd bool, place string) []T {
	x := guard.Slice[T](t, n, place)
	for i := range x {
		x[i] = T(r.NormFloat64())
		if odd && r.IntN(10) == 0 {
			x[i] = T(special[r.IntN(len(special))])
		}
	}
	return x
}

func same(t *testing.T, got, want []float64, name string, args ...any) {
	t.Helper()
	for i, v := range want {
		if math.Float64bits(got[i]) != math.Float64bits(v) && !(v != v && got[i] != got[i]) {
			t.Fatalf("%s %v: %d is %v, want %v", name, args, i, got[i], v)
		}
	}
}

// Every level that the machine has gives the bits of plain Go, of rows of both types. It does not run beside others,
// which would see its level.
func TestRows(t *testing.T) {
	best := level
	defer func() { level = best }()
	for level = range levels() {
		testRows[float32](t)
		testRows[float64](t)
	}
}

func testRows[T float32 | float64](t *testing.T) {
	for i, d := range []int{1, 8, 31, 32, 33, 39, 40, 47, 48, 63, 64, 65, 100, 257, 768} {
		for rows := range 10 {
			odd, place := rows%2 == 1, []string{"head", "tail", "unaligned"}[(i+rows)%3]
			r := rand.New(rand.NewPCG(uint64(d), uint64(rows)))
			x, w := draw[T](t, r, rows*d, odd, place), draw[float64](t, r, d, odd, place)
			s, dst := draw[float64](t, r, rows, odd, place), draw[float64](t, r, rows, true, place)
			dots, sums, squares := make([]float64, rows), slices.Clone(w), slices.Clone(w)
			for row := range rows {
				var lanes [8]float64
				for j, v := range x[row*d:][:d] {
					lanes[j%8] += float64(float64(v) * w[j])
					sums[j] += float64(s[row] * float64(v))
					squares[j] += float64(s[row] * float64(float64(v)*float64(v)))
				}
				dots[row] = ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
			}
			Dots(dst, x, w)
			same(t, dst, dots, "Dots", level, rows, d)
			one := slices.Clone(w)
			if wide, ok := any(x).([]float64); ok {
				for row := range rows {
					same(t, []float64{Dot(wide[row*d:][:d], w)}, dots[row:row+1], "Dot", level, row, d)
					Add(s[row], wide[row*d:][:d], one)
				}
				same(t, one, sums, "Add", level, rows, d)
			}
			to := guard.Slice[float64](t, d, place)
			copy(to, w)
			AddSquares(s, x, to)
			same(t, to, squares, "AddSquares", level, rows, d)
			AddRows(s, x, w)
			same(t, w, sums, "AddRows", level, rows, d)
		}
	}
}

// Every level gives the bits of plain Go, of several vectors at a time. It does not run beside others, as TestRows.
func TestRowsOfEach(t *testing.T) {
	best := level
	defer func() { level = best }()
	for level = range levels() {
		testRowsOfEach[float32](t)
		testRowsOfEach[float64](t)
	}
}

func testRowsOfEach[T float32 | float64](t *testing.T) {
	for i, d := range []int{1, 8, 31, 32, 33, 39, 40, 47, 48, 63, 64, 65, 100, 257} {
		for many := 1; many <= 12; many++ {
			rows := (i + many) % 10
			odd, place := rows%2 == 1, []string{"head", "tail", "unaligned"}[(i+many)%3]
			r := rand.New(rand.NewPCG(uint64(d), uint64(many)))
			between, beside := r.IntN(3), r.IntN(3) // vectors, and what belongs to one, need not follow each other closely
			v := Vectors{W: draw[float64](t, r, many*(d+between)-between, odd, place), N: many, D: d, Step: d + between}
			x, step := draw[T](t, r, rows*d, odd, place), rows+beside
			size := max(many*step-beside, 0)
			s, dst := draw[float64](t, r, size, odd, place), draw[float64](t, r, size, true, place)
			dots, sums := slices.Clone(dst), slices.Clone(v.W)
			for k := range many {
				for row := range rows {
					var lanes [8]float64
					for j, u := range x[row*d:][:d] {
						lanes[j%8] += float64(float64(u) * v.At(k)[j])
						sums[k*v.Step+j] += float64(s[k*step+row] * float64(u))
					}
					dots[k*step+row] = ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
						((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
				}
			}
			DotsOfEach(dst, step, rows, x, v)
			same(t, dst, dots, "DotsOfEach", level, rows, many, d)
			AddRowsToEach(s, step, rows, x, v)
			same(t, v.W, sums, "AddRowsToEach", level, rows, many, d)
		}
	}
}

// A product with few columns is that with all, whose others are 0.
func TestDotOf(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for d := range 70 {
		x, w := draw[float64](t, r, d, false, "tail"), make([]float64, d)
		narrow := make([]float32, d)
		var columns []int32
		var values []float64
		for j := range d {
			x[j] = float64(float32(x[j]))
			narrow[j] = float32(x[j])
			if r.IntN(3) == 0 {
				w[j] = r.NormFloat64()
				columns, values = append(columns, int32(j)), append(values, w[j])
			}
		}
		got := []float64{DotOf(x, columns, values), DotOf(narrow, columns, values)}
		same(t, got, []float64{Dot(x, w), Dot(x, w)}, "DotOf", d)
	}
}
