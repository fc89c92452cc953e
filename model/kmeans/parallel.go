package kmeans

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/internal/least"
	"beamlearn/model/internal/splitmix"
	"beamlearn/model/linear"
)

// This file is k-means|| (Bahmani, Moseley, Vattani, Kumar and Vassilvitskii, VLDB 2012): in each of a few passes,
// rows are drawn by chances in proportion to their squared distance to the rows drawn before; another pass counts the
// rows that are nearest to each, and of these candidates, weighted so, greedy k-means++ chooses the centres to begin
// with. Where the paper draws each row by itself, exactly so many are drawn here, without replacement, by the
// exponential waits of Efraimidis and Spirakis (2006), which hashes of the rows' numbers give: one pass a round, the
// same everywhere.

const (
	rounds    = 3 // of draws
	drawnEach = 2 // rows for each cluster in each round
)

// drawing is what a pass of k-means|| finds out of some rows, for each run.
type drawing struct {
	fit *Fit
	of  []draws
}

// draws are those of a run.
type draws struct {
	drawn   []drawn // a heap, the longest wait first; sorted once merged
	most    int
	weights floats // of the rows that are nearest to each candidate, in the last pass
}

func newDrawing(f *Fit) *drawing {
	p := &drawing{fit: f, of: make([]draws, len(f.runs))}
	for i, r := range f.runs {
		if r.Rounds > 1 {
			p.of[i].most = drawnEach * r.Clusters
		} else {
			p.of[i].weights = make(floats, len(r.Centers)/f.features)
		}
	}
	return p
}

// PartialFit draws from the rows of a chunk, or counts them.
func (p *drawing) PartialFit(c *linear.Chunk) error {
	if err := c.CheckRows(p.fit.features); err != nil {
		return err
	}
	weights, err := weightsOf(c)
	if err != nil {
		return err
	}
	b := p.fit.block(c)
	row := make([]float64, p.fit.features)
	for i, r := range p.fit.runs {
		s, err := p.fit.searcher(r)
		if err != nil {
			return err
		}
		nearest, distances, err := s.assign(b)
		if err != nil {
			return err
		}
		t, seed := &p.of[i], splitmix.Mix(p.fit.options.Seed^splitmix.Mix(uint64(i)<<8+uint64(r.Rounds)))
		for k, number := range b.Numbers {
			if t.most == 0 {
				t.weights[nearest[k]] += weights.of(k)
				continue
			}
			chance := float64(distances[k]*distances[k]) * weights.of(k)
			if !(chance > 0) {
				continue
			}
			u := (float64(splitmix.Mix(uint64(number)^seed)>>11) + 0.5) * 0x1p-53
			d := drawn{rank: math.Float64bits(-elementary.Log(u) / chance), number: number, weight: weights.of(k)}
			if len(t.drawn) == t.most && d.compare(&t.drawn[0]) >= 0 {
				continue
			}
			d.row = slices.Clone(b.Row(k, row))
			t.drawn = least.Offer(t.drawn, t.most, d, (*drawn).compare)
		}
	}
	return nil
}

// Merge adds what the next part has drawn.
func (p *drawing) Merge(next linear.Partial) error {
	q, ok := next.(*drawing)
	if !ok || len(q.of) != len(p.of) {
		return fmt.Errorf("kmeans: draws and a %T", next)
	}
	for i := range p.of {
		s, t := &p.of[i], &q.of[i]
		s.drawn = merged(s.drawn, t.drawn, s.most)
		for k, w := range t.weights {
			s.weights[k] += w
		}
	}
	return nil
}

// merged are the rows of least rank of two heaps, at most so many: a heap still, the greatest first.
func merged(a, b []drawn, most int) []drawn {
	a = append(a, b...)
	slices.SortFunc(a, func(a, b drawn) int { return a.compare(&b) })
	a = a[:min(len(a), most)]
	slices.Reverse(a)
	return a
}

// drawsState is draws on their way.
type drawsState struct {
	Drawn   drawnState
	Weights floats
}

// MarshalBinary keeps every bit.
func (p *drawing) MarshalBinary() ([]byte, error) {
	states := make([]drawsState, len(p.of))
	for i := range p.of {
		states[i] = drawsState{stateOf(p.of[i].drawn), p.of[i].weights}
	}
	return json.Marshal(states)
}

// UnmarshalBinary reads what MarshalBinary writes.
func (p *drawing) UnmarshalBinary(b []byte) error {
	var states []drawsState
	if err := json.Unmarshal(b, &states); err != nil {
		return fmt.Errorf("kmeans: no draws: %w", err)
	}
	if len(states) != len(p.of) {
		return errors.New("kmeans: draws of other runs")
	}
	for i := range states {
		t := &p.of[i]
		if len(states[i].Weights) != len(t.weights) {
			return errors.New("kmeans: draws of other candidates")
		}
		var err error
		if t.drawn, err = states[i].Drawn.rows(p.fit.features, t.most); err != nil {
			return err
		}
		t.weights = states[i].Weights
	}
	return nil
}

// draw ends a round of k-means||: what is drawn joins the candidates, or centres are chosen of these.
func (f *Fit) draw(p *drawing) {
	for i, r := range f.runs {
		t := &p.of[i]
		if r.Rounds--; r.Rounds > 0 {
			rows := merged(t.drawn, nil, t.most)
			for _, d := range slices.Backward(rows) { // in the order of their waits
				r.Centers = append(r.Centers, d.row...)
			}
		} else {
			from := &candidates{rows: r.Centers, features: f.features, weights: unlessEqual(t.weights)}
			r.Centers = from.choose(r.Clusters, PlusPlus, f.random(r.Clusters, i%f.options.NInit))
		}
		r.searcher = nil
	}
}

// random is the generator of a start of a number of clusters.
func (f *Fit) random(clusters, start int) *rand.Rand {
	return rand.New(rand.NewPCG(f.options.Seed, uint64(clusters)<<20+uint64(start)))
}
