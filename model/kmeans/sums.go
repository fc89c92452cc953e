package kmeans

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/least"
	"beamlearn/model/internal/splitmix"
	"beamlearn/model/linear"
	"beamlearn/model/vectors"
)

// floats are numbers of states and sums, of which some may not be finite until the end of a pass tells of them.
type floats = jsontext.SumFloats

// look is what the first pass finds out of some rows: their moments, and those of least rank, which are a sample.
type look struct {
	features, most int
	seed           uint64
	rows           int64
	heavy          int64 // rows whose weight is not 0
	moments        *linear.StandardScaler
	drawn          []drawn // a heap, the greatest rank first; sorted once merged
}

// drawn is a row of a sample.
type drawn struct {
	rank   uint64
	number int64
	weight float64
	row    floats
}

func (a *drawn) compare(b *drawn) int {
	return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.number, b.number))
}

func newLook(f *Fit) *look {
	clusters := f.options.Clusters
	return &look{
		features: f.features, most: sampleSize(clusters[len(clusters)-1], f.features), seed: f.options.Seed,
		moments: linear.NewStandardScaler(f.features),
	}
}

// PartialFit looks at the rows of a chunk.
func (p *look) PartialFit(c *linear.Chunk) error {
	if err := c.CheckRows(p.features); err != nil {
		return err
	}
	b := scaling{mean: p.moments.Mean}.block(c)
	dense := &linear.Chunk{Features: c.Features, X: b.F64, X32: b.F32, Numbers: b.Numbers}
	if err := p.moments.PartialFit(dense, nil); err != nil {
		return err
	}
	weights, err := weightsOf(c)
	if err != nil {
		return err
	}
	row := make([]float64, p.features)
	for i, number := range b.Numbers {
		d := drawn{rank: splitmix.Mix(uint64(number) ^ splitmix.Mix(p.seed)), number: number, weight: weights.of(i)}
		if d.weight == 0 {
			continue // no centre begins there
		}
		p.heavy++
		if len(p.drawn) == p.most && d.compare(&p.drawn[0]) >= 0 {
			continue
		}
		d.row = slices.Clone(b.Row(i, row))
		p.drawn = least.Offer(p.drawn, p.most, d, (*drawn).compare)
	}
	p.rows += int64(b.Len())
	return nil
}

// weights are those of rows; nil: all are 1.
type weights []float64

func (w weights) of(i int) float64 {
	if w == nil {
		return 1
	}
	return w[i]
}

// weightsOf are the weights of a chunk's rows.
func weightsOf(c *linear.Chunk) (weights, error) {
	if c.Weights != nil && len(c.Weights) != c.Len() {
		return nil, fmt.Errorf("kmeans: %d weights for %d rows", len(c.Weights), c.Len())
	}
	for i, w := range c.Weights {
		if !(w >= 0) || w-w != 0 {
			return nil, c.Fault(i, "a weight from 0 on", "%v", w)
		}
	}
	return c.Weights, nil
}

// Merge adds what the next part has found.
func (p *look) Merge(next linear.Partial) error {
	q, ok := next.(*look)
	if !ok {
		return fmt.Errorf("kmeans: a look and a %T", next)
	}
	p.moments.Merge(q.moments)
	p.rows, p.heavy = p.rows+q.rows, p.heavy+q.heavy
	p.drawn = merged(p.drawn, q.drawn, p.most)
	return nil
}

// drawnState is drawn rows on their way.
type drawnState struct {
	Ranks           []uint64
	Numbers         []int64
	Weights, Values floats
}

func stateOf(rows []drawn) (s drawnState) {
	for i := range rows {
		d := &rows[i]
		s.Ranks, s.Numbers = append(s.Ranks, d.rank), append(s.Numbers, d.number)
		s.Weights, s.Values = append(s.Weights, d.weight), append(s.Values, d.row...)
	}
	return s
}

// rows are the drawn rows, at most so many.
func (s *drawnState) rows(features, most int) (rows []drawn, err error) {
	n := len(s.Ranks)
	if n > most || len(s.Numbers) != n || len(s.Weights) != n || len(s.Values) != n*features {
		return nil, errors.New("kmeans: a sample of other rows")
	}
	for i := range n {
		row := s.Values[i*features : (i+1)*features : (i+1)*features]
		rows = append(rows, drawn{s.Ranks[i], s.Numbers[i], s.Weights[i], row})
	}
	return rows, nil
}

// lookState is a look on its way.
type lookState struct {
	Rows, Heavy      int64
	Mean, Var, Count floats
	Sample           drawnState
}

// MarshalBinary keeps every bit.
func (p *look) MarshalBinary() ([]byte, error) {
	return json.Marshal(lookState{
		Rows: p.rows, Heavy: p.heavy, Mean: p.moments.Mean, Var: p.moments.Var, Count: p.moments.Count,
		Sample: stateOf(p.drawn),
	})
}

// UnmarshalBinary reads what MarshalBinary writes.
func (p *look) UnmarshalBinary(b []byte) error {
	var s lookState
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("kmeans: no look at rows: %w", err)
	}
	d := p.features
	if len(s.Mean) != d || len(s.Var) != d || len(s.Count) != d || s.Heavy < int64(len(s.Sample.Ranks)) ||
		s.Rows < s.Heavy {
		return errors.New("kmeans: a look at other rows")
	}
	var err error
	p.rows, p.heavy = s.Rows, s.Heavy
	p.moments.Mean, p.moments.Var, p.moments.Count = s.Mean, s.Var, s.Count
	p.drawn, err = s.Sample.rows(d, p.most)
	return err
}

// sums is what a pass sums up, by the centres of all runs that are not done.
type sums struct {
	fit *Fit // of which it reads only what a pass leaves alone
	of  []sum
	by  []*assigner // of each run; nil: not made yet
}

// sum is that of a run: the sums of its clusters' rows, by their weights, their number, and of the rows the farthest,
// where clusters are empty.
type sum struct {
	rows    floats // clusters × features
	weights floats // of each cluster's rows, in all
	sizes   []int64
	inertia float64
	far     []far // the farthest first, of equally far ones the first row
	most    int   // of them
}

// far is a row that is far from its centre.
type far struct {
	Number  int64
	Square  float64
	Weight  float64
	Cluster int32
	Row     floats
}

func compareFar(a, b far) int {
	return cmp.Or(cmp.Compare(b.Square, a.Square), cmp.Compare(a.Number, b.Number))
}

// searchers guards the making of searchers, which the parts of a pass share.
var searchers sync.Mutex

func newSums(f *Fit) *sums {
	p := &sums{fit: f, of: make([]sum, len(f.runs)), by: make([]*assigner, len(f.runs))}
	for i, r := range f.runs {
		if !r.Done {
			p.of[i] = sum{rows: make(floats, len(r.Centers)), weights: make(floats, r.Clusters),
				sizes: make([]int64, r.Clusters), most: r.Far}
		}
	}
	return p
}

// searcher is what assigns rows to the centres of a run.
func (f *Fit) searcher(r *run) (s *Searcher, err error) {
	searchers.Lock()
	defer searchers.Unlock()
	if r.searcher == nil {
		r.searcher, err = newSearcher(f.scaling, r.Centers)
	}
	return r.searcher, err
}

// PartialFit assigns the rows of a chunk, and adds them up.
func (p *sums) PartialFit(c *linear.Chunk) error {
	if err := c.CheckRows(p.fit.features); err != nil {
		return err
	}
	weights, err := weightsOf(c)
	if err != nil {
		return err
	}
	b := p.fit.block(c)
	for i, r := range p.fit.runs {
		if r.Done {
			continue
		}
		if p.by[i] == nil {
			s, err := p.fit.searcher(r)
			if err != nil {
				return err
			}
			p.by[i] = &assigner{run: r, searcher: s, pass: p.fit.passes}
		}
		found, err := p.by[i].assign(b)
		if err != nil {
			return err
		}
		p.of[i].add(b, found, weights)
	}
	return nil
}

// add adds rows to the sums of their clusters.
func (t *sum) add(b *vectors.Block, found *assigned, weights weights) {
	var row []float64
	for k, cluster := range found.clusters {
		square, weight := float64(found.distances[k]*found.distances[k]), weights.of(k)
		t.inertia += float64(square * weight)
		t.weights[cluster] += weight
		t.sizes[cluster]++
		into := t.rows[int(cluster)*b.Dim:][:b.Dim]
		if b.Wide() {
			addTo(into, b.F64[k*b.Dim:][:b.Dim], weight)
		} else {
			addTo(into, b.F32[k*b.Dim:][:b.Dim], weight)
		}
		if t.most > 0 && square > 0 && weight > 0 {
			if row == nil {
				row = make([]float64, b.Dim)
			}
			t.offer(far{Number: b.Numbers[k], Square: square, Weight: weight, Cluster: cluster}, b.Row(k, row))
		}
	}
}

// offer takes a row that is farther than the nearest of those that are kept.
func (t *sum) offer(f far, row []float64) {
	if len(t.far) == t.most && compareFar(f, t.far[len(t.far)-1]) > 0 {
		return
	}
	f.Row = slices.Clone(row)
	at, _ := slices.BinarySearchFunc(t.far, f, compareFar)
	t.far = slices.Insert(t.far, at, f)
	t.far = t.far[:min(len(t.far), t.most)]
}

// Merge adds the sums of the next part.
func (p *sums) Merge(next linear.Partial) error {
	q, ok := next.(*sums)
	if !ok || len(q.of) != len(p.of) {
		return fmt.Errorf("kmeans: sums and a %T", next)
	}
	for i := range p.of {
		s, t := &p.of[i], &q.of[i]
		for j, v := range t.rows {
			s.rows[j] += v
		}
		for j, n := range t.sizes {
			s.sizes[j] += n
			s.weights[j] += t.weights[j]
		}
		s.inertia += t.inertia
		s.far = append(s.far, t.far...)
		slices.SortFunc(s.far, compareFar)
		s.far = s.far[:min(len(s.far), s.most)]
	}
	return nil
}

// sumState is a sum on its way.
type sumState struct {
	Rows    floats
	Weights floats
	Sizes   []int64
	Inertia floats
	Far     []farState `json:",omitempty"`
}

type farState struct {
	Number  int64
	Cluster int32
	Values  floats // the square, the weight, and the row
}

// MarshalBinary keeps every bit.
func (p *sums) MarshalBinary() ([]byte, error) {
	states := make([]sumState, len(p.of))
	for i := range p.of {
		s := &p.of[i]
		states[i] = sumState{Rows: s.rows, Weights: s.weights, Sizes: s.sizes, Inertia: floats{s.inertia}}
		for _, f := range s.far {
			states[i].Far = append(states[i].Far, farState{f.Number, f.Cluster,
				append(floats{f.Square, f.Weight}, f.Row...)})
		}
	}
	return json.Marshal(states)
}

// UnmarshalBinary reads what MarshalBinary writes.
func (p *sums) UnmarshalBinary(b []byte) error {
	var states []sumState
	if err := json.Unmarshal(b, &states); err != nil {
		return fmt.Errorf("kmeans: no sums: %w", err)
	}
	if len(states) != len(p.of) {
		return errors.New("kmeans: sums of other runs")
	}
	for i := range states {
		s, t := &states[i], &p.of[i]
		if len(s.Rows) != len(t.rows) || len(s.Weights) != len(t.sizes) ||
			len(s.Sizes) != len(t.sizes) || len(s.Inertia) != 1 || len(s.Far) > t.most {
			return errors.New("kmeans: sums of other clusters")
		}
		t.rows, t.weights, t.sizes, t.inertia, t.far = s.Rows, s.Weights, s.Sizes, s.Inertia[0], nil
		for _, f := range s.Far {
			if len(f.Values) != p.fit.features+2 || f.Cluster < 0 || int(f.Cluster) >= len(t.sizes) {
				return errors.New("kmeans: a row of other columns")
			}
			t.far = append(t.far, far{f.Number, f.Values[0], f.Values[1], f.Cluster, f.Values[2:]})
		}
	}
	return nil
}

// relocate gives the empty clusters the rows that are farthest from their centres, a row each: scikit-learn's rule.
func (t *sum) relocate(features int) {
	left := t.far
	for k, w := range t.weights {
		if w > 0 || len(left) == 0 {
			continue
		}
		f := left[0]
		left = left[1:]
		from, to := t.rows[int(f.Cluster)*features:][:features], t.rows[k*features:][:features]
		for j, v := range f.Row {
			v = float64(v * f.Weight)
			from[j] -= v
			to[j] = v
		}
		t.weights[f.Cluster] -= f.Weight
		t.weights[k] = f.Weight
	}
}

// means are the means of the clusters; one that is empty is where the heaviest is, as with scikit-learn.
func (t *sum) means(features int) floats {
	out := make(floats, len(t.rows))
	heaviest := slices.Index(t.weights, slices.Max(t.weights))
	for k := range t.weights {
		from := k
		if !(t.weights[k] > 0) {
			from = heaviest
		}
		for j, v := range t.rows[from*features:][:features] {
			out[k*features+j] = v / t.weights[from]
		}
	}
	return out
}
