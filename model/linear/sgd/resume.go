package sgd

import (
	"errors"
	"slices"

	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/steps"
)

func (s *SGD) state() *linear.State {
	st := &linear.State{T: s.t, EpochRows: s.epochRows}
	for _, v := range s.vectors {
		st.Vectors = append(st.Vectors, v.state(s.options.Tol != nil))
	}
	if s.unseen != nil {
		st.Unseen = new(s.unseen.state(s.options.Tol != nil))
	}
	if s.options.ClassWeight.Balanced {
		st.ClassRows = slices.Clone(s.counts)
	}
	if c := s.columns; c != nil {
		st.Columns = &linear.ColumnState{Largest: slices.Clone(c.Largest), Scaled: c.Scaled, Factor: c.Factor}
		if slices.ContainsFunc(c.Touched, func(t float64) bool { return t != s.t }) {
			st.Columns.Touched = slices.Clone(c.Touched)
		}
	}
	return st
}

func (v *vector) state(stops bool) linear.VectorState {
	s := linear.VectorState{
		Weights: slices.Clone(v.w), Scale: v.scale, Intercept: v.intercept, Eta: v.eta,
		Mean: slices.Clone(v.mean), MeanIntercept: v.meanIntercept, Gradients: slices.Clone(v.gradients),
		Gradient: v.gradient,
	}
	if k := v.curved; k != nil {
		if k.rows > 0 { // in the middle of an epoch: who goes on begins another
			s.Before = curveState(k.whole(k.left()))
		} else {
			s.Before, s.Past = curveState(k.before), curveState(k.past)
		}
	}
	if v.mean != nil {
		s.MeanA, s.MeanB = v.meanA, v.meanB
	}
	if slices.ContainsFunc(v.due, func(u float64) bool { return u != 0 }) {
		s.Due, s.Had = slices.Clone(v.due), slices.Clone(v.had)
	}
	if p := &v.progress; stops {
		s.Stopping = &linear.Stopping{Rows: p.rows, Objective: p.objective, Scores: p.scores, Right: p.right,
			Weight: p.weight, Bad: p.bad, Done: p.done}
		if p.seen {
			s.Stopping.Best = new(p.best)
		}
	}
	return s
}

// vectorOf is the weight vector of a state that has been checked.
func vectorOf(s *linear.VectorState, r *steps.Rule, features int, columns *steps.Columns) *vector {
	v := newVector(r, features, columns)
	copy(v.w, s.Weights)
	copy(v.mean, s.Mean)
	if columns != nil {
		copy(v.gradients, s.Gradients)
		v.gradient = s.Gradient
		copy(v.due, s.Due)
		copy(v.had, s.Had)
	}
	if v.curved != nil {
		v.curved.before, v.curved.past = quadraticOf(s.Before), quadraticOf(s.Past)
	}
	v.scale, v.intercept, v.eta, v.meanIntercept = s.Scale, s.Intercept, s.Eta, s.MeanIntercept
	if v.mean != nil {
		v.meanA, v.meanB = s.MeanA, s.MeanB
	}
	if p := s.Stopping; p != nil {
		v.progress = progress{
			rows: p.Rows, objective: p.Objective, scores: p.Scores, right: p.Right, weight: p.Weight, bad: p.Bad, done: p.Done,
		}
		if p.Best != nil {
			v.progress.best, v.progress.seen = *p.Best, true
		}
	}
	return v
}

// Resume makes a trainer that goes on where the model's stopped: with the same rows, to the same bits as if it had not
// stopped. Options other than Task, Loss and Average may have been changed in m before. A model without state lends its
// coefficients only: its trainer begins with row 1, and takes no classes but the model's.
func Resume(m *linear.Model) (*SGD, error) {
	if err := m.Options.OnlyExact(); err != nil {
		return nil, err
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	if m.Options.MultiClass == linear.Multinomial {
		return nil, errors.New("the model is multinomial, and sgd goes on with one against the rest only")
	}
	s, err := resume(m)
	if err != nil || !s.rule.Newton {
		return s, err
	}
	for _, v := range s.all() {
		if v.curved.carry(); v.curved.before == nil {
			return nil, errors.New("learning_rate newton: the model has none of it to go on from: take another")
		}
	}
	return s, nil
}

// resume expects all of the model but its state to be valid.
func resume(m *linear.Model) (*SGD, error) {
	o := m.Options
	o.Task, o.Classes = m.Task, linear.Classes{}
	o.EnsureDefaults()
	if o.LearningRate == linear.Newton && !Curves(m.Features(), max(linear.NumVectors(m.Classes.Len()), 1)) {
		return nil, errors.New("learning_rate newton: the model is too large for it: take adagrad")
	}
	s := newSGD(o, m.Features(), m.Classes.Clone())
	s.FeatureNames = slices.Clone(m.FeatureNames)
	if m.Scaler != nil {
		s.Scaler = m.Scaler.Clone()
	}
	s.rows, s.epochs = m.Training.Rows, m.Training.Epochs
	if m.Training.ClassRows != nil {
		copy(s.counts, m.Training.ClassRows)
	}
	if m.State == nil {
		for i, v := range s.vectors {
			copy(v.w, m.Coef[i])
			v.intercept = m.Intercept[i]
			if s.rule.OneClass {
				v.intercept++
			}
		}
		return s, nil
	}
	if err := m.State.Check(m); err != nil {
		return nil, err
	}
	if len(m.State.ClassRows) > 0 {
		copy(s.counts, m.State.ClassRows)
		s.rows = m.State.Learned(s.rows)
	}
	s.t, s.epochRows = m.State.T, m.State.EpochRows
	for i := range m.State.Vectors {
		s.vectors[i] = vectorOf(&m.State.Vectors[i], &s.rule, s.features, s.columns)
	}
	if u := m.State.Unseen; u != nil {
		s.unseen = vectorOf(u, &s.rule, s.features, s.columns)
	}
	if s.columns != nil {
		s.resumeColumns(m.State.Columns)
	}
	return s, nil
}

// resumeColumns takes the columns of a state that has been checked. Without any, another rate has learned the
// weights: what they come to, and their number of rows, is where AdaGrad begins.
func (s *SGD) resumeColumns(from *linear.ColumnState) {
	c := s.columns
	if c.Settled(s.t); from == nil {
		for _, v := range s.all() {
			v.fold()
			clear(v.gradients)
			v.gradient = 0
		}
		return
	}
	copy(c.Largest, from.Largest)
	copy(c.Touched, from.Touched)
	c.Scaled, c.Factor = from.Scaled, from.Factor
}
