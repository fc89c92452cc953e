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
)

// floats are numbers of states and sums, of which some may not be finite until the end of a pass tells of them.
type floats = jsontext.SumFloats

// look is what the first pass finds out of some rows: their moments, and those of least rank, which are a sample.
type look struct {
	features, most int
	seed           uint64
	rows           int64
	moments        *linear.StandardScaler
	drawn          []drawn // a heap, the greatest rank first; sorted once merged
}

// drawn is a row of a sample.
type drawn struct {
	rank   uint64
	number int64
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
	row := make([]float64, p.features)
	for i, number := range b.Numbers {
		d := drawn{rank: splitmix.Mix(uint64(number) ^ splitmix.Mix(p.seed)), number: number}
		if len(p.drawn) == p.most && d.compare(&p.drawn[0]) >= 0 {
			continue
		}
		d.row = slices.Clone(b.Row(i, row))
		p.drawn = least.Offer(p.drawn, p.most, d, (*drawn).compare)
	}
	p.rows += int64(b.Len())
	return nil
}

// Merge adds what the next part has found.
func (p *look) Merge(next linear.Partial) error {
	q, ok := next.(*look)
	if !ok {
		return fmt.Errorf("kmeans: a look and a %T", next)
	}
	p.moments.Merge(q.moments)
	p.rows += q.rows
	p.drawn = append(p.drawn, q.drawn...)
	slices.SortFunc(p.drawn, func(a, b drawn) int { return a.compare(&b) })
	p.drawn = p.drawn[:min(len(p.drawn), p.most)]
	slices.Reverse(p.drawn) // a heap still
	return nil
}

// lookState is a look on its way.
type lookState struct {
	Rows             int64
	Mean, Var, Count floats
	Ranks            []uint64
	Numbers          []int64
	Sample           floats
}

// MarshalBinary keeps every bit.
func (p *look) MarshalBinary() ([]byte, error) {
	s := lookState{Rows: p.rows, Mean: p.moments.Mean, Var: p.moments.Var, Count: p.moments.Count}
	for i := range p.drawn {
		s.Ranks, s.Numbers, s.Sample = append(s.Ranks, p.drawn[i].rank), append(s.Numbers, p.drawn[i].number),
			append(s.Sample, p.drawn[i].row...)
	}
	return json.Marshal(s)
}

// UnmarshalBinary reads what MarshalBinary writes.
func (p *look) UnmarshalBinary(b []byte) error {
	var s lookState
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("kmeans: no look at rows: %w", err)
	}
	d, n := p.features, len(s.Ranks)
	if len(s.Mean) != d || len(s.Var) != d || len(s.Count) != d || n > p.most || len(s.Numbers) != n ||
		len(s.Sample) != n*d || s.Rows < int64(n) {
		return errors.New("kmeans: a look at other rows")
	}
	p.rows, p.drawn = s.Rows, nil
	p.moments.Mean, p.moments.Var, p.moments.Count = s.Mean, s.Var, s.Count
	for i := range n {
		p.drawn = append(p.drawn, drawn{s.Ranks[i], s.Numbers[i], s.Sample[i*d : (i+1)*d : (i+1)*d]})
	}
	return nil
}

// sums is what a pass sums up, by the centres of all runs that are not done.
type sums struct {
	fit *Fit // of which it reads only what a pass leaves alone
	of  []sum
}

// sum is that of a run: the sums of its clusters' rows, their number, and of the rows the farthest, where clusters
// are empty.
type sum struct {
	rows    floats // clusters × features
	sizes   []int64
	inertia float64
	far     []far // the farthest first, of equally far ones the first row
	most    int   // of them
}

// far is a row that is far from its centre.
type far struct {
	Number  int64
	Square  float64
	Cluster int32
	Row     floats
}

func compareFar(a, b far) int {
	return cmp.Or(cmp.Compare(b.Square, a.Square), cmp.Compare(a.Number, b.Number))
}

// searchers guards the making of searchers, which the parts of a pass share.
var searchers sync.Mutex

func newSums(f *Fit) *sums {
	p := &sums{fit: f, of: make([]sum, len(f.runs))}
	for i, r := range f.runs {
		if !r.Done {
			p.of[i] = sum{rows: make(floats, len(r.Centers)), sizes: make([]int64, r.Clusters), most: r.Far}
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
	b := p.fit.block(c)
	row := make([]float64, p.fit.features)
	for i, r := range p.fit.runs {
		if r.Done {
			continue
		}
		s, err := p.fit.searcher(r)
		if err != nil {
			return err
		}
		clusters, distances, err := s.assign(b)
		if err != nil {
			return err
		}
		t := &p.of[i]
		for k, cluster := range clusters {
			x := b.Row(k, row)
			square := float64(distances[k] * distances[k])
			t.inertia += square
			t.sizes[cluster]++
			into := t.rows[int(cluster)*len(x):][:len(x)]
			for j, v := range x {
				into[j] += v
			}
			if t.most > 0 && square > 0 {
				t.offer(far{Number: b.Numbers[k], Square: square, Cluster: cluster}, x)
			}
		}
	}
	return nil
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
	Sizes   []int64
	Inertia floats
	Far     []farState `json:",omitempty"`
}

type farState struct {
	Number  int64
	Cluster int32
	Square  floats // one, and the row
}

// MarshalBinary keeps every bit.
func (p *sums) MarshalBinary() ([]byte, error) {
	states := make([]sumState, len(p.of))
	for i := range p.of {
		s := &p.of[i]
		states[i] = sumState{Rows: s.rows, Sizes: s.sizes, Inertia: floats{s.inertia}}
		for _, f := range s.far {
			states[i].Far = append(states[i].Far, farState{f.Number, f.Cluster, append(floats{f.Square}, f.Row...)})
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
		if len(s.Rows) != len(t.rows) || len(s.Sizes) != len(t.sizes) || len(s.Inertia) != 1 || len(s.Far) > t.most {
			return errors.New("kmeans: sums of other clusters")
		}
		t.rows, t.sizes, t.inertia, t.far = s.Rows, s.Sizes, s.Inertia[0], nil
		for _, f := range s.Far {
			if len(f.Square) != p.fit.features+1 || f.Cluster < 0 || int(f.Cluster) >= len(t.sizes) {
				return errors.New("kmeans: a row of other columns")
			}
			t.far = append(t.far, far{f.Number, f.Square[0], f.Cluster, f.Square[1:]})
		}
	}
	return nil
}

// relocate gives the empty clusters the rows that are farthest from their centres, a row each: scikit-learn's rule.
func (t *sum) relocate(features int) {
	left := t.far
	for k, n := range t.sizes {
		if n > 0 || len(left) == 0 {
			continue
		}
		f := left[0]
		left = left[1:]
		from, to := t.rows[int(f.Cluster)*features:][:features], t.rows[k*features:][:features]
		for j, v := range f.Row {
			from[j] -= v
			to[j] = v
		}
		t.sizes[f.Cluster]--
		t.sizes[k] = 1
	}
}

// means are the means of the clusters; one that is empty is where the largest is, as with scikit-learn.
func (t *sum) means(features int) floats {
	out := make(floats, len(t.rows))
	largest := slices.Index(t.sizes, slices.Max(t.sizes))
	for k := range t.sizes {
		from := k
		if t.sizes[k] == 0 {
			from = largest
		}
		for j, v := range t.rows[from*features:][:features] {
			out[k*features+j] = v / float64(t.sizes[from])
		}
	}
	return out
}
