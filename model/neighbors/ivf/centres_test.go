package ivf

import (
	"math"
	"slices"
	"testing"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// The middle of rows is their mean, on the unit sphere where the metric sees directions alone, and what most have of
// bits; without rows, or where their sum overflows, a leader stays where it is.
func TestMiddle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		metric neighbors.Metric
		wide   bool
		values []float64
		rows   []int32
		want   []float64
	}{
		{"mean", neighbors.Euclidean, false, []float64{1, 2, 9, 9, 3, 6}, []int32{0, 2}, []float64{2, 4}},
		{"of float64", neighbors.Euclidean, true, []float64{0.1, 0, 0.3, 0}, []int32{0, 1}, []float64{0.2, 0}},
		{"of directions", neighbors.Cosine, false, []float64{10, 0, 0, 1, 0, 0}, []int32{0, 1, 2}, []float64{1. / 3, 1. / 3}},
		{"of deviations", neighbors.Correlation, false, []float64{5, 5, 8, 4, 4, 4, 1, 1, 101}, []int32{0, 1, 2},
			[]float64{-2 / math.Sqrt(6) / 3, -2 / math.Sqrt(6) / 3, 4 / math.Sqrt(6) / 3}},
		{"of bits", neighbors.Hamming, false, []float64{0b011, 0, 0b110, 1, 0b010, 1}, []int32{0, 1, 2}, []float64{0b010, 1}},
		{"of two bits", neighbors.Hamming, false, []float64{1, 0, 2, 0}, []int32{0, 1}, []float64{0, 0}},
		{"without rows", neighbors.Euclidean, false, []float64{1, 2}, nil, []float64{7, 7}},
		{"beyond float32", neighbors.Euclidean, true, []float64{0x1p900, 1, 0x3p900, 1}, []int32{0, 1},
			[]float64{0x2p900, 1}},
		{"beyond float64", neighbors.Euclidean, true, []float64{1e308, 1, 1e308, 1}, []int32{0, 1}, []float64{7, 7}},
	} {
		dim := len(c.want)
		b := block(t, c.values, dim, c.wide)
		leaders := block(t, slices.Repeat([]float64{7}, 2*dim), dim, c.wide)
		newMiddle(c.metric, dim).of(b, c.rows, leaders, 1)
		for j, want := range append(slices.Repeat([]float64{7}, dim), c.want...) {
			if got := leaders.Row(j/dim, make([]float64, dim))[j%dim]; !(math.Abs(got-want) <= 1e-7) {
				t.Errorf("%s: component %d of leader %d is %v, want %v", c.name, j%dim, j/dim, got, want)
			}
		}
	}
}

// Leaders in the middle of their points are nearer to them than points among them are.
func TestCentre(t *testing.T) {
	t.Parallel()
	points := block(t, clustered(3000, 8, 30, 1), 8, false)
	o := Options{Seed: 3}
	o.EnsureDefaults()
	p := &partsPlanner{forLeaders: points, o: &o, threads: 2}
	rows := except(points.Len(), nil)
	seed := random(5)
	named := seed.sample(points.Len(), 20, nil)
	sum := func(leaders *vectors.Block) (sum float64) {
		x, err := neighbors.Fit(leaders, neighbors.Options{})
		if err != nil {
			t.Fatal(err)
		}
		found, err := x.KNeighbors(points, 1, neighbors.Search{})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range found.Distances {
			sum += d * d
		}
		return sum
	}
	leaders := take(points, named)
	before := sum(leaders)
	if err := p.centre(leaders, rows, seed); err != nil {
		t.Fatal(err)
	}
	if after := sum(leaders); !(after < 0.7*before) {
		t.Errorf("squared distances of %.0f in all, before %.0f", after, before)
	}
}

// A point goes to its nearest leader, and to others behind a border that is nearer than a share of the distance to it.
func TestNearestLeadersWithin(t *testing.T) {
	t.Parallel()
	const dim, share = 16, 0.2
	points := block(t, clustered(1000, dim, 10, 1), dim, false)
	seed := random(2)
	leaders := take(points, seed.sample(points.Len(), 12, nil))
	squared := func(a *vectors.Block, i int, b *vectors.Block, j int) (d float64) {
		x, y := a.Row(i, make([]float64, dim)), b.Row(j, make([]float64, dim))
		for c := range x {
			d += (x[c] - y[c]) * (x[c] - y[c])
		}
		return d
	}
	const f = 20 // of which there are 12
	found, err := nearestLeaders(points, leaders, f, share, neighbors.Options{Metric: neighbors.Euclidean}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != points.Len()*leaders.Len() {
		t.Fatalf("%d leaders of %d points", len(found), points.Len())
	}
	others, wrong := 0, 0
	for i := range points.Len() {
		own := found[i*leaders.Len() : (i+1)*leaders.Len()]
		best := 0
		for l := range leaders.Len() {
			if squared(points, i, leaders, l) < squared(points, i, leaders, best) {
				best = l
			}
		}
		nearest := squared(points, i, leaders, best)
		for l := range leaders.Len() {
			goes := slices.Contains(own, int32(l))
			if l == best {
				if !goes {
					wrong++
				}
				continue
			}
			if goes {
				others++
			}
			border := (squared(points, i, leaders, l) - nearest) / (2 * math.Sqrt(squared(leaders, best, leaders, l)))
			reach := share * math.Sqrt(nearest)
			if goes && border > 1.2*reach+0.03 || !goes && border < 0.8*reach-0.03 {
				wrong++
			}
		}
	}
	if others < points.Len()/10 || others > 3*points.Len() || wrong > points.Len()/100 {
		t.Errorf("%d other leaders of %d points; %d are wrong", others, points.Len(), wrong)
	}
}
