package kmeans

import (
	"fmt"
	"slices"

	"beamlearn/model/fault"
)

// goOn begins where the model to go on from has ended: a first pass over rows that come later finds out how many they
// are, and a sample of them.
func (f *Fit) goOn(p *look) error {
	if p.heavy == 0 {
		return fault.File("", "rows whose weight is above 0", "none")
	}
	p.moments.Finish()
	w := f.options.WarmStart
	f.mean, f.std, f.scale = w.Mean, w.Std, w.Scale
	r := &run{Clusters: len(w.Centers), Weights: make(floats, len(w.Centers))}
	for _, c := range w.Centers {
		r.Centers = f.append(r.Centers, c)
	}
	if s := w.Stream; s != nil {
		r.Weights = slices.Clone(s.Weights)
		r.Shards = []progress{{Batches: s.Batches, Since: s.Since}}
	}
	f.runs = []*run{r}
	rows, _ := f.drawn(p)
	f.keepSample(rows)
	return nil
}

// stream is what a run leaves for the rows that come next.
func (r *run) stream() *Stream {
	s := &Stream{Weights: r.Weights}
	for _, at := range r.Shards {
		s.Batches += at.Batches
		s.Since += at.Since
	}
	return s
}

// check says what is wrong with a stream of so many clusters that was read.
func (s *Stream) check(clusters int) error {
	if len(s.Weights) != clusters || s.Batches < 1 || s.Since < 0 {
		return fmt.Errorf("%d weights for %d clusters, %d batches and %d rows since", len(s.Weights), clusters, s.Batches,
			s.Since)
	}
	for i, w := range s.Weights {
		if !(w >= 0) || w-w != 0 {
			return fmt.Errorf("weight %v of cluster %d", w, i)
		}
	}
	return nil
}
