package newton

import (
	"encoding/json"
	"errors"

	"beamlearn/model/linear"
	"beamlearn/model/linear/folds"
	"beamlearn/model/linear/grid"
	"beamlearn/model/linear/internal/jsontext"
)

// crossState is a CrossFit in JSON.
type crossState struct {
	Task         linear.Task            `json:"task"`
	Options      linear.Options         `json:"hyperparameters"`
	Classes      *linear.Classes        `json:"classes"`
	Alphas       jsontext.Floats        `json:"alphas"`
	Folds        *folds.Folds           `json:"folds"`
	Features     int                    `json:"features"`
	FeatureNames []string               `json:"feature_names"`
	Scaler       *linear.StandardScaler `json:"scaler"`
	ClassRows    []int64                `json:"class_rows"`
	ClassSizes   jsontext.BitFloats     `json:"class_sizes,omitempty"`
	Stage        crossStage             `json:"stage"`
	From         int                    `json:"from"`
	To           int                    `json:"to"`
	Begun        int                    `json:"begun"`
	Passes       int                    `json:"passes"`
	Own          []foldStats            `json:"own"`
	Fits         []alphaFits            `json:"fits"`
	Grid         *grid.Grid             `json:"grid"`
}

// MarshalJSON writes the whole state, bit by bit.
func (x *CrossFit) MarshalJSON() ([]byte, error) {
	s := crossState{
		Task: x.options.Task, Options: x.options, Alphas: x.alphas, Folds: x.folds, Features: x.features, FeatureNames: x.FeatureNames,
		Scaler: x.Scaler, ClassRows: x.ClassRows, ClassSizes: x.ClassSizes, Stage: x.stage, From: x.from, To: x.to, Begun: x.begun, Passes: x.passes,
		Own: x.own, Fits: x.fits, Grid: x.grid,
	}
	if x.options.Task == linear.Classification {
		s.Classes = &x.options.Classes
	}
	return json.Marshal(s)
}

var errCrossState = errors.New("linear.CrossFit: a state that contradicts itself")

// UnmarshalJSON reads what MarshalJSON writes. It takes memory in proportion to the text.
func (x *CrossFit) UnmarshalJSON(b []byte) error {
	var s crossState
	if err := jsontext.Unmarshal(b, &s); err != nil {
		return err
	}
	s.Options.Task = s.Task
	if s.Classes != nil {
		s.Options.Classes = *s.Classes
	}
	if s.Folds == nil || s.Features < 1 || s.Features > len(b) && s.Stage != crossDrawing {
		return errCrossState
	}
	n, err := NewCrossFit(s.Options, s.Alphas, s.Folds, s.Features)
	if err != nil {
		return err
	}
	n.FeatureNames, n.Scaler, n.ClassRows, n.ClassSizes = s.FeatureNames, s.Scaler, s.ClassRows, s.ClassSizes
	n.stage, n.from, n.to, n.begun, n.passes = s.Stage, s.From, s.To, s.Begun, s.Passes
	n.own, n.fits, n.grid = s.Own, s.Fits, s.Grid
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
	if x.from < 0 || x.to < x.from || x.to > len(x.alphas) || x.passes < 0 || x.begun < 0 || x.Scaler != nil && len(x.Scaler.Mean) != x.features {
		return errCrossState
	}
	if x.stage == crossDrawing {
		if x.own != nil || x.fits != nil || x.grid != nil {
			return errCrossState
		}
		return nil
	}
	if len(x.own) != x.folds.K || len(x.fits) != len(x.alphas) {
		return errCrossState
	}
	for _, own := range x.own {
		like := x.newStats()
		if own.Rows < 0 || !(own.Weight > 0) || len(own.Sizes) != len(like.Sizes) || len(own.Sum) != len(like.Sum) || len(own.Squares) != len(like.Squares) {
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
		if !g.Judges(x.folds.K, len(x.alphas), x.problems()*x.views[0].vectors, x.features, x.options.Classes.Len()) || (x.stage == crossOver) != g.Done() {
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
		if p == nil || p.Base == nil || !sized(size, p.Base, p.Dir) || p.Gradient != nil || p.Diagonal != nil || len(p.Steps)+len(p.Changes) > 0 {
			return false
		}
	}
	fitting := x.stage == crossFitting && a >= x.from && a < x.to
	if fitting != (len(f.Folds) == x.folds.K) || !fitting && f.Folds != nil {
		return false
	}
	for _, fits := range f.Folds {
		if len(fits) != x.problems() {
			return false
		}
		for v, p := range fits {
			if p == nil && f.Full[v].Done || p != nil && (!f.Full[v].Done || p.Base == nil || !sized(size, p.Base, p.Dir) ||
				!sized(seconds, p.Second) || !p.Done && !p.Fresh && p.Second == nil) {
				return false
			}
		}
	}
	return true
}
