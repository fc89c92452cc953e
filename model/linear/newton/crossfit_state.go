package newton

import (
	"errors"

	"beamlearn/model/internal/jsontext"
)

// fields are those of a CrossFit's JSON.
func (x *CrossFit) fields() jsontext.Object {
	return jsontext.Object{
		{Name: "task", Value: &x.options.Task},
		{Name: "hyperparameters", Value: &x.options},
		{Name: "classes", Value: &x.options.Classes},
		{Name: "alphas", Value: (*jsontext.Floats)(&x.given.Alphas)},
		{Name: "l1_ratios", Value: (*jsontext.Floats)(&x.given.L1Ratios), Optional: true},
		{Name: "folds", Value: &x.folds},
		{Name: "features", Value: &x.features},
		{Name: "feature_names", Value: &x.FeatureNames},
		{Name: "scaler", Value: &x.Scaler},
		{Name: "class_rows", Value: &x.ClassRows},
		{Name: "class_sizes", Value: (*jsontext.BitFloats)(&x.ClassSizes), Optional: true},
		{Name: "stage", Value: &x.stage},
		{Name: "from", Value: &x.from},
		{Name: "to", Value: &x.to},
		{Name: "begun", Value: &x.begun},
		{Name: "passes", Value: &x.passes},
		{Name: "own", Value: &x.own},
		{Name: "fits", Value: &x.fits},
		{Name: "changes", Value: &x.changes, Optional: true},
		{Name: "grid", Value: &x.grid},
	}
}

// MarshalJSON writes the whole state, bit by bit.
func (x *CrossFit) MarshalJSON() ([]byte, error) { return x.fields().MarshalJSON() }

var errCrossState = errors.New("linear.CrossFit: a state that contradicts itself")

// UnmarshalJSON reads what MarshalJSON writes. It takes memory in proportion to the text.
func (x *CrossFit) UnmarshalJSON(b []byte) error {
	var s CrossFit
	// The options have their task and classes beside them.
	if err := s.fields().UnmarshalJSON(b); err != nil {
		return err
	}
	if s.folds == nil || s.features < 1 || s.features > len(b) && s.stage != crossDrawing {
		return errCrossState
	}
	n, err := NewCrossFit(s.options, s.given.Alphas, s.given.L1Ratios, s.folds, s.features)
	if err != nil {
		return err
	}
	n.FeatureNames, n.Scaler, n.ClassRows, n.ClassSizes = s.FeatureNames, s.Scaler, s.ClassRows, s.ClassSizes
	n.stage, n.from, n.to, n.begun, n.passes = s.stage, s.from, s.to, s.begun, s.passes
	n.own, n.fits, n.changes, n.grid = s.own, s.fits, s.changes, s.grid
	if err := n.checkState(); err != nil {
		return err
	}
	for _, view := range n.views {
		view.Scaler, view.ClassRows, view.ClassSizes = n.Scaler, n.ClassRows, n.ClassSizes
		if n.own != nil {
			all := n.all(-1)
			view.rows, view.weight = all.Rows, all.Weight
		}
	}
	*x = *n
	return nil
}

// checkState says whether what was read fits together.
func (x *CrossFit) checkState() error {
	if x.from < 0 || x.to < x.from || x.to > len(x.alphas) || x.passes < 0 || x.begun < 0 ||
		x.Scaler != nil && len(x.Scaler.Mean) != x.features {
		return errCrossState
	}
	if x.stage == crossDrawing {
		if x.own != nil || x.fits != nil || x.grid != nil {
			return errCrossState
		}
		return nil
	}
	if len(x.own) != x.folds.K || len(x.fits) != len(x.alphas) ||
		x.changes != nil && (len(x.changes) != len(x.alphas) || !x.lends()) {
		return errCrossState
	}
	for _, own := range x.own {
		like := x.newStats()
		if own.Rows < 0 || !(own.Weight > 0) || len(own.Sizes) != len(like.Sizes) || len(own.Sum) != len(like.Sum) ||
			len(own.Squares) != len(like.Squares) {
			return errCrossState
		}
	}
	ready := false
	switch x.stage {
	case crossFitting:
		ready = x.from < x.to
	case crossJudging, crossOver:
		ready = x.grid != nil
	}
	if !ready {
		return errCrossState
	}
	if g := x.grid; g != nil {
		if !g.Judges(x.folds.K, len(x.alphas), x.problems()*x.views[0].vectors, x.features, x.options.Classes.Len()) ||
			(x.stage == crossOver) != g.Done() {
			return errCrossState
		}
	}
	for a := range x.fits {
		if !x.checkFits(a) {
			return errCrossState
		}
	}
	return nil
}

func (x *CrossFit) checkFits(a int) bool {
	size, seconds, f := x.views[a].size(), x.views[a].seconds(), &x.fits[a]
	sized := func(size int, lists ...jsontext.BitFloats) bool {
		for _, l := range lists {
			if l != nil && len(l) != size {
				return false
			}
		}
		return true
	}
	if len(f.Full) != x.problems() {
		return false
	}
	for _, p := range f.Full {
		if p == nil || p.Base == nil || !sized(size, p.Base, p.Dir) || p.Gradient != nil || p.Diagonal != nil || len(p.Steps)+
			len(p.Changes) > 0 {
			return false
		}
	}
	fitting := x.stage == crossFitting && a >= x.from && a < x.to
	if fitting != (len(f.Folds) == x.folds.K+1) || !fitting && f.Folds != nil {
		return false
	}
	for _, fits := range f.Folds {
		if len(fits) != x.problems() {
			return false
		}
		for v, p := range fits {
			own := f.Folds[x.folds.K]
			if len(own) != len(fits) || (p == nil) != (own[v] == nil) || own[v] == nil && f.Full[v].Done ||
				own[v] != nil && own[v].Done != f.Full[v].Done || p != nil && (p.Base == nil || !sized(size, p.Base, p.Dir) ||
				!sized(seconds, p.Second) || !p.Done && !p.Fresh && p.Second == nil && !(x.passes == x.begun && x.borrows(a))) {
				return false
			}
		}
	}
	return true
}
