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
		st.Vectors = append(st.Vectors, v.state(&s.rule, s.options.Tol != nil))
	}
	if s.unseen != nil {
		st.Unseen = new(s.unseen.state(&s.rule, s.options.Tol != nil))
	}
	if s.options.ClassWeight.Balanced {
		st.ClassRows = slices.Clone(s.counts)
	}
	if c := s.columns; c != nil {
		st.Columns = &linear.ColumnState{Largest: c.Largest(), Scaled: c.Scaled, Factor: c.Factor}
		if slices.ContainsFunc(c.Each, func(j steps.Column) bool { return j.Touched != s.t }) {
			st.Columns.Touched = c.Touched()
		}
	}
	return st
}

func (v *vector) state(r *steps.Rule, stops bool) linear.VectorState {
	s := linear.VectorState{Scale: v.scale, Intercept: v.intercept, Eta: v.eta, MeanIntercept: v.meanIntercept,
		Gradient: v.gradient}
	if v.columns != nil {
		s.Weights, s.Gradients = v.cell(weightCell), v.cell(squaresCell)
	} else {
		s.Weights = slices.Clone(v.w)
	}
	if k := v.curved; k != nil {
		if k.rows > 0 { // in the middle of an epoch: who goes on begins another
			s.Before = curveState(k.whole(k.left()))
		} else {
			s.Before, s.Past = curveState(k.before), curveState(k.past)
		}
	}
	if r.Average > 0 {
		if s.MeanA, s.MeanB, s.Mean = v.meanA, v.meanB, v.means(); v.columns == nil {
			s.Mean = slices.Clone(v.mean)
		}
	}
	if v.stride == l1Stride {
		if due := v.cell(dueCell); slices.ContainsFunc(due, func(u float64) bool { return u != 0 }) {
			s.Due, s.Had = due, v.cell(hadCell)
		}
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
	v.scale, v.intercept, v.eta, v.meanIntercept = s.Scale, s.Intercept, s.Eta, s.MeanIntercept
	if r.Average > 0 {
		v.meanA, v.meanB = s.MeanA, s.MeanB
	}
	if columns != nil { // the weights may be those of another rate, which have a scale
		v.w, v.mean = slices.Clone(s.Weights), slices.Clone(s.Mean)
		v.fold()
		v.setCell(weightCell, v.w)
		v.setCell(meanCell, v.mean)
		v.w, v.mean = nil, nil
		v.setCell(squaresCell, s.Gradients)
		v.gradient = s.Gradient
		if v.stride == l1Stride {
			v.setCell(dueCell, s.Due)
			v.setCell(hadCell, s.Had)
		}
	} else {
		copy(v.w, s.Weights)
		copy(v.mean, s.Mean)
	}
	if v.curved != nil {
		v.curved.before, v.curved.past = quadraticOf(s.Before), quadraticOf(s.Past)
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
			v.setWeights(m.Coef[i])
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
			for j := squaresCell; j < len(v.cells); j += v.stride {
				v.cells[j] = 0
			}
			v.gradient = 0
		}
		return
	}
	c.SetLargest(from.Largest)
	c.SetTouched(from.Touched)
	c.Scaled, c.Factor = from.Scaled, from.Factor
}
