package linear

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"beamlearn/model/fault"
	model "beamlearn/model/linear"
	"beamlearn/model/linear/targets"
	"beamlearn/model/results"
)

// Targets is a model of several targets, as an [Other]. [Predict] applies and judges the model of each: see layoutOf
// for the columns.
type Targets struct{ *targets.Model }

// Format is that of the file.
func (t Targets) Format() string { return targets.Format }

// Columns are those of the rows that it answers.
func (t Targets) Columns() Columns { return columnsOf(t.Models[0]) }

// Check says what is wrong with options: that of the model of a target.
func (t Targets) Check(o *PredictOptions) error {
	for k, m := range t.Models {
		if err := checkLinear(m, o); err != nil {
			return fmt.Errorf("target %s: %w", fault.Plain(t.Targets[k]), err)
		}
	}
	return nil
}

// compares says what is wrong with the columns that the predictions are compared with: they are one for each target, in
// the order of the model. Others than the model's own may have any names.
func (t Targets) compares(names []string) error {
	other := slices.Equal(names, t.Targets)
	if !other {
		other = !slices.ContainsFunc(names, func(name string) bool { return slices.Contains(t.Targets, name) })
	}
	if len(names) != len(t.Targets) || !other {
		return fault.Asked("the targets", "a column for each of the model's, in its order: "+model.Join(t.Targets), "%s",
			cmp.Or(model.Join(names), "one column"))
	}
	return nil
}

// Name is what it is, in a few words.
func (t Targets) Name() string {
	m := t.Models[0]
	return fmt.Sprintf("%s with %s, %d columns, of the targets %s", m.Task, m.Loss, m.Features(), model.Join(t.Targets))
}

func loadTargets(name string, r io.Reader) (Other, error) {
	m, err := targets.Load(name, r)
	if err != nil {
		return nil, err
	}
	return Targets{m}, nil
}

// IsTargets reports whether a file is a model of several targets.
func IsTargets(file []byte) bool {
	return model.FormatOf(file) == targets.Format
}

// ReadTargets reads a model of several targets from any store.
func ReadTargets(ctx context.Context, name string) (m *targets.Model, err error) {
	err = readModel(ctx, name, func(r io.Reader) error {
		m, err = targets.Load(name, r)
		return err
	})
	return m, err
}

// part is the model of a target, or the one that there is.
type part struct {
	target string // "" of the only one
	model  *model.Model
	by     Classifier
}

// parts are the models that are applied to each row; none where an Answerer is.
func (a *applied) parts() []part {
	if t, ok := a.other.(Targets); ok {
		all := make([]part, len(t.Models))
		for k, m := range t.Models {
			all[k] = part{t.Targets[k], m, m}
		}
		return all
	}
	if a.by == nil {
		return nil
	}
	return []part{{"", a.linear, a.by}}
}

// ofTarget is the name of a column that there is for each target.
func ofTarget(name, target string) string {
	if target == "" {
		return name
	}
	return name + "_" + target
}

// columns are those of all parts, one part after the other.
func (a *applied) columns(o *PredictOptions) (all []results.Column) {
	for _, p := range a.parts() {
		all = append(all, layoutOf(p, o).Columns...)
	}
	return all
}

// firsts are the places of the predictions among the columns: of each part the first.
func (a *applied) firsts(o *PredictOptions) []int {
	places := []int{0}
	for _, p := range a.parts() {
		places = append(places, places[len(places)-1]+len(layoutOf(p, o).Columns))
	}
	return places[:max(1, len(places)-1)]
}

// distinct is the faults of rows, of each row one.
func distinct(rejected []*fault.Fault) []*fault.Fault {
	return slices.CompactFunc(rejected, func(a, b *fault.Fault) bool { return a.Number == b.Number })
}

// TargetScores judge the predictions of one of several targets.
type TargetScores struct {
	Target     string                `json:"target"`
	Regression *RegressionScores     `json:"regression,omitempty"`
	Classes    *ClassificationScores `json:"classification,omitempty"`
}
