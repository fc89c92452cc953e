package bayes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"beamlearn/model/internal/wire"
	"beamlearn/model/linear/drift"
	"beamlearn/model/linear/survey"
)

// fitState is a Fit between passes.
type fitState struct {
	FitOptions
	Warm     json.RawMessage `json:"warm_start,omitempty"`
	Features int             `json:"features"`
	Names    []string        `json:"names"`
	Passes   int             `json:"passes"`
	Survey   json.RawMessage `json:"survey,omitempty"` // with folds, after the first pass
	Rows     int64           `json:"rows,omitempty"`
	Sums     []byte          `json:"sums,omitempty"` // by fold and class, before the last pass
	Model    json.RawMessage `json:"model,omitempty"`
	Scores   []byte          `json:"scores,omitempty"` // by which the last pass has chosen
	Judged   []byte          `json:"judged,omitempty"` // with progressive, when there is a model
}

// MarshalBinary keeps every bit of what the next pass, or whoever takes the model, needs.
func (f *Fit) MarshalBinary() ([]byte, error) {
	s := fitState{FitOptions: f.options, Features: f.shape.features, Names: f.names, Passes: f.passes}
	var errs []error
	text := func(m *Model) json.RawMessage {
		var b bytes.Buffer
		errs = append(errs, m.Save(&b))
		return b.Bytes()
	}
	if f.options.WarmStart != nil {
		s.Warm = text(f.options.WarmStart)
	}
	var err error
	if f.options.Folds > 0 && f.passes > 0 {
		s.Survey, err = json.Marshal(f.survey)
		errs = append(errs, err)
	}
	switch {
	case f.held != nil:
		s.Rows = f.model.Rows
		s.Sums, err = wire.Encode(f.heldFields)
	case f.model != nil:
		s.Model = text(f.model)
		if f.judged != nil {
			s.Judged, err = f.judged.MarshalBinary()
			errs = append(errs, err)
		}
		if f.cv != nil {
			s.Scores, err = wire.Encode(f.scores.fields)
		}
	}
	b, failed := json.Marshal(s)
	return b, errors.Join(append(errs, err, failed)...)
}

// heldFields are the sums of all folds.
func (f *Fit) heldFields(c *wire.Codec) {
	h := f.held
	var read int64
	weighted := h.alls[0] != nil
	c.Flag(&weighted)
	for fold, of := range h.byFold {
		for k := range of {
			if c.Reading() {
				of[k] = newTally(&f.shape)
			}
			of[k].fields(c, &read)
		}
		if !weighted || !c.OK() {
			continue
		}
		if c.Reading() {
			h.alls[fold] = newTally(&f.shape)
		}
		h.alls[fold].fields(c, &read)
	}
}

var errState = errors.New("bayes: not a state of a fit")

// Decode reads what MarshalBinary writes.
func Decode(b []byte) (*Fit, error) {
	var s fitState
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("%w: %w", errState, err)
	}
	if s.Warm != nil {
		m, err := Load("the model of warm_start", bytes.NewReader(s.Warm))
		if err != nil {
			return nil, err
		}
		s.WarmStart = m
	}
	f, err := NewFit(s.FitOptions, s.Features, s.Names)
	if err != nil {
		return nil, err
	}
	if f.passes = s.Passes; s.Passes < 0 || f.MostPasses() < 0 {
		return nil, errState
	}
	if s.Passes == 0 {
		return f, nil
	}
	if f.options.Folds > 0 {
		f.survey = &survey.Survey{}
		if json.Unmarshal(s.Survey, f.survey) != nil || !f.survey.Done() || f.survey.Folds == nil {
			return nil, errState
		}
	}
	switch {
	case f.Done():
		return f, f.restore(&s)
	case f.MostPasses() == 1:
		return f, f.restoreHeld(&s)
	}
	return f, nil
}

// restore takes the model, and the scores it was chosen by.
func (f *Fit) restore(s *fitState) (err error) {
	if f.model, err = Load("the state", bytes.NewReader(s.Model)); err != nil {
		return err
	}
	if f.before != nil {
		f.judged = &drift.Judged{}
		if err := f.judged.UnmarshalBinary(s.Judged); err != nil {
			return fmt.Errorf("%w: %w", errState, err)
		}
	}
	if f.options.Folds == 0 {
		return nil
	}
	if f.model.features != f.shape.features || f.model.Options.Kind != f.shape.kind {
		return errState
	}
	h := &held{fit: f, classes: f.survey.Classes.Len(), models: make([][]*Model, f.options.Folds)}
	for fold := range h.models {
		h.models[fold] = make([]*Model, len(f.options.Smoothings))
	}
	f.scores = newHeldPart(h)
	if err := wire.Decode(s.Scores, f.scores.fields); err != nil {
		return fmt.Errorf("%w: %w", errState, err)
	}
	return f.score(f.scores)
}

// restoreHeld takes the sums of all folds, for the pass that judges by them.
func (f *Fit) restoreHeld(s *fitState) error {
	h := &held{fit: f, alls: make([]*tally, f.options.Folds)}
	for range f.options.Folds {
		h.byFold = append(h.byFold, make([]*tally, f.survey.Classes.Len()))
	}
	f.held = h
	if err := wire.Decode(s.Sums, f.heldFields); err != nil {
		return fmt.Errorf("%w: %w", errState, err)
	}
	return f.build(s.Rows, &f.survey.Classes, h.byFold, h.alls)
}
