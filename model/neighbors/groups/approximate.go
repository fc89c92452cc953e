package groups

import (
	"cmp"
	"math"
	"slices"

	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/ivf"
	"beamlearn/model/vectors"
)

// The numbers of neighbours of each point that are looked for, one after the other, until a pilot shows the recall.
var lengths = []int{16, 64, 256}

const (
	mostPartitions = 6  // for each of the lengths
	pilotShare     = 5  // of the sampled rows, one in so many
	askedRows      = 50 // that are answered exactly at a time
)

// Approximate finds pairs of points within the radius, for groups, so that the recall that o asks for is the share of
// the pairs within the radius whose rows are of one group, directly or by others. What it gives as pairs is within the
// radius, to the bit: groups are those of [neighbors.Index.RadiusNeighbors], some of them in several pieces.
//
// Rows that are equal are of one group without a search. Of the others it takes the nearest ones that [ivf.Near]
// finds, first 16 of each, then 64 and 256, until a pilot of sampled rows, which are answered exactly, shows the
// recall. The recall of the report is that of other sampled rows, 2000 by default: see [ivf.MeasurePairs].
//
// The neighbours of a point are earlier ones. They are nil, and Report.Method is exact, where an exact search is
// cheaper or does what the others do not: the caller makes it. It takes 40 bytes for each of the nearest ones, 4 for
// each pair of the pilot, and about the points three times.
func Approximate(
	points *vectors.Block, radius float64, o ivf.Options, s neighbors.Search,
) (*neighbors.Neighbors, *ivf.Report, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, nil, err
	}
	exact := &ivf.Report{Method: "exact", Asked: o.Recall,
		Measure: ivf.Measure{Recall: 1, Low: 1, High: 1, Sample: points.Len()}}
	if points.Sparse != nil { // no lists of theirs were found that save anything: see package ivf
		return nil, exact, nil
	}
	a := &approximation{points: points, radius: radius, o: o, threads: s.NumThreads()}
	a.collect()
	o.Repetitions = mostPartitions
	var rows *vectors.Block
	for _, k := range lengths {
		if len(a.unequal) <= max(o.Queries(), 4*k) || o.Recall == 1 ||
			!ivf.NearIsWorthwhile(len(a.unequal), points.Dim, k, o) {
			break
		}
		if rows == nil {
			rows = take(points, a.unequal)
		}
		var pairs *neighbors.Neighbors
		report, ok, err := ivf.Near(rows, k, radius, o, s, func(found *neighbors.Neighbors) (bool, error) {
			var err error
			if pairs, err = a.pairs(found); err != nil {
				return false, err
			}
			pilot, err := a.pilotRecall()
			return pilot.Sample == 0 || pilot.Shows(o.Recall), err
		})
		if err != nil {
			return nil, nil, err
		}
		if ok {
			report.Measure, err = a.measure()
			return pairs, report, err
		}
	}
	return nil, exact, nil
}

// approximation is the state of Approximate.
type approximation struct {
	points  *vectors.Block
	radius  float64
	o       ivf.Options
	threads int

	unequal []int32 // the first row of each kind
	equals  []edge  // from another row to the first of its kind
	groups  *Components
	index   *neighbors.Index // exact
	pilot   []answered
}

// answered is a row, and the others within the radius.
type answered struct {
	row    int32
	others []int32
}

// collect finds rows that are equal, and near to each other for it: two zero vectors are not, by the cosine.
func (a *approximation) collect() {
	first := map[uint64][]int32{} // by a hash of the values
	x, y := make([]float64, a.points.Dim), make([]float64, a.points.Dim)
next:
	for i := range a.points.Len() {
		row := a.points.Row(i, x)
		h := hash(row)
		for _, j := range first[h] {
			if slices.Equal(row, a.points.Row(int(j), y)) {
				if d := neighbors.Distance(row, row, neighbors.Options{Metric: a.o.Metric}); d <= a.radius {
					a.equals = append(a.equals, edge{int32(i), j, d})
					continue next
				}
				break
			}
		}
		first[h] = append(first[h], int32(i))
		a.unequal = append(a.unequal, int32(i))
	}
}

// hash is one of values, of which 0 and −0 are equal. (FNV-1a, by words.)
func hash(values []float64) uint64 {
	h := uint64(14695981039346656037)
	for _, v := range values {
		h = (h ^ math.Float64bits(v+0)) * 1099511628211
		h ^= h >> 32
	}
	return h
}

// pairs are those that were found, of each point with earlier ones, which become groups.
func (a *approximation) pairs(found *neighbors.Neighbors) (*neighbors.Neighbors, error) {
	all := slices.Clone(a.equals)
	for i := range found.Len() {
		positions, distances := found.Of(i)
		for j, p := range positions {
			x, y := a.unequal[i], a.unequal[p]
			all = append(all, edge{max(x, y), min(x, y), distances[j]})
		}
	}
	slices.SortFunc(all, func(x, y edge) int { return cmp.Or(cmp.Compare(x.a, y.a), compareEdges(x, y)) })
	all = slices.Compact(all)
	var err error
	if a.groups, err = New(int64(a.points.Len())); err != nil {
		return nil, err
	}
	out := &neighbors.Neighbors{Offsets: make([]int64, a.points.Len()+1)}
	for _, e := range all {
		a.groups.Join(int64(e.a), int64(e.b))
		out.Offsets[e.a+1]++
		out.Positions, out.Distances = append(out.Positions, e.b), append(out.Distances, e.distance)
	}
	for i := range a.points.Len() {
		out.Offsets[i+1] += out.Offsets[i]
	}
	return out, nil
}

// sampled answers sampled rows exactly: those of the pilot, or the others.
func (a *approximation) sampled(pilot bool, use func(answered)) error {
	if a.index == nil {
		var err error
		if a.index, err = neighbors.Fit(a.points, neighbors.Options{Metric: a.o.Metric}); err != nil {
			return err
		}
	}
	var rows []int32
	for i, row := range ivf.Sample(a.points.Len(), a.o.Queries(), a.o.Seed) {
		if (i%pilotShare == 0) == pilot {
			rows = append(rows, row)
		}
	}
	for some := range slices.Chunk(rows, askedRows) {
		near, err := a.index.RadiusNeighbors(take(a.points, some), a.radius, neighbors.Search{Self: true, Threads: a.threads})
		if err != nil {
			return err
		}
		for i, row := range some {
			others, _ := near.Of(i)
			use(answered{row, others})
		}
	}
	return nil
}

// together is how many of the others are of the row's group.
func (a *approximation) together(r answered) (n int) {
	for _, other := range r.others {
		if a.groups.First(int64(r.row)) == a.groups.First(int64(other)) {
			n++
		}
	}
	return n
}

// pilotRecall is the recall by the pilot, whose answers stay.
func (a *approximation) pilotRecall() (m ivf.Measure, err error) {
	if a.pilot == nil {
		err = a.sampled(true, func(r answered) { a.pilot = append(a.pilot, answered{r.row, slices.Clone(r.others)}) })
	}
	var found, pairs []int
	for _, r := range a.pilot {
		found, pairs = append(found, a.together(r)), append(pairs, len(r.others))
	}
	return ivf.MeasurePairs(found, pairs), err
}

// measure is the recall by rows that have decided nothing.
func (a *approximation) measure() (ivf.Measure, error) {
	var found, pairs []int
	err := a.sampled(false, func(r answered) {
		found, pairs = append(found, a.together(r)), append(pairs, len(r.others))
	})
	return ivf.MeasurePairs(found, pairs), err
}
