package kmeans

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/features"
	"beamlearn/model/linear"
	"beamlearn/model/linear/drift"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/vectors"
)

// Fit finds clusters in passes over the rows: see the package. It is a [linear.Learner], and not safe for concurrent
// use, but its parts are.
type Fit struct {
	options  Options
	features int
	names    []string
	passes   int

	rows   int64   // nothing else is known before the first pass
	spread float64 // the mean of the columns' variances, as they are scaled
	std    []float64
	scaling
	sample floats // scaled rows, of which the silhouette is measured
	runs   []*run
	room   *room // for what is remembered of rows
	model  *Model
	judged *drift.Judged // how the centres before did on the rows of online learning; nil: there were none

	encoding  *features.Encoding
	zeroBased bool
}

// run is a start of a number of clusters.
type run struct {
	Clusters   int        `json:"n_clusters"`
	Centers    floats     `json:"cluster_centers"` // clusters × features, scaled
	Iterations int        `json:"n_iter"`
	Curve      floats     `json:"curve"` // the inertia by the centres before each iteration, and by the last ones
	Sizes      []int64    `json:"sizes,omitempty"`
	Rounds     int        `json:"rounds,omitempty"`  // of k-means|| that are to come; until then Centers are candidates
	Weights    floats     `json:"weights,omitempty"` // of the rows that have come to the centres, by minibatches
	Shards     []progress `json:"shards,omitempty"`
	Far        int        `json:"far,omitempty"` // clusters that are empty: the next pass finds rows for them
	Settled    bool       `json:"settled"`       // the next pass only assigns
	Done       bool       `json:"done"`

	searcher *Searcher // of the centres; nil: not made yet
	memory   *memory   // of the rows; nil unless centres have moved in this process, where the next pass will be
	movement
}

// batchRows is how many rows are searched for at a time.
const batchRows = 2048

// NewFit begins a fit of rows with so many columns, and names for them or nil.
func NewFit(o Options, columns int, names []string) (*Fit, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if columns < 1 {
		return nil, fmt.Errorf("%d columns: there must be at least one", columns)
	}
	all := o.Held()
	if all > maxCentres/columns {
		return nil, fmt.Errorf("n_clusters: %d centres of %d columns are more than %d numbers", all, columns, maxCentres)
	}
	for i, c := range o.Centers {
		if len(c) != columns {
			return nil, fmt.Errorf("init: centre %d has %d columns, the rows have %d", i, len(c), columns)
		}
	}
	if w := o.WarmStart; w != nil && w.Options.Standardize != o.Standardize {
		return nil, fmt.Errorf("standardize %v: the model to go on from has %v", o.Standardize, w.Options.Standardize)
	}
	return &Fit{
		options: o, features: columns, names: slices.Clone(names), room: &room{left: memoryBytes},
	}, nil
}

// Kind tells a state of a k-means fit from others.
func (f *Fit) Kind() string { return Kind }

// Kind is that of states of a [Fit].
const Kind = "kmeans"

// Pass says how the rows of the next pass are to be given.
func (f *Fit) Pass() fitting.Pass {
	p := fitting.Pass{Number: f.passes, Batch: batchRows, First: f.passes == 0, Name: "looking at the rows"}
	if f.passes > 0 {
		p.Name = fmt.Sprintf("iteration %d", f.iteration()+1)
		if f.learns() {
			p.Batch, p.Shuffle, p.Mix = f.options.BatchSize, !f.options.Online, !f.options.Online
			p.Name = fmt.Sprintf("epoch %d", f.iteration()+1)
		}
		if left := f.runs[0].Rounds; left > 1 {
			p.Name = fmt.Sprintf("drawing centres, round %d", rounds+2-left)
		} else if left == 1 {
			p.Name = "weighing the drawn centres"
		}
	}
	return p
}

// iteration is that of the run which has made most of those that are not done.
func (f *Fit) iteration() int {
	most := 0
	for _, r := range f.runs {
		if !r.Done {
			most = max(most, r.Iterations)
		}
	}
	return most
}

// Passes is how many passes have been made.
func (f *Fit) Passes() int { return f.passes }

// MostPasses is how many passes there are left at most, where that is known to be few.
func (f *Fit) MostPasses() int {
	if f.Done() {
		return 0
	}
	return math.MaxInt
}

// Done reports whether there is a model.
func (f *Fit) Done() bool { return f.model != nil }

// Model is the clusters, when they are found.
func (f *Fit) Model() *Model {
	f.model.Encoding, f.model.ZeroBased = f.encoding, f.zeroBased
	return f.model
}

// Progressive is how far rows were from the centres that they had before each batch moved them, squared, when they are
// learned from; nil unless a model was gone on from.
func (f *Fit) Progressive() *drift.Judged { return f.judged }

// Reads says how rows become numbers, for the model.
func (f *Fit) Reads(e *features.Encoding, zeroBased bool) { f.encoding, f.zeroBased = e, zeroBased }

// Skip is for passes over samples, of which there are none.
func (f *Fit) Skip(linear.Partial, int64) {}

// Domain is what values may be: finite.
func (f *Fit) Domain() vectors.Domain { return nil }

// Notes are what is to be told as soon as it is known: nothing.
func (f *Fit) Notes() []string { return nil }

// Partial begins a part of the next pass. It may be called by one goroutine at a time.
func (f *Fit) Partial(shard, shards int) linear.Partial {
	if f.passes == 0 {
		return newLook(f)
	}
	if f.runs[0].Rounds > 0 {
		return newDrawing(f)
	}
	if f.learns() {
		return newEpoch(f, shard, shards)
	}
	return newSums(f)
}

// Advance ends a pass.
func (f *Fit) Advance(sum linear.Partial) error {
	if f.Done() {
		return errors.New("kmeans.Fit: the model is found")
	}
	var err error
	switch p := sum.(type) {
	case *look:
		err = f.begin(p)
	case *drawing:
		f.draw(p)
	case *epoch:
		err = f.turn(p)
	case *sums:
		err = f.step(p)
	default:
		err = fmt.Errorf("kmeans.Fit: a sum of type %T", sum)
	}
	if err != nil {
		return err
	}
	f.passes++
	if f.passes > 1 && !slices.ContainsFunc(f.runs, func(r *run) bool { return !r.Done }) {
		err = f.finish()
	}
	return err
}

// begin chooses the centres of all runs to begin with.
func (f *Fit) begin(p *look) error {
	o := &f.options
	f.rows, f.mean = p.rows, p.moments.Mean
	if o.WarmStart != nil {
		return f.goOn(p)
	}
	if most := o.Clusters[len(o.Clusters)-1]; int64(most) > f.rows {
		return fmt.Errorf("n_clusters %d: rows are fewer: %d", most, f.rows)
	}
	if most := o.Clusters[len(o.Clusters)-1]; int64(most) > p.heavy && (o.Init != Given || p.heavy == 0) {
		return fmt.Errorf("n_clusters %d: rows whose weight is not 0 are fewer: %d", most, p.heavy)
	}
	p.moments.Finish()
	if err := f.measurable(p); err != nil {
		return err
	}
	f.std = make([]float64, f.features)
	for j, v := range p.moments.Var {
		f.std[j] = math.Sqrt(v)
		if o.Standardize {
			v /= p.moments.Scale[j] * p.moments.Scale[j]
		}
		f.spread += v / float64(f.features)
	}
	if o.Standardize {
		f.scale = p.moments.Scale
	}
	rows, heavy := f.drawn(p)
	from := &candidates{rows: rows, features: f.features, weights: unlessEqual(heavy)}
	for _, k := range o.Clusters {
		for i := range o.NInit {
			r := &run{Clusters: k}
			if o.BatchSize > 0 {
				r.Weights = make(floats, k)
			}
			switch o.Init {
			case Given:
				for _, c := range o.Centers {
					r.Centers = f.append(r.Centers, c)
				}
			case Parallel:
				r.Centers, r.Rounds = from.choose(1, PlusPlus, f.random(k, i)), rounds+1
			default:
				r.Centers = from.choose(k, o.Init, f.random(k, i))
			}
			f.runs = append(f.runs, r)
		}
	}
	f.keepSample(rows)
	return nil
}

// drawn are the rows of a sample, scaled, and their weights.
func (f *Fit) drawn(p *look) (rows, weights []float64) {
	rows, weights = make([]float64, 0, len(p.drawn)*f.features), make([]float64, len(p.drawn))
	for i := range p.drawn {
		rows = f.append(rows, p.drawn[i].row)
		weights[i] = p.drawn[i].weight
	}
	return rows, weights
}

func (f *Fit) keepSample(rows []float64) {
	f.sample = slices.Clone(rows[:min(len(rows), silhouetteMax*f.features)])
}

// measurable refuses columns whose squares are beyond what float64 holds, or below: distances would be infinite, or 0
// between rows that differ.
func (f *Fit) measurable(p *look) error {
	const least = 0x1p-1022 // that float64 holds with all its digits
	for j, v := range p.moments.Var {
		if v-v != 0 {
			return fmt.Errorf("%s: its variance is beyond what float64 holds: divide it by some power of ten",
				column(f.names, j))
		}
	}
	if !f.options.Standardize && slices.Max(p.moments.Var) >= least {
		return nil // what is far smaller than other columns does not count beside them
	}
	for j, v := range p.moments.Var {
		differs := func(d drawn) bool { return d.row[j] != p.drawn[0].row[j] }
		if v < least && slices.ContainsFunc(p.drawn, differs) {
			return fmt.Errorf("%s: its variance is below what float64 holds: multiply it by some power of ten",
				column(f.names, j))
		}
	}
	return nil
}

var errBeyond = errors.New(
	"the sums of the rows are beyond what float64 holds: divide the columns by some power of ten")

// step takes the means of the clusters as their next centres, in each run that is not done.
func (f *Fit) step(p *sums) error {
	for i, r := range f.runs {
		if r.Done {
			continue
		}
		if err := f.move(r, &p.of[i]); err != nil {
			return err
		}
	}
	return nil
}

// move is a step of a run. A sum that is merged overflows where no row does.
func (f *Fit) move(r *run, s *sum) error {
	defer func() { r.searcher = nil }()
	if s.inertia-s.inertia != 0 || slices.ContainsFunc(s.rows, func(v float64) bool { return v-v != 0 }) {
		return errBeyond
	}
	if r.Settled {
		r.Curve, r.Sizes, r.Done = append(r.Curve, s.inertia), s.sizes, true
		return nil
	}
	empty := 0
	for _, w := range s.weights {
		if w == 0 {
			empty++
		}
	}
	if empty > 0 && s.inertia > 0 && r.Far == 0 {
		r.Far = empty
		r.movement = movement{near: r.near, paid: r.paid} // none
		return nil
	}
	r.Far = 0
	r.Curve = append(r.Curve, s.inertia)
	s.relocate(f.features)
	next := s.means(f.features)
	shift := 0.0
	for j, v := range next {
		d := v - r.Centers[j]
		shift += float64(d * d)
	}
	if r.memory == nil {
		r.memory = newMemory(f.room) // the clusters of the first centres, far from their means, would bound a search loosely
	}
	r.memory.learn(r.slow)
	r.movement = movementOf(r.Centers, next, f.features, math.Sqrt(s.inertia/float64(f.rows)))
	r.paid = r.memory.paid
	r.Centers = next
	r.Iterations++
	switch {
	case shift == 0: // no row has changed its cluster
		r.Sizes, r.Done = s.sizes, true
	case shift <= f.options.Tol*f.spread || r.Iterations == f.options.MaxIter:
		r.Settled = true
	}
	return nil
}

// inertia is that of a run which is done.
func (r *run) inertia() float64 { return r.Curve[len(r.Curve)-1] }

// finish compares what was found with each number of clusters, and takes the model.
func (f *Fit) finish() error {
	distances := pairs(f.sample, f.features)
	sample := scaling{mean: f.mean}.block(&linear.Chunk{Features: f.features, X: f.sample})
	var compared []Comparison
	for i := range f.options.Clusters {
		r := f.best(i)
		c := Comparison{Clusters: r.Clusters, Inertia: r.inertia(), Iterations: r.Iterations}
		s, err := newSearcher(f.scaling, r.Centers)
		if err != nil {
			return err
		}
		clusters, _, err := s.assign(sample)
		if err != nil {
			return err
		}
		if s, ok := silhouette(distances, clusters); ok {
			c.Silhouette = &s
		}
		compared = append(compared, c)
	}
	f.take(compared)
	return nil
}

// best is the run of least inertia of the i-th number of clusters, the first of several.
func (f *Fit) best(i int) *run {
	runs := f.runs[i*f.options.NInit : (i+1)*f.options.NInit]
	least := runs[0]
	for _, r := range runs[1:] {
		if r.inertia() < least.inertia() {
			least = r
		}
	}
	return least
}

// take makes the model: of several numbers of clusters that with the highest silhouette, the first of equals.
func (f *Fit) take(compared []Comparison) {
	best := 0
	for i, c := range compared {
		highest := compared[best].Silhouette
		if s := c.Silhouette; s != nil && (highest == nil || *s > *highest) {
			best = i
		}
	}
	r := f.best(best)
	f.model = &Model{
		Options: f.options, FeatureNames: f.names, Rows: f.rows, Mean: f.mean, Std: f.std, Scale: f.scale,
		Sizes: r.Sizes, Inertia: r.inertia(), Iters: r.Iterations, Curve: r.Curve, Compared: compared,
	}
	if f.options.Online {
		f.model.Stream = r.stream()
	}
	for i := range r.Clusters {
		f.model.Centers = append(f.model.Centers, f.back(r.Centers[i*f.features:(i+1)*f.features]))
	}
}

// Warnings are about the clusters that were found.
func (m *Model) Warnings() (all []string) {
	empty := 0
	for _, n := range m.Sizes {
		if n == 0 {
			empty++
		}
	}
	if empty > 0 {
		all = append(all, fmt.Sprintf("%d of %d clusters have no row, as fewer rows differ: take a smaller --n_clusters",
			empty, len(m.Sizes)))
	}
	settled := len(m.Curve) == m.Iters // the last iteration has moved no centre, and no pass was needed after it
	if m.Iters == m.Options.MaxIter && m.Options.MaxIter > 1 && !settled {
		all = append(all, fmt.Sprintf("the centres have not settled in %d iterations: --max_iter=%d goes on",
			m.Iters, 2*m.Iters))
	}
	return all
}
