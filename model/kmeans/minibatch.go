package kmeans

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"beamlearn/model/internal/splitmix"
	"beamlearn/model/linear"
	"beamlearn/model/linear/drift"
	"beamlearn/model/vectors"
)

// This file is learning by minibatches (Sculley, WWW 2010), as scikit-learn's MiniBatchKMeans does it: the rows of a
// batch go to their nearest centres, and each centre becomes the mean of all rows that have ever come to it. A pass
// takes each row once, where there they are drawn; its batches mix rows of many places ([fitting.Pass.Mix]), as those
// of sorted rows would be of one cluster each. Each shard of a pass moves centres of its own, which begin with an
// equal part of the weight that the centres have; at the end of the pass they are averaged by their weights: the mean
// of all rows again. With one shard that is MiniBatchKMeans.partial_fit, batch after batch.

// DefaultBatchSize is that of minibatches.
const DefaultBatchSize = 1024

// When a shard has learned enough, and which clusters are too light: scikit-learn's defaults, but for leastImprovement.
const (
	maxNoImprovement  = 10
	leastImprovement  = 1e-4 // in proportion: batches of all rows, each once, go on improving, by less and less
	reassignmentRatio = 0.01
	reassignEach      = 10 // rows for each cluster
)

// progress is how the batches of a shard have gone, over all passes.
type progress struct {
	Batches  int64   `json:"batches"`
	Since    int     `json:"since"` // rows since light clusters were last looked for
	Smoothed float64 `json:"smoothed"`
	Least    float64 `json:"least"`
	Stale    int     `json:"stale"` // batches without an improvement
	Stopped  bool    `json:"stopped"`
}

// epoch is what a pass by minibatches learns from the rows of some shards.
type epoch struct {
	fit *Fit
	of  []learned
}

// learned is that of a run.
type learned struct {
	centers  floats // clusters × features
	weights  floats // of all rows that have come to them; of the shard, its part
	placed   []bool // centres that were put onto another row
	inertia  float64
	rows     int64            // that were learned from
	progress map[int]progress // of shards
	shard    int
	expected float64 // rows of the shard
	judged   drift.Judged
}

func newEpoch(f *Fit, shard, shards int) *epoch {
	p := &epoch{fit: f, of: make([]learned, len(f.runs))}
	for i, r := range f.runs {
		if r.Done || r.Settled {
			continue
		}
		t := learned{
			centers: slices.Clone(r.Centers), weights: slices.Clone(r.Weights), placed: make([]bool, r.Clusters),
			progress: map[int]progress{}, shard: shard, expected: float64(f.rows) / float64(shards),
		}
		for k := range t.weights {
			t.weights[k] /= float64(shards)
		}
		if shard < len(r.Shards) {
			t.progress[shard] = r.Shards[shard]
		} else {
			t.progress[shard] = progress{}
		}
		p.of[i] = t
	}
	return p
}

// PartialFit learns from a batch.
func (p *epoch) PartialFit(c *linear.Chunk) error {
	if err := c.CheckRows(p.fit.features); err != nil {
		return err
	}
	weights, err := weightsOf(c)
	if err != nil {
		return err
	}
	b := p.fit.block(c)
	for i := range p.of {
		t := &p.of[i]
		if t.centers == nil || t.progress[t.shard].Stopped || b.Len() == 0 {
			continue
		}
		if err := t.learn(p.fit, b, weights); err != nil {
			return err
		}
	}
	return nil
}

// learn takes a step by a batch.
func (t *learned) learn(f *Fit, b *vectors.Block, weights weights) error {
	s, err := newSearcher(f.scaling, t.centers)
	if err != nil {
		return err
	}
	nearest, distances, err := s.assign(b)
	if err != nil {
		return err
	}
	at := t.progress[t.shard]
	at.Since += b.Len()
	look := at.Since >= reassignEach*len(t.weights) || slices.Contains(t.weights, 0)
	found := sum{rows: make(floats, len(t.centers)), weights: make(floats, len(t.weights)),
		sizes: make([]int64, len(t.weights))}
	found.add(b, &assigned{nearest, distances}, weights)
	moved, weight := 0.0, 0.0
	for k, w := range found.weights {
		if !(w > 0) {
			continue
		}
		weight += w
		center, rows := t.centers[k*b.Dim:][:b.Dim], found.rows[k*b.Dim:][:b.Dim]
		all := t.weights[k] + w
		for j, v := range rows {
			next := (float64(center[j]*t.weights[k]) + v) / all
			d := next - center[j]
			moved += float64(d * d)
			center[j] = next
		}
		t.weights[k] = all
	}
	if look {
		at.Since = 0
		t.reassign(b, splitmix.Mix(f.options.Seed^splitmix.Mix(uint64(at.Batches)<<16+uint64(t.shard))))
	}
	t.inertia, t.rows = t.inertia+found.inertia, t.rows+int64(b.Len())
	at.Batches++
	if f.options.Online {
		t.judged.Add(drift.TracePoint{Rows: int64(b.Len()), Weight: weight, Loss: found.inertia}, 0)
	} else {
		at.end(found.inertia/float64(b.Len()), 2*float64(b.Len())/(t.expected+1), f.options.Tol > 0 && moved <=
			f.options.Tol*f.spread)
	}
	t.progress[t.shard] = at
	return nil
}

// end ends a batch, whose mean inertia by the centres before it counts alpha in the smoothed one.
func (p *progress) end(inertia, alpha float64, settled bool) {
	if p.Batches == 1 {
		return // by the centres to begin with
	}
	if alpha = min(alpha, 1); p.Batches == 2 {
		p.Smoothed = inertia
	} else {
		p.Smoothed = float64(p.Smoothed*(1-alpha)) + float64(inertia*alpha)
	}
	if p.Batches == 2 || p.Smoothed < p.Least*(1-leastImprovement) {
		p.Least, p.Stale = p.Smoothed, 0
	} else {
		p.Stale++
	}
	p.Stopped = settled || p.Stale >= maxNoImprovement
}

// reassign puts centres of clusters that are far lighter than the heaviest onto rows of the batch, which a hash tells:
// half as many at most as there are rows, the lightest first.
func (t *learned) reassign(b *vectors.Block, seed uint64) {
	heaviest := slices.Max(t.weights)
	var light []int
	for k, w := range t.weights {
		if w < reassignmentRatio*heaviest {
			light = append(light, k)
		}
	}
	if most := b.Len() / 2; len(light) > most {
		slices.SortStableFunc(light, func(x, y int) int { return cmp.Compare(t.weights[x], t.weights[y]) })
		light = light[:most]
		slices.Sort(light)
	}
	if len(light) == 0 {
		return
	}
	rows := make([]int, b.Len())
	for i := range rows {
		rows[i] = i
	}
	rank := func(i int) uint64 { return splitmix.Mix(uint64(b.Numbers[i]) ^ seed) }
	slices.SortFunc(rows, func(x, y int) int { return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x, y)) })
	least, row := heaviest, make([]float64, b.Dim)
	for k, w := range t.weights {
		if _, found := slices.BinarySearch(light, k); !found {
			least = min(least, w)
		}
	}
	for i, k := range light {
		copy(t.centers[k*b.Dim:], b.Row(rows[i], row))
		t.weights[k], t.placed[k] = least, true
	}
}

// Merge averages the centres with those of the next shards. One that was put onto a row counts where the others have
// too few rows for theirs, the first of several.
func (p *epoch) Merge(next linear.Partial) error {
	q, ok := next.(*epoch)
	if !ok || len(q.of) != len(p.of) {
		return fmt.Errorf("kmeans: an epoch and a %T", next)
	}
	for i := range p.of {
		s, t := &p.of[i], &q.of[i]
		if t.centers == nil {
			continue
		}
		light, lightNext := reassignmentRatio*slices.Max(s.weights), reassignmentRatio*slices.Max(t.weights)
		for k, w := range t.weights {
			all := s.weights[k] + w
			switch {
			case s.placed[k] && (t.placed[k] || w <= lightNext), !s.placed[k] && (t.placed[k] && s.weights[k] > light || w == 0):
			case s.placed[k] || t.placed[k]:
				s.placed[k], s.weights[k] = t.placed[k], w
				copy(s.centers[k*p.fit.features:][:p.fit.features], t.centers[k*p.fit.features:])
			default:
				for j := k * p.fit.features; j < (k+1)*p.fit.features; j++ {
					s.centers[j] = (float64(s.centers[j]*s.weights[k]) + float64(t.centers[j]*w)) / all
				}
				s.weights[k] = all
			}
		}
		s.inertia, s.rows = s.inertia+t.inertia, s.rows+t.rows
		s.judged.Merge(&t.judged)
		for shard, at := range t.progress {
			s.progress[shard] = at
		}
	}
	return nil
}

// learnedState is what was learned, on its way.
type learnedState struct {
	Centers, Weights, Inertia floats
	Placed                    []bool
	Rows                      int64
	Progress                  map[int]progress
	Judged                    []byte `json:",omitempty"` // of online learning
}

// MarshalBinary keeps every bit.
func (p *epoch) MarshalBinary() ([]byte, error) {
	states := make([]learnedState, len(p.of))
	for i := range p.of {
		t := &p.of[i]
		states[i] = learnedState{Centers: t.centers, Weights: t.weights, Inertia: floats{t.inertia}, Placed: t.placed,
			Rows: t.rows, Progress: t.progress}
		if p.fit.options.Online {
			var err error
			if states[i].Judged, err = t.judged.MarshalBinary(); err != nil {
				return nil, err
			}
		}
	}
	return json.Marshal(states)
}

// UnmarshalBinary reads what MarshalBinary writes.
func (p *epoch) UnmarshalBinary(b []byte) error {
	var states []learnedState
	if err := json.Unmarshal(b, &states); err != nil {
		return fmt.Errorf("kmeans: no epoch: %w", err)
	}
	if len(states) != len(p.of) {
		return errors.New("kmeans: an epoch of other runs")
	}
	for i, s := range states {
		t := &p.of[i]
		if len(s.Centers) != len(t.centers) || len(s.Weights) != len(t.weights) || len(s.Placed) != len(t.placed) ||
			len(s.Inertia) != 1 || (s.Progress == nil) != (t.progress == nil) {
			return errors.New("kmeans: an epoch of other clusters")
		}
		t.centers, t.weights, t.placed, t.inertia, t.rows = s.Centers, s.Weights, s.Placed, s.Inertia[0], s.Rows
		t.progress = s.Progress
		if p.fit.options.Online {
			if err := t.judged.UnmarshalBinary(s.Judged); err != nil {
				return fmt.Errorf("kmeans: no epoch: %w", err)
			}
		}
	}
	return nil
}

// learns reports whether any run still learns by minibatches.
func (f *Fit) learns() bool {
	return f.options.BatchSize > 0 && slices.ContainsFunc(f.runs, func(r *run) bool { return !r.Settled && !r.Done })
}

// turn takes what an epoch has learned. A run has settled when all its shards have stopped, or passes are over.
func (f *Fit) turn(p *epoch) error {
	for i, r := range f.runs {
		t := &p.of[i]
		if t.centers == nil {
			continue
		}
		if slices.ContainsFunc(t.centers, func(v float64) bool { return v-v != 0 }) {
			return errBeyond
		}
		r.Centers, r.Weights = t.centers, t.weights
		r.Shards, r.Settled = make([]progress, len(t.progress)), true
		for shard, at := range t.progress {
			if shard >= len(r.Shards) {
				return errors.New("kmeans: an epoch without some of its shards")
			}
			r.Shards[shard] = at
			r.Settled = r.Settled && (at.Stopped || at.Batches == 0)
		}
		if t.rows > 0 {
			r.Curve = append(r.Curve, t.inertia*(float64(f.rows)/float64(t.rows)))
		}
		if f.options.WarmStart != nil {
			f.judged = &t.judged
		}
		r.Iterations++
		r.Settled = r.Settled || r.Iterations == f.options.MaxIter
		r.searcher = nil
	}
	return nil
}
