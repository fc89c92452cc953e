package lanes

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"beamlearn/model/internal/guard"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

var (
	lengths    = []int{0, 1, 3, 4, 7, 8, 9, 12, 15, 16, 17, 20, 33, 65, 100, 257}
	groups     = []int{1, 2, 3, 4, 5, 7, 8, 9, 11, 16, 31}
	placements = []string{"head", "tail", "unaligned"}
)

// placed is a copy of x next to memory that must not be touched.
func placed[T any](t testing.TB, x []T, place string) []T {
	c := guard.Slice[T](t, len(x), place)
	copy(c, x)
	return c
}

func normal(r *rand.Rand, n int, odd bool) []float64 {
	x := make([]float64, n)
	special := []float64{0, math.Copysign(0, -1), 1e-310, math.MaxFloat64, math.Inf(1), math.Inf(-1), math.NaN(), 1e-9}
	for i := range x {
		x[i] = r.NormFloat64() * math.Ldexp(1, r.IntN(9)-4)
		if odd && r.IntN(10) == 0 {
			x[i] = special[r.IntN(len(special))]
		}
	}
	return x
}

func same(t *testing.T, got, want []float64, name string, args ...any) {
	t.Helper()
	for i, v := range want {
		if math.Float64bits(got[i]) != math.Float64bits(v) && !(v != v && got[i] != got[i]) {
			t.Fatalf("%s %v: lane or value %d is %v, want %v", name, args, i, got[i], v)
		}
	}
}

// TestRows compares the kernels that read rows and write weights at every level to plain Go, bit for bit.
func TestRows(t *testing.T) {
	for _, level := range Levels()[1:] {
		for _, n := range lengths {
			for gi, g := range groups {
				place, odd := placements[(n+gi)%3], gi%2 == 1
				r := newRand(uint64(n*100 + g))
				lanes := g * Width
				stride := lanes + 8*(gi%3)
				last := max(n-1, 0)*stride + lanes // the last row need not be as long as the stride
				if n == 0 {
					last = 0
				}
				x, s := normal(r, n, false), normal(r, lanes, odd)
				idx := make([]int32, n)
				for i := range idx {
					idx[i] = int32(i)
				}
				r.Shuffle(max(n-1, 0), func(i, j int) { idx[i], idx[j] = idx[j], idx[i] })
				w, q := normal(r, last, odd), normal(r, last, false)
				gw, gs, gx, gi := placed(t, w, place), placed(t, s, place), placed(t, x, place), placed(t, idx, place)
				got, want := guard.Slice[float64](t, lanes, place), make([]float64, lanes)

				level.Dot(gx, gw, stride, got)
				Generic.Dot(x, w, stride, want)
				same(t, got, want, "Dot", level.Name, n, g)
				level.DotSparse(gi, gx, gw, stride, got)
				Generic.DotSparse(idx, x, w, stride, want)
				same(t, got, want, "DotSparse", level.Name, n, g)
				level.Add(gx, gs, gw, stride)
				Generic.Add(x, s, w, stride)
				same(t, gw, w, "Add", level.Name, n, g)
				next := normal(r, n, false)
				level.AddDot(gx, gs, gw, stride, placed(t, next, place), got)
				Generic.AddDot(x, s, w, stride, next, want)
				same(t, gw, w, "AddDot w", level.Name, n, g)
				same(t, got, want, "AddDot", level.Name, n, g)
				level.AddSparse(gi, gx, gs, gw, stride)
				Generic.AddSparse(idx, x, s, w, stride)
				same(t, gw, w, "AddSparse", level.Name, n, g)

				gr := newGroups(r, g)
				for i := range s {
					if r.IntN(4) == 0 {
						s[i], gs[i] = 0, 0
					}
				}
				gq, ggr := placed(t, q, place), placed(t, gr, place)
				level.Truncate(ggr, gs, gw, gq, stride, n)
				Generic.Truncate(gr, s, w, q, stride, n)
				same(t, gw, w, "Truncate w", level.Name, n, g)
				same(t, gq, q, "Truncate q", level.Name, n, g)
				level.TruncateSparse(ggr, gs, gi, gw, gq, stride)
				Generic.TruncateSparse(gr, s, idx, w, q, stride)
				same(t, gw, w, "TruncateSparse w", level.Name, n, g)
				same(t, gq, q, "TruncateSparse q", level.Name, n, g)
			}
		}
	}
}

func newGroups(r *rand.Rand, n int) []Group {
	gr := make([]Group, n)
	for i := range gr {
		g := &gr[i]
		for l := range Width {
			g.Scale[l], g.Intercept[l] = 1-r.Float64()/2, r.NormFloat64()
			g.Alpha[l], g.T0[l] = r.Float64(), 1+r.Float64()
			g.L2[l], g.L1[l], g.Due[l] = float64(r.IntN(2)), r.Float64(), r.Float64()*2
			g.MeanA[l], g.MeanB[l], g.MeanIntercept[l] = r.Float64(), 1+r.Float64(), r.NormFloat64()
		}
	}
	return gr
}

// fields is all numbers of groups.
func fields(groups []Group) (all []float64) {
	for i := range groups {
		g := &groups[i]
		for _, f := range []*[Width]float64{&g.Scale, &g.Intercept, &g.Alpha, &g.T0, &g.L2, &g.L1, &g.Due, &g.MeanA, &g.MeanB,
			&g.MeanIntercept} {
			all = append(all, f[:]...)
		}
	}
	return all
}

// operands are the lists of a Row.
type operands struct {
	groups                                           []Group
	dot, p, y, weight, eta, update, meanUpdate, m, q []float64
}

func (o *operands) row(intercept float64, optimal int) *Row {
	r := &Row{
		Groups: &o.groups[0], N: len(o.groups), Dot: &o.dot[0], P: &o.p[0], Y: &o.y[0], Weight: &o.weight[0], Eta: &o.eta[0],
		Update: &o.update[0], MeanUpdate: &o.meanUpdate[0], M: &o.m[0], Q: &o.q[0], RowWeight: 1.5, Intercept: intercept,
		Threshold: 1, Epsilon: 0.1, Optimal: optimal,
	}
	if len(o.y) > Width {
		r.YStep = 64
	}
	if len(o.weight) > Width {
		r.WeightStep = 64
	}
	return r
}

func (o *operands) all() []float64 {
	return slices.Concat(fields(o.groups), o.dot, o.p, o.y, o.weight, o.eta, o.update, o.meanUpdate, o.m, o.q)
}

// TestProducts compares the products of columns at every level to their sums one by one, bit for bit.
func TestProducts(t *testing.T) {
	for _, level := range Levels() {
		for i, rows := range []int{0, 1, 2, 7, 8, 33, 128} {
			for _, odd := range []bool{false, true} {
				r := newRand(uint64(rows))
				place, step := placements[i%3], 4*rows+i%2*4
				a, b := placed(t, normal(r, 4*rows, odd), place), placed(t, normal(r, 3*step+4*rows, odd), place)
				var want [64]float64
				for k := range want {
					for row := range rows {
						want[k] += float64(a[4*row+k/16] * b[k/4%4*step+4*row+k%4])
					}
				}
				one, four := placed(t, normal(r, 16, true), place), placed(t, normal(r, 64, true), place)
				level.FourProducts(a, b, step, (*[64]float64)(four))
				same(t, four, want[:], "FourProducts", level.Name, rows, odd)
				var first []float64
				for k := 0; k < 64; k += 16 {
					first = append(first, want[k:k+4]...)
				}
				level.Products(a, b[:4*rows], (*[16]float64)(one))
				same(t, one, first, "Products", level.Name, rows, odd)
			}
		}
	}
}

// TestRowsOfFour compares products of rows with a vector and with weights at every level to plain arithmetic, bit for
// bit.
func TestRowsOfFour(t *testing.T) {
	for _, level := range Levels() {
		for i, rows := range []int{0, 1, 2, 3, 4, 5, 7, 8, 33, 128} {
			for _, odd := range []bool{false, true} {
				r := newRand(uint64(rows))
				place := placements[i%3]
				x, w := placed(t, normal(r, 4*rows, odd), place), (*[4]float64)(placed(t, normal(r, 4, odd), place))
				sums, weights := placed(t, normal(r, rows, odd), place), placed(t, normal(r, rows, odd), place)
				wantSums, wantRows := slices.Clone(sums), make([]float64, 4*rows)
				for row := range rows {
					v := x[4*row : 4*row+4]
					wantSums[row] += (float64(v[0]*w[0]) + float64(v[1]*w[1])) + (float64(v[2]*w[2]) + float64(v[3]*w[3]))
					for j := range v {
						wantRows[4*row+j] = weights[row] * v[j]
					}
				}
				level.DotRows(x, w, sums)
				same(t, sums, wantSums, "DotRows", level.Name, rows, odd)
				out := placed(t, normal(r, 4*rows, true), place)
				level.WeighRows(x, weights, out)
				same(t, out, wantRows, "WeighRows", level.Name, rows, odd)
			}
		}
	}
}

// TestSumsOfRows compares sums of weighted rows and of their losses at every level to plain arithmetic, bit for bit.
func TestSumsOfRows(t *testing.T) {
	for _, level := range Levels() {
		for i, rows := range []int{0, 1, 2, 3, 4, 5, 7, 8, 33, 128} {
			for _, odd := range []bool{false, true} {
				r := newRand(uint64(rows))
				place := placements[i%3]
				x, s := placed(t, normal(r, 4*rows, odd), place), placed(t, normal(r, rows, odd), place)
				weights, out := placed(t, normal(r, rows, odd), place), placed(t, normal(r, 4*rows, true), place)
				wantRows := make([]float64, 4*rows)
				var turns [4][8]float64
				for row := range rows {
					for j, v := range x[4*row : 4*row+4] {
						turns[row%4][j] += float64(s[row] * v)
						wantRows[4*row+j] = weights[row] * v
						turns[row%4][4+j] += wantRows[4*row+j]
					}
				}
				var want [8]float64
				for j := range want {
					want[j] = (turns[0][j] + turns[1][j]) + (turns[2][j] + turns[3][j])
				}
				one, two := placed(t, normal(r, 4, true), place), placed(t, normal(r, 8, true), place)
				level.SumRows(x, s, (*[4]float64)(one))
				same(t, one, want[:4], "SumRows", level.Name, rows, odd)
				level.WeighSums(x, s, weights, out, (*[8]float64)(two))
				same(t, two, want[:], "WeighSums", level.Name, rows, odd)
				same(t, out, wantRows, "WeighSums", level.Name, rows, odd)
			}
		}
		for n := 0; n <= 8*Width; n += Width {
			r := newRand(uint64(n))
			place := placements[n/Width%3]
			w, value := placed(t, normal(r, n, n > 16), place), placed(t, normal(r, n, n > 16), place)
			slope, curvature := placed(t, normal(r, n, n > 16), place), placed(t, normal(r, n, n > 16), place)
			var want [3 * Width]float64
			wantSlope, wantCurvature := slices.Clone(slope), slices.Clone(curvature)
			for i := range n {
				wantSlope[i] *= w[i]
				wantCurvature[i] *= w[i]
				want[i%8] += float64(w[i] * value[i])
				want[8+i%8] += wantSlope[i]
				want[16+i%8] += wantCurvature[i]
			}
			sums := placed(t, normal(r, 3*Width, true), place)
			level.WeighLosses(w, value, slope, curvature, (*[3 * Width]float64)(sums))
			same(t, sums, want[:], "WeighLosses", level.Name, n)
			same(t, slope, wantSlope, "WeighLosses", level.Name, n)
			same(t, curvature, wantCurvature, "WeighLosses", level.Name, n)
		}
	}
}

// TestCentre compares columns less their means at every level to plain arithmetic, bit for bit.
func TestCentre(t *testing.T) {
	for _, level := range Levels() {
		for i, rows := range []int{0, 1, 2, 7, 8, 33, 128} {
			for _, stride := range []int{4, 5, 20} {
				for _, odd := range []bool{false, true} {
					r := newRand(uint64(rows))
					place := placements[i%3]
					m, size := (*[4]float64)(placed(t, normal(r, 4, odd), place)), max(0, (rows-1)*stride+4)
					wide := placed(t, normal(r, size, odd), place)
					narrow := make([]float32, size)
					for k, v := range wide {
						narrow[k] = float32(v)
					}
					want, wantNarrow := make([]float64, 4*rows), make([]float64, 4*rows)
					var sums, sumsNarrow [4]float64
					for k := range want {
						at := k/4*stride + k%4
						want[k], wantNarrow[k] = wide[at]-m[k%4], float64(narrow[at])-m[k%4]
						sums[k%4] += want[k]
						sumsNarrow[k%4] += wantNarrow[k]
					}
					out, sum := placed(t, normal(r, 4*rows, true), place), placed(t, normal(r, 4, true), place)
					level.Centre64(wide, stride, m, out, (*[4]float64)(sum))
					same(t, out, want, "Centre64", level.Name, rows, stride, odd)
					same(t, sum, sums[:], "sums of Centre64", level.Name, rows, stride, odd)
					level.Centre32(narrow, stride, m, out, (*[4]float64)(sum))
					same(t, out, wantNarrow, "Centre32", level.Name, rows, stride, odd)
					same(t, sum, sumsNarrow[:], "sums of Centre32", level.Name, rows, stride, odd)
					if stride == 4 {
						x := placed(t, wide, place)
						level.Subtract(x, m)
						same(t, x, want, "Subtract", level.Name, rows, odd)
					}
				}
			}
		}
	}
}

// TestSteps compares the kernels of losses and steps at every level to plain Go, bit for bit.
func TestSteps(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies levels and lengths: TestRows stays")
	}
	for _, level := range Levels()[1:] {
		for gi, g := range groups {
			for loss := range Losses {
				for variant := range 8 {
					r := newRand(uint64(g*100 + loss))
					lanes, odd, optimal, spread := g*Width, variant&1 > 0, variant>>1&1, variant&4 > 0
					place := placements[(variant+gi)%3]
					a := operands{
						groups: newGroups(r, g), dot: normal(r, lanes, odd), p: make([]float64, lanes), eta: normal(r, lanes, odd),
						update: make([]float64, lanes), meanUpdate: make([]float64, lanes), m: make([]float64, lanes),
						q: make([]float64, lanes),
						y: make([]float64, Width), weight: make([]float64, Width),
					}
					if spread {
						a.y, a.weight = make([]float64, max(lanes, 2*Width)), make([]float64, max(lanes, 2*Width))
						a.y, a.weight = a.y[:lanes], a.weight[:lanes]
					}
					for i := range a.y {
						a.y[i], a.weight[i] = float64(r.IntN(2)*2-1), float64(r.IntN(3))
						if loss >= SquaredError {
							a.y[i] = r.NormFloat64()
						}
					}
					for i := range a.eta {
						a.m[i], a.q[i] = float64(1+r.IntN(9)), r.Float64()+0.1
						switch r.IntN(4) {
						case 0:
							a.eta[i] *= float64(1 - optimal)
							a.m[i], a.q[i] = math.Inf(1), 1
						case 1:
							a.groups[i/8].Scale[i%8] = MinScale * (1 + r.Float64()/8)
						}
					}
					b := operands{
						groups: placed(t, a.groups, place), dot: placed(t, a.dot, place), p: placed(t, a.p, place),
						y:      placed(t, a.y, place),
						weight: placed(t, a.weight, place), eta: placed(t, a.eta, place), update: placed(t, a.update, place),
						meanUpdate: placed(t, a.meanUpdate, place), m: placed(t, a.m, place), q: placed(t, a.q, place),
					}
					ra, rb := a.row(0.5, optimal), b.row(0.5, optimal)
					if want, got := Generic.Decide[loss](ra), level.Decide[loss](rb); got != want {
						t.Fatalf("%s, %d groups, loss %d: Decide gave %d, want %d", level.Name, g, loss, got, want)
					}
					same(t, b.all(), a.all(), "Decide", level.Name, g, loss, variant)
					if variant&1 > 0 {
						Generic.Step(ra)
						level.Step(rb)
					} else {
						Generic.StepMean(ra)
						level.StepMean(rb)
					}
					same(t, b.all(), a.all(), "Step", level.Name, g, loss, variant)
					Generic.Value[loss](ra)
					level.Value[loss](rb)
					same(t, b.update, a.update, "Value", level.Name, g, loss, variant)
					Generic.Sigmoid(a.p, a.update)
					level.Sigmoid(b.p, b.update)
					same(t, b.update, a.update, "Sigmoid", level.Name, g)
				}
			}
		}
	}
}

// TestExponentials compares the kernel at every level to plain Go, bit for bit, and plain Go to package math.
func TestExponentials(t *testing.T) {
	for _, level := range Levels()[1:] {
		for n := 0; n <= 8*Width; n += Width {
			for variant, place := range placements {
				r := newRand(uint64(n + variant))
				p := placed(t, normal(r, n, variant > 0), place)
				for i := range p {
					switch r.IntN(4) {
					case 0:
						p[i] *= 300
					case 1:
						p[i] = math.Inf(-1)
					}
				}
				top := 0.5
				for _, v := range p {
					if v > top {
						top = v
					}
				}
				want, sums, got := slices.Clone(p), [Width]float64{}, [Width]float64{1, 2, 3}
				Generic.Exponentials(want, top, &sums)
				for i, v := range want {
					if e := math.Exp(p[i] - top); math.Abs(v-e) > 1e-15*e && e >= 1e-307 {
						t.Fatalf("exp(%v) is %v, want %v", p[i]-top, v, e)
					}
				}
				level.Exponentials(p, top, &got)
				same(t, p, want, "Exponentials", level.Name, n, variant)
				same(t, got[:], sums[:], "sums of Exponentials", level.Name, n, variant)
			}
		}
	}
}

// TestLogistic compares the kernel at every level to plain Go, bit for bit, and plain Go to sums of many digits.
func TestLogistic(t *testing.T) {
	for _, level := range Levels()[1:] {
		for n := 0; n <= 8*Width; n += Width {
			for variant, place := range placements {
				r := newRand(uint64(n + variant))
				p, y := placed(t, normal(r, n, variant > 0), place), placed(t, make([]float64, n), place)
				want, got := make([][]float64, 3), make([][]float64, 3)
				for i := range want {
					want[i], got[i] = make([]float64, n), placed(t, make([]float64, n), place)
				}
				for i := range y {
					y[i] = float64(r.IntN(2)*2 - 1)
					if r.IntN(3) == 0 {
						p[i] *= 300
					}
				}
				Generic.Logistic(p, y, want[0], want[1], want[2])
				level.Logistic(p, y, got[0], got[1], got[2])
				for i, name := range []string{"value", "slope", "curvature"} {
					same(t, got[i], want[i], name, level.Name, n, place)
				}
			}
		}
	}
	one, step := big.NewFloat(1).SetPrec(300), 0.0371
	if testing.Short() {
		step = 0.371
	}
	for p := -40.0; p < 40; p += step {
		e := bigExp(-math.Abs(p))
		q := new(big.Float).Quo(one, new(big.Float).Add(one, e))
		wantValue := bigLog1p(math.Exp(-math.Abs(p)))
		if p < 0 {
			wantValue.Sub(wantValue, new(big.Float).SetFloat64(p))
		}
		wantSlope := new(big.Float).Neg(q)
		if p >= 0 {
			wantSlope.Mul(wantSlope, e)
		}
		value, slope, curvature := Logistic(p, 1)
		for name, v := range map[string]struct {
			got  float64
			want *big.Float
		}{"value": {value, wantValue}, "slope": {-slope, wantSlope.Neg(wantSlope)},
			"curvature": {curvature, new(big.Float).Mul(e, new(big.Float).Mul(q, q))}} {
			if off := ulps(v.got, v.want); off > 5 {
				t.Errorf("%s at %v is %v ulp off", name, p, off)
			}
		}
		if v, s, c := Logistic(-p, -1); v != value || s != -slope || c != curvature {
			t.Errorf("at %v: %v %v %v, the mirror image %v %v %v", p, value, slope, curvature, v, s, c)
		}
	}
	for _, v := range []struct{ p, value, slope float64 }{{800, 0, 0}, {-800, 800, -1}, {math.Inf(1), 0, 0},
		{math.Inf(-1), math.Inf(1), -1}} {
		if value, slope, curvature := Logistic(v.p, 1); value != v.value || slope != v.slope || curvature != 0 {
			t.Errorf("at %v: %v, %v, %v", v.p, value, slope, curvature)
		}
	}
	if value, slope, curvature := Logistic(math.NaN(), 1); value == value || slope == slope || curvature == curvature {
		t.Errorf("of NaN: %v, %v, %v", value, slope, curvature)
	}
}

// TestLogisticSums compares the kernel at every level to Logistic of each model, bit for bit: weighted, added to what
// there is, and 0 where a model does not count the row, whatever it predicts.
func TestLogisticSums(t *testing.T) {
	for _, level := range Levels() {
		for gi, g := range groups {
			for variant := range 4 {
				r := newRand(uint64(g*10 + variant))
				place, lanes := placements[(variant+gi)%3], g*Width
				list := func(n int, odd bool) []float64 { return placed(t, normal(r, n, odd), place) }
				states := placed(t, newGroups(r, g), place)
				dot, eta, update := list(lanes, variant > 1), list(lanes, false), list(lanes, true)
				losses, slopes, y, weight := list(lanes, false), list(lanes, false), list(Width, false), list(Width, false)
				row := &Row{Groups: &states[0], N: g, Dot: &dot[0], Eta: &eta[0], Update: &update[0], Losses: &losses[0],
					Slopes: &slopes[0], RowWeight: 1.5}
				if variant&1 > 0 {
					y, weight = list(lanes, false), list(lanes, false)
					row.YStep, row.WeightStep = 64, 64
				}
				row.Y, row.Weight = &y[0], &weight[0]
				for i := range y {
					y[i], weight[i] = float64(r.IntN(2)*2-1), float64(r.IntN(3))
				}
				want := [3][]float64{make([]float64, lanes), slices.Clone(losses), slices.Clone(slopes)}
				for i := range lanes {
					if r.IntN(4) == 0 {
						eta[i], dot[i] = 0, math.NaN()
					}
					if at := i % len(y); eta[i] != 0 {
						value, slope, _ := Logistic(dot[i]+states[i/Width].Intercept[i%Width], y[at])
						w := 1.5 * weight[at]
						want[0][i] = slope * w
						want[1][i] += float64(value * w)
						want[2][i] += float64(slope * w)
					}
				}
				level.LogisticSums(row)
				for k, got := range [3][]float64{update, losses, slopes} {
					same(t, got, want[k], "LogisticSums", level.Name, g, variant, k)
				}
			}
		}
	}
}

// ulps is the error of got in units of the last place of want.
func ulps(got float64, want *big.Float) float64 {
	near, _ := want.Float64()
	d, _ := new(big.Float).Sub(new(big.Float).SetPrec(200).SetFloat64(got), want).Float64()
	return math.Abs(d) / (math.Nextafter(near, math.Inf(1)) - near)
}

// bigExp is exp(a), by its series at a/2¹².
func bigExp(a float64) *big.Float {
	const prec = 300
	x := new(big.Float).SetPrec(prec).SetFloat64(a)
	x.SetMantExp(x, -12)
	sum, term := big.NewFloat(1).SetPrec(prec), big.NewFloat(1).SetPrec(prec)
	for k := 1; k < 40; k++ {
		term.Mul(term, x)
		term.Quo(term, new(big.Float).SetPrec(prec).SetInt64(int64(k)))
		sum.Add(sum, term)
	}
	for range 12 {
		sum.Mul(sum, sum)
	}
	return sum
}

// bigLog1p is log(1+e) by 2·atanh(e/(2+e)).
func bigLog1p(e float64) *big.Float {
	const prec = 300
	x := new(big.Float).SetPrec(prec).SetFloat64(e)
	z := new(big.Float).SetPrec(prec).Quo(x, new(big.Float).SetPrec(prec).Add(x, big.NewFloat(2)))
	z2, power, sum := new(big.Float).SetPrec(prec).Mul(z, z), new(big.Float).SetPrec(prec).Set(z),
		new(big.Float).SetPrec(prec)
	for k := 1; k < 200; k += 2 {
		sum.Add(sum, new(big.Float).SetPrec(prec).Quo(power, new(big.Float).SetPrec(prec).SetInt64(int64(k))))
		power.Mul(power, z2)
	}
	return sum.Mul(sum, big.NewFloat(2))
}

func TestAccuracy(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this compares with arithmetic of hundreds of bits")
	}
	r := newRand(1)
	worstExp, worstLog := 0.0, 0.0
	for i := range 1500 {
		a := -r.Float64() * []float64{1e-9, 0.4, 2, 40, 708}[i%5]
		worstExp = max(worstExp, ulps(expNegative(a), bigExp(a)))
		e := r.Float64() * []float64{1, 1e-3, 1e-17, 1e-300}[i%4]
		worstLog = max(worstLog, ulps(log1p(e), bigLog1p(e)))
	}
	if worstExp > 1 || worstLog > 3 {
		t.Errorf("exp is off by %v ulp, log1p by %v: must be within 1 and 3", worstExp, worstLog)
	}
	t.Logf("exp within %.3f ulp, log1p within %.3f", worstExp, worstLog)
	for _, v := range []struct{ got, want float64 }{
		{expNegative(0), 1}, {expNegative(math.Inf(-1)), expNegative(-708)}, {log1p(0), 0},
	} {
		if v.got != v.want {
			t.Errorf("got %v, want %v", v.got, v.want)
		}
	}
	if v := expNegative(math.NaN()); v == v {
		t.Errorf("exp of NaN is %v", v)
	}
}

func TestMake(t *testing.T) {
	for _, n := range lengths {
		x := Make(n)
		if len(x) != n || uintptr(unsafe.Pointer(unsafe.SliceData(x)))%64 != 0 && n > 0 {
			t.Errorf("%d values for %d, at %p", len(x), n, unsafe.SliceData(x))
		}
	}
}

func BenchmarkKernels(b *testing.B) {
	const columns, g = 20, 8
	for _, level := range Levels() {
		r := newRand(1)
		lanes := g * Width
		x, w, q, s, out := normal(r, columns, false), make([]float64, columns*lanes), make([]float64, columns*lanes),
			make([]float64, lanes), make([]float64, lanes)
		a := operands{
			groups: newGroups(r, g), dot: normal(r, lanes, false), p: make([]float64, lanes), eta: make([]float64, lanes),
			update: make([]float64, lanes), meanUpdate: make([]float64, lanes), m: make([]float64, lanes),
			q: make([]float64, lanes),
			y: []float64{1, 1, 1, 1, 1, 1, 1, 1}, weight: []float64{1, 1, 1, 1, 1, 1, 1, 1},
		}
		for i := range lanes {
			a.m[i], a.q[i] = 1e9, 1
		}
		row := a.row(1, 0)
		var products [64]float64
		for name, f := range map[string]func(){
			"Dot":              func() { level.Dot(x, w, lanes, out) },
			"Add":              func() { level.Add(x, s, w, lanes) },
			"AddDot":           func() { level.AddDot(x, s, w, lanes, x, out) },
			"Decide/log_loss":  func() { level.Decide[LogLoss](row) },
			"Decide/hinge":     func() { level.Decide[Hinge](row) },
			"Step":             func() { level.Step(row) },
			"StepMean":         func() { level.StepMean(row) },
			"Value16/log_loss": func() { v := *row; v.N = 2; level.Value[LogLoss](&v) },
			"Truncate":         func() { level.Truncate(a.groups, s, w, q, lanes, columns) },
			"FourProducts16":   func() { level.FourProducts(w[:64], w[64:], 64, &products) },
		} {
			b.Run(level.Name+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(8 * lanes))
				for b.Loop() {
					f()
				}
			})
		}
	}
}

// At the ends of where a loss is flat, its slope is that of scikit-learn, at every level: of the hinge that of the rows
// to learn from, so that a perceptron learns from a first row that it predicts as 0; of epsilon_insensitive none.
func TestSlopesAtTheEnds(t *testing.T) {
	beyond := math.Nextafter(1, 2)
	for _, c := range []struct {
		loss        int
		threshold   float64
		p, y, slope [Width]float64
	}{
		{Hinge, 1, [Width]float64{1, -1, beyond, -beyond, 0, 2, -1, 1}, [Width]float64{1, -1, 1, -1, 1, 1, 1, -1},
			[Width]float64{-1, 1, 0, 0, -1, 0, -1, 1}},
		{Hinge, 0, [Width]float64{0, 0, 1e-300, -1e-300, 1, -1, 1, -1}, [Width]float64{1, -1, 1, -1, 1, -1, -1, 1},
			[Width]float64{-1, 1, 0, 0, 0, 0, 1, -1}},
		{EpsilonInsensitive, 0, [Width]float64{0.5, 1, 0.25, 1, 0, 0, 0, 0},
			[Width]float64{1, 0.5, 1, 0.25, 0.5, -0.5, beyond, -1},
			[Width]float64{0, 0, -1, 1, 0, 0, -1, 1}},
	} {
		for _, level := range Levels() {
			ones := [Width]float64{1, 1, 1, 1, 1, 1, 1, 1}
			g := []Group{{Scale: ones}}
			p, eta, update := make([]float64, Width), ones, make([]float64, Width)
			r := &Row{Groups: &g[0], N: 1, Dot: &c.p[0], P: &p[0], Y: &c.y[0], YStep: 64, Weight: &ones[0], WeightStep: 64,
				Eta: &eta[0], Update: &update[0], RowWeight: 1, Threshold: c.threshold, Epsilon: 0.5}
			level.Decide[c.loss](r)
			for i, want := range c.slope {
				if update[i] != -want {
					t.Errorf("%s, loss %d, prediction %v of %v: slope %v, want %v", level.Name, c.loss, c.p[i], c.y[i],
						-update[i], want)
				}
			}
		}
	}
}

// Fetch takes places at both ends of a table, and none, and leaves the table as it is.
func TestFetch(t *testing.T) {
	type pair [2]float64
	table := []pair{{1, 2}, {3, 4}, {5, 6}}
	Fetch(table, 1, []int32{0, 2, 1, 2})
	Fetch(table, 3, []int32{0})
	Fetch(table, 1, nil)
	Fetch([]pair(nil), 1, nil)
	if want := []pair{{1, 2}, {3, 4}, {5, 6}}; !slices.Equal(table, want) {
		t.Errorf("%v, want %v", table, want)
	}
}
