package neighbors

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/vectors"
)

// bits of the arithmetic that extreme distances are compared with.
const oracleBits = 4600

// oracle is the exact distance of two rows, of the metrics without other powers than 2; of SqEuclidean for Euclidean,
// as its order is the same.
func oracle(m Metric, x, y []float64) *big.Float {
	sum, d, z := new(big.Float).SetPrec(oracleBits), new(big.Float).SetPrec(oracleBits), new(big.Float).SetPrec(oracleBits)
	for j := range x {
		d.SetFloat64(x[j])
		z.SetFloat64(y[j])
		switch m {
		case InnerProduct:
			sum.Sub(sum, d.Mul(d, z))
		case Manhattan:
			sum.Add(sum, d.Abs(d.Sub(d, z)))
		case Chebyshev:
			if d.Abs(d.Sub(d, z)); d.Cmp(sum) > 0 {
				sum.Set(d)
			}
		default:
			d.Sub(d, z)
			sum.Add(sum, d.Mul(d, d))
		}
	}
	if m == Euclidean {
		return sum.Sqrt(sum)
	}
	return sum
}

// rowsLike makes rows of values of a magnitude, some of them twice.
func rowsLike(n, dim int, seed uint64, value func(r *rand.Rand) float64) *vectors.Block {
	r := rand.New(rand.NewPCG(seed, 1))
	b := &vectors.Block{Dim: dim, DType: vectors.Float64}
	row := make([]float64, dim)
	for i := range n {
		if i == 0 || i%7 != 0 {
			for j := range row {
				row[j] = value(r)
			}
		}
		b.Append(row, int64(i))
	}
	return b
}

var extremeValues = map[string]func(r *rand.Rand) float64{
	"1e300":     func(r *rand.Rand) float64 { return r.NormFloat64() * 1e300 },
	"1e155":     func(r *rand.Rand) float64 { return r.NormFloat64() * 1e155 },
	"1e-200":    func(r *rand.Rand) float64 { return r.NormFloat64() * 1e-200 },
	"1e-160":    func(r *rand.Rand) float64 { return r.NormFloat64() * 1e-160 },
	"denormal":  func(r *rand.Rand) float64 { return float64(r.IntN(1<<20)) * 5e-324 },
	"all":       func(r *rand.Rand) float64 { return math.Ldexp(r.NormFloat64(), r.IntN(1900)-950) },
	"few large": func(r *rand.Rand) float64 { return r.NormFloat64() * []float64{1, 1, 1, 1, 1e200}[r.IntN(5)] },
	"few small": func(r *rand.Rand) float64 { return float64(r.IntN(2)) * []float64{1, 1e-180}[r.IntN(2)] },
}

// Distances whose squares, sums or products leave float64's range are right all the same, in value and in order, or the
// search is an error, as where the distance itself leaves it.
func TestExtremes(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies metrics, rows and searches")
	}
	t.Parallel()
	for name, value := range extremeValues {
		for _, m := range []Metric{Euclidean, SqEuclidean, InnerProduct, Manhattan, Chebyshev} {
			for _, self := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%s/self=%v", name, m, self), func(t *testing.T) {
					points := rowsLike(40, 3, 1, value)
					queries := points
					if !self {
						queries = rowsLike(20, 3, 2, value)
					}
					want := make([][]exactNeighbor, queries.Len())
					for i := range want {
						want[i] = exactNeighbors(m, points, queries, i, self)
					}
					for _, algorithm := range []Algorithm{Brute, KDTree} {
						if algorithm == KDTree && !treeMetric(m, 2) {
							continue
						}
						x, err := Fit(points, Options{Metric: m, Algorithm: algorithm})
						if err != nil {
							t.Fatal(err)
						}
						for _, k := range []int{1, 5, 20} {
							found, err := x.KNeighbors(queries, k, Search{Self: self, Threads: 2})
							checkExtreme(t, m, want, k, found, err)
						}
					}
				})
			}
		}
	}
}

type exactNeighbor struct {
	position int
	exact    *big.Float
	distance float64
}

// exactNeighbors are all points by their exact distances from a query.
func exactNeighbors(m Metric, points, queries *vectors.Block, i int, self bool) []exactNeighbor {
	var all []exactNeighbor
	x, y := make([]float64, points.Dim), make([]float64, points.Dim)
	for p := range points.Len() {
		if self && p == i {
			continue
		}
		e := oracle(m, queries.Row(i, x), points.Row(p, y))
		d, _ := e.Float64()
		all = append(all, exactNeighbor{p, e, d})
	}
	slices.SortStableFunc(all, func(a, b exactNeighbor) int { return a.exact.Cmp(b.exact) })
	return all
}

// holds reports whether float64 holds a distance with all its digits.
func holds(m Metric, e exactNeighbor) bool {
	if math.IsInf(e.distance, 0) {
		return false
	}
	return e.exact.Sign() == 0 || math.Abs(e.distance) >= normalLeast || m != SqEuclidean && m != InnerProduct
}

func checkExtreme(t *testing.T, m Metric, all [][]exactNeighbor, k int, found *Neighbors, err error) {
	t.Helper()
	for i, want := range all {
		want = want[:k]
		if slices.ContainsFunc(want, func(e exactNeighbor) bool { return !holds(m, e) }) {
			if err == nil {
				p, d := found.Of(i)
				t.Fatalf("query %d: no error where a distance is %v: %v at %v", i, want[k-1].exact, p, d)
			}
			return
		}
		if err != nil {
			continue // of another query, or else there is none
		}
		positions, distances := found.Of(i)
		for j, e := range want {
			if !near(distances[j], e.distance) {
				t.Fatalf("query %d: distance %d is %v, expected %v (points %v, %v)", i, j, distances[j], e.distance, positions[j],
					e.position)
			}
			if j > 0 && (distances[j] < distances[j-1] || distances[j] == distances[j-1] && positions[j] <= positions[j-1]) {
				t.Fatalf("query %d: %v at %v do not ascend", i, positions, distances)
			}
		}
	}
	if err != nil {
		t.Fatalf("an error, but all distances can be held: %v", err)
	}
}

// near allows for a few roundings, and for those to the least numbers that there are.
func near(got, want float64) bool {
	return math.Abs(got-want) <= 1e-14*math.Abs(want)+2*math.SmallestNonzeroFloat64
}

// A distance that float64 cannot hold is an error that says which, and what to do.
func TestOutOfRange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		metric Metric
		values []float64
		want   string
	}{
		{Euclidean, []float64{-1.7e308, 1.7e308},
			"the euclidean distance of query 0 and point 1 is beyond the greatest number that float64 holds, 1.8e308: multiply"},
		{Manhattan, []float64{-1.7e308, 1.7e308}, "the manhattan distance of query 0 and point 1 is beyond"},
		{Chebyshev, []float64{-1.7e308, 1.7e308}, "the chebyshev distance of query 0 and point 1 is beyond"},
		{SqEuclidean, []float64{1e300, 2e300},
			"is beyond the greatest number that float64 holds, 1.8e308: multiply all columns by the same power of ten, or " +
				"take --metric=euclidean"},
		{SqEuclidean, []float64{1e-200, 2e-200},
			"is below the least number that float64 holds with all its digits, 2.2e-308"},
		{InnerProduct, []float64{1e200, 2e200}, "the inner_product distance of query 0 and point 1 is beyond"},
		{InnerProduct, []float64{1e-200, 2e-200}, "is below the least"},
		{Minkowski, []float64{-1.7e308, 1.7e308}, "the minkowski distance of query 0 and point 1 is beyond"},
	} {
		b := &vectors.Block{Dim: 1, DType: vectors.Float64, F64: c.values, Numbers: []int64{0, 1}}
		x, err := Fit(b, Options{Metric: c.metric, P: 3, Algorithm: Brute})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.KNeighbors(b, 1, Search{Self: true}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %v: %v", c.metric, c.values, err)
		}
	}
}

// The power of Minkowski leaves the range with values that are quite usual.
func TestExtremePowers(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies metrics, rows and exponents")
	}
	t.Parallel()
	for _, scale := range []float64{1, 1e5, 1e-5, 1e120, 1e-120} {
		for _, p := range []float64{0.5, 3, 60, 5000} {
			for _, narrow := range []bool{false, true} {
				points := &vectors.Block{Dim: 2, DType: vectors.Float64}
				r := rand.New(rand.NewPCG(3, 3))
				for i := range 80 {
					points.Append([]float64{float64(float32(r.NormFloat64())) * scale, float64(float32(r.NormFloat64())) * scale},
						int64(i))
				}
				if narrow {
					if scale > 1e38 || scale < 1e-38 {
						continue
					}
					b := &vectors.Block{Dim: 2, DType: vectors.Float32, Numbers: points.Numbers}
					for _, v := range points.F64 {
						b.F32 = append(b.F32, float32(v))
					}
					points = b
				}
				for _, algorithm := range []Algorithm{Brute, KDTree} {
					if algorithm == KDTree && p < 1 {
						continue
					}
					x, err := Fit(points, Options{Metric: Minkowski, P: p, Algorithm: algorithm})
					if err != nil {
						t.Fatal(err)
					}
					found, err := x.KNeighbors(points, 4, Search{Self: true})
					if err != nil {
						t.Fatal(err)
					}
					for i := range points.Len() {
						got, distances := found.Of(i)
						want := powerNeighbors(points, i, p)
						for j, e := range want[:4] {
							if !(math.Abs(distances[j]-e.distance) <= 1e-9*e.distance) {
								t.Fatalf("scale %v, p = %v, %s: query %d has %v at %v, expected %v", scale, p, algorithm, i, got, distances,
									want[:4])
							}
						}
					}
				}
			}
		}
	}
}

// powerNeighbors are all points by their Minkowski distances, from logarithms.
func powerNeighbors(points *vectors.Block, i int, p float64) []exactNeighbor {
	var all []exactNeighbor
	x, y := points.Row(i, make([]float64, 2)), make([]float64, 2)
	for j := range points.Len() {
		if j == i {
			continue
		}
		row := points.Row(j, y)
		a, b := math.Abs(x[0]-row[0]), math.Abs(x[1]-row[1])
		most, other := max(a, b), min(a, b)
		all = append(all, exactNeighbor{position: j,
			distance: most * math.Exp(math.Log1p(math.Exp(p*math.Log(other/most)))/p)})
	}
	slices.SortStableFunc(all, func(a, b exactNeighbor) int { return cmp.Compare(a.distance, b.distance) })
	return all
}

// A radius takes those within it, and no other, at any magnitude.
func TestExtremeRadius(t *testing.T) {
	t.Parallel()
	const n, dim = 40, 2
	for name, value := range extremeValues {
		for _, m := range []Metric{Euclidean, SqEuclidean, InnerProduct, Manhattan, Chebyshev} {
			points := rowsLike(n, dim, 5, value)
			all := exactNeighbors(m, points, points, 0, true)
			at := all[10]
			if !holds(m, at) {
				continue
			}
			radius := math.Nextafter(at.distance, math.Inf(1))
			for _, algorithm := range []Algorithm{Brute, KDTree} {
				if algorithm == KDTree && !treeMetric(m, 2) {
					continue
				}
				x, err := Fit(points, Options{Metric: m, Algorithm: algorithm})
				if err != nil {
					t.Fatal(err)
				}
				found, err := x.RadiusNeighbors(points.Slice(0, 1), radius, Search{Self: true})
				count, inside := 0, true
				for _, e := range all {
					if e.distance <= radius {
						count++
						inside = inside && holds(m, e)
					}
				}
				switch {
				case !inside && err == nil:
					t.Errorf("%s, %s: no error", name, m)
				case inside && err != nil:
					t.Errorf("%s, %s: %v", name, m, err)
				case inside:
					if _, d := found.Of(0); len(d) < count-1 || len(d) > count+1 || !near(d[min(10, len(d)-1)], at.distance) {
						t.Errorf("%s, %s, %s: %d within %v, expected %d", name, m, algorithm, len(d), radius, count)
					}
				}
			}
		}
	}
}

// checkParts searches points of extreme values by parts, each with the bounds that those before it have left.
func checkParts(t *testing.T, points *vectors.Block, o Options) {
	t.Helper()
	const k, size = 6, 20
	whole, err := Fit(points, o)
	if err != nil {
		t.Fatal(err)
	}
	want, err := whole.KNeighbors(points, k, Search{Self: true})
	if err != nil {
		t.Fatal(err)
	}
	hits := NewHits(points.Len())
	for lo := 0; lo < points.Len(); lo += size {
		part, err := Fit(points.Slice(lo, lo+size), o)
		if err != nil {
			t.Fatal(err)
		}
		found, err := part.KNeighbors(points, k, Search{Self: true, Part: true, Bounds: hits.Bounds(k)})
		if err != nil {
			t.Fatal(err)
		}
		hits = hits.Merge(found, part, 0, k, nil)
	}
	if !slices.Equal(hits.Distances, want.Distances) {
		t.Errorf("%s, %s of %v: parts give others", o.Metric, o.Algorithm, points.F64[0])
	}
}

// An index in a file, parts of the points, and chosen pairs give the same distances.
func TestExtremesEverywhere(t *testing.T) {
	t.Parallel()
	for _, scale := range []float64{1e300, 1e-200} {
		points := rowsLike(60, 4, 9, func(r *rand.Rand) float64 { return r.NormFloat64() * scale })
		x, err := Fit(points, Options{Algorithm: Brute})
		if err != nil {
			t.Fatal(err)
		}
		want, err := x.KNeighbors(points, 6, Search{Self: true})
		if err != nil {
			t.Fatal(err)
		}

		var b bytes.Buffer
		if _, err := x.WriteFile(&b, nil); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "x.index")
		if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		y, err := MapFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := y.KNeighbors(points, 6, Search{Self: true})
		if err != nil || !slices.Equal(got.Positions, want.Positions) || !slices.Equal(got.Distances, want.Distances) {
			t.Errorf("%v: the index in a file gives others (%v)", scale, err)
		}

		for _, o := range []Options{{Algorithm: Brute}, {Algorithm: KDTree}, {Metric: Minkowski, P: 3, Algorithm: Brute},
			{Metric: Minkowski, P: 3, Algorithm: KDTree}} {
			checkParts(t, points, o)
		}

		pairs, err := NewPairs(points, Options{})
		if err != nil {
			t.Fatal(err)
		}
		query, err := pairs.Queries(points)
		if err != nil {
			t.Fatal(err)
		}
		for i := range points.Len() {
			p, d := want.Of(i)
			out := make([]float64, len(p))
			if query.Distances(i, p, out); !slices.Equal(out, d) {
				t.Errorf("%v: pairs give %v, expected %v", scale, out, d)
			}
			for j, p := range p {
				if e := Distance(points.F64[4*i:4*i+4], points.F64[4*p:4*p+4], Options{}); e != d[j] {
					t.Errorf("%v: Distance gives %v, expected %v", scale, e, d[j])
				}
			}
		}
		for _, m := range []Metric{Euclidean, SqEuclidean, Cosine, InnerProduct} {
			if pairs, err = NewPairs(points, Options{Metric: m}); err != nil {
				t.Fatal(err)
			}
			if err := pairs.Check(points); (err == nil) != (m == Euclidean || m == Cosine) {
				t.Errorf("%v, %s: checked: %v", scale, m, err)
			}
		}
	}
}
