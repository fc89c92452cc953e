package kmeans

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"beamlearn/model/linear/drift"
)

// fitState is a Fit between passes.
type fitState struct {
	Options  Options      `json:"options"`
	Given    []floats     `json:"given,omitempty"`
	Features int          `json:"features"`
	Names    []string     `json:"names"`
	Passes   int          `json:"passes"`
	Rows     int64        `json:"rows"`
	Spread   floats       `json:"spread"`
	Mean     floats       `json:"mean"`
	Std      floats       `json:"std"`
	Scale    floats       `json:"scale"`
	Sample   floats       `json:"sample"`
	Runs     []*run       `json:"runs"`
	Compared []Comparison `json:"compared,omitempty"` // where all runs are done

	Warm   json.RawMessage `json:"warm_start,omitempty"`
	Judged []byte          `json:"judged,omitempty"` // where a model is gone on from, after its rows are learned from
}

// MarshalBinary keeps every bit of what the next pass, or whoever takes the model, needs.
func (f *Fit) MarshalBinary() ([]byte, error) {
	s := fitState{
		Options: f.options, Features: f.features, Names: f.names, Passes: f.passes, Rows: f.rows, Spread: floats{f.spread},
		Mean: f.mean, Std: f.std, Scale: f.scale, Sample: f.sample, Runs: f.runs,
	}
	if w := f.options.WarmStart; w != nil {
		var b bytes.Buffer
		if err := w.Save(&b); err != nil {
			return nil, err
		}
		s.Warm = b.Bytes()
	} else {
		for _, c := range f.options.Centers {
			s.Given = append(s.Given, c)
		}
	}
	if f.judged != nil {
		var err error
		if s.Judged, err = f.judged.MarshalBinary(); err != nil {
			return nil, err
		}
	}
	if f.Done() {
		s.Compared = f.model.Compared
	}
	return json.Marshal(s)
}

var errState = errors.New("kmeans: not a state of a fit")

// Decode reads what MarshalBinary writes.
func Decode(b []byte) (*Fit, error) {
	var s fitState
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("%w: %w", errState, err)
	}
	for _, c := range s.Given {
		s.Options.Centers = append(s.Options.Centers, c)
	}
	if s.Warm != nil {
		m, err := Load("the model of warm_start", bytes.NewReader(s.Warm))
		if err != nil {
			return nil, err
		}
		s.Options.WarmStart = m
	}
	f, err := NewFit(s.Options, s.Features, s.Names)
	if err != nil {
		return nil, err
	}
	if s.Judged != nil {
		f.judged = &drift.Judged{}
		if err := f.judged.UnmarshalBinary(s.Judged); err != nil {
			return nil, fmt.Errorf("%w: %w", errState, err)
		}
	}
	if s.Passes < 0 || len(s.Spread) != 1 || len(s.Sample)%s.Features != 0 ||
		s.Names != nil && len(s.Names) != s.Features {
		return nil, errState
	}
	f.passes, f.rows, f.spread, f.sample, f.runs = s.Passes, s.Rows, s.Spread[0], s.Sample, s.Runs
	if s.Passes == 0 {
		return f, nil
	}
	f.mean, f.std = s.Mean, s.Std
	if f.options.Standardize {
		f.scale = s.Scale
	}
	if len(f.mean) != f.features || len(f.std) != f.features || f.scale != nil && len(f.scale) != f.features ||
		len(f.runs) != len(f.options.Clusters)*f.options.NInit {
		return nil, errState
	}
	done := 0
	for i, r := range f.runs {
		if r == nil || r.Clusters != f.options.Clusters[i/f.options.NInit] ||
			r.Rounds == 0 && len(r.Centers) != r.Clusters*f.features || !f.drawing(r) ||
			len(r.Weights) != 0 && len(r.Weights) != r.Clusters || (f.options.BatchSize > 0) != (len(r.Weights) > 0) ||
			r.Far < 0 || r.Far > r.Clusters || r.Done && (len(r.Sizes) != r.Clusters || len(r.Curve) == 0) {
			return nil, errState
		}
		if r.Done {
			done++
		}
	}
	if done == len(f.runs) {
		if len(s.Compared) != len(f.options.Clusters) {
			return nil, errState
		}
		f.take(s.Compared)
	}
	return f, nil
}

// drawing reports whether the rounds of k-means|| that a run has left are those of the fit, and its candidates are
// rows.
func (f *Fit) drawing(r *run) bool {
	if r.Rounds == 0 {
		return true
	}
	return f.options.Init == Parallel && r.Rounds > 0 && r.Rounds <= rounds+1 && r.Rounds == f.runs[0].Rounds && !r.Done &&
		len(r.Centers) > 0 && len(r.Centers)%f.features == 0
}
