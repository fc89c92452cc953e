package fitting

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/fault"
	"beamlearn/model/internal/jsontext"
	"beamlearn/model/linear"
	"beamlearn/model/linear/sgd"
)

// inner is what a state has of values that write and read themselves.
type inner struct {
	task      linear.Task // of all options
	classes   linear.Classes
	stage     string
	warmStart json.RawMessage
	learner   json.RawMessage
	judged    []byte // as Progressive.MarshalBinary writes it
	fitted    []float64
	model     json.RawMessage // EncodeFit adds it at the end: to have it scanned again would take long
}

// fields are those of a fit's JSON.
func (f *Fit) fields(in *inner) jsontext.Object {
	o := &f.options
	return jsontext.Object{
		{Name: "task", Value: &in.task},
		{Name: "options", Value: &o.Options},
		{Name: "average", Value: &o.Average},
		{Name: "solver", Value: &o.Solver},
		{Name: "multi_class", Value: &o.MultiClass, Optional: true},
		{Name: "standardize", Value: &o.Standardize},
		{Name: "standardized", Value: &o.Standardized, Optional: true},
		{Name: "parts", Value: &o.Parts},
		{Name: "progressive", Value: &o.Progressive},
		{Name: "epochs", Value: &o.Epochs},
		{Name: "batch_size", Value: &o.BatchSize},
		{Name: "alphas", Value: (*jsontext.Floats)(&o.Alphas)},
		{Name: "auto_alphas", Value: &o.AutoAlphas, Optional: true},
		{Name: "l1_ratios", Value: (*jsontext.Floats)(&o.L1Ratios)},
		{Name: "folds", Value: &o.Folds},
		{Name: "scoring", Value: &o.Scoring},
		{Name: "seed", Value: &o.Seed},
		{Name: "shuffle", Value: &o.Shuffle},
		{Name: "warm_start", Value: &in.warmStart},
		{Name: "sample", Value: &o.Sample},
		{Name: "inference", Value: &o.Inference, Optional: true},
		{Name: "full", Value: &f.full},
		{Name: "features", Value: &f.features},
		{Name: "feature_names", Value: &f.names},
		{Name: "passes", Value: &f.passes},
		{Name: "stage", Value: &in.stage},
		{Name: "learner", Value: &in.learner},
		{Name: "survey", Value: &f.survey},
		{Name: "chosen", Value: &f.chosen},
		{Name: "classes", Value: &in.classes},
		{Name: "cv", Value: jsontext.Maybe(&f.cv, resultFields)},
		{Name: "fitted", Value: (*jsontext.BitFloats)(&in.fitted), Optional: true},
		{Name: "warnings", Value: &f.warnings, Optional: true},
		{Name: "judged", Value: &in.judged},
		{Name: "model", Value: &in.model, Optional: true},
	}
}

// resultFields are those of a cross-validation's result, bit by bit.
func resultFields(r *linear.CVResult) jsontext.Object {
	return jsontext.Object{
		{Name: "params", Value: &r.Params},
		{Name: "metrics", Value: jsontext.Items(&r.Metrics, func(m *linear.CVMetric) jsontext.Object {
			return jsontext.Object{
				{Name: "name", Value: &m.Name},
				{Name: "splits", Value: (*jsontext.BitRows)(&m.Splits)},
				{Name: "constant", Value: (*jsontext.BitFloats)(&m.Constant), Optional: true},
			}
		})},
		{Name: "progressive_loss", Value: (*jsontext.BitFloats)(&r.ProgressiveLoss)},
		{Name: "curve", Value: jsontext.Items(&r.LearningCurve, func(p *linear.CVPoint) jsontext.Object {
			return jsontext.Object{{Name: "rows", Value: &p.Rows}, {Name: "loss", Value: (*jsontext.BitFloats)(&p.Loss)}}
		})},
		{Name: "path", Optional: true, Value: jsontext.Maybe(&r.Path, func(p *linear.CVPath) jsontext.Object {
			return jsontext.Object{{Name: "features", Value: &p.Features}, {Name: "coef", Value: (*jsontext.BitRows)(&p.Coef)}}
		})},
	}
}

// checkResult says whether a result that was read fits together.
func checkResult(r *linear.CVResult, features int) error {
	if r == nil {
		return nil
	}
	for _, m := range r.Metrics {
		for _, split := range m.Splits {
			if len(split) != len(r.Params) {
				return fmt.Errorf("%d scores of %d combinations", len(split), len(r.Params))
			}
		}
	}
	p := r.Path
	if p == nil {
		return nil
	}
	for _, w := range p.Coef {
		if len(w) != len(p.Features) {
			return fmt.Errorf("%d coefficients of %d features", len(w), len(p.Features))
		}
	}
	if len(p.Coef) != len(r.Params) ||
		slices.ContainsFunc(p.Features, func(j int) bool { return j < 0 || j >= features }) {
		return errors.New("a path of other features or combinations")
	}
	return nil
}

// EncodeFit writes a fit as it stands, bit by bit: between passes it crosses the wire, and is the checkpoint.
func EncodeFit(f *Fit) ([]byte, error) {
	in := inner{task: f.options.Options.Task, classes: f.chosen.Classes, stage: stageName(f.stage)}
	var err error
	if in.warmStart, err = saved(f.options.WarmStart); err != nil {
		return nil, err
	}
	model, err := saved(f.model)
	if err != nil {
		return nil, err
	}
	if f.learner != nil {
		if in.learner, err = json.Marshal(f.learner); err != nil {
			return nil, err
		}
	}
	if m := f.fitted; m != nil {
		in.fitted = []float64{m.Weight, m.Mean, m.M2, m.Squared}
	}
	if f.progressive != nil {
		if in.judged, err = f.progressive.MarshalBinary(); err != nil {
			return nil, err
		}
	}
	b, err := f.fields(&in).MarshalJSON()
	if err != nil {
		return nil, err
	}
	return slices.Concat(b[:len(b)-1], []byte(`,"model":`), model, []byte("}")), nil
}

// saved is a model's file, or null.
func saved(m *linear.Model) (json.RawMessage, error) {
	if m == nil {
		return json.RawMessage("null"), nil
	}
	var b bytes.Buffer
	err := m.Save(&b)
	return b.Bytes(), err
}

// loaded is what saved has written.
func loaded(b json.RawMessage) (*linear.Model, error) {
	if len(b) == 0 || string(b) == "null" {
		return nil, nil
	}
	return linear.Load("state", bytes.NewReader(b))
}

// DecodeFit reads what EncodeFit writes. It takes memory in proportion to the text.
func DecodeFit(b []byte) (*Fit, error) {
	var in inner
	f := &Fit{}
	if err := f.fields(&in).UnmarshalJSON(b); err != nil {
		return nil, unreadable(errors.New(fault.JSON(b, err)))
	}
	f.options.Options.Task, f.chosen.Task, f.chosen.Classes = in.task, in.task, in.classes
	if err := in.classes.Check(); err != nil {
		return nil, unreadable(err)
	}
	var err error
	if f.options.WarmStart, err = loaded(in.warmStart); err != nil {
		return nil, err
	}
	if err := f.options.Validate(); err != nil {
		return nil, unreadable(errors.New(fault.JSON(b, err)))
	}
	f.options.EnsureDefaults()
	if f.model, err = loaded(in.model); err != nil {
		return nil, err
	}
	if err := checkResult(f.cv, f.features); err != nil {
		return nil, unreadable(err)
	}
	if err := f.judgements(&in); err != nil {
		return nil, unreadable(err)
	}
	if f.features < 1 || f.passes < 0 || (in.stage == done) != (f.model != nil) {
		return nil, unreadable(errors.New("it contradicts itself"))
	}
	if in.stage == done {
		return f, nil
	}
	if err := f.resume(&in); err != nil {
		return nil, err
	}
	return f, nil
}

func unreadable(err error) error { return fmt.Errorf("no state of a fit: %w", err) }

// judgements takes what was known of how well the model does.
func (f *Fit) judgements(in *inner) error {
	if v := in.fitted; v != nil {
		if len(v) != 4 {
			return errors.New("a judgement that is none")
		}
		f.fitted = &linear.RegressionMetrics{Weight: v[0], Mean: v[1], M2: v[2], Squared: v[3], Absolute: math.NaN()}
	}
	if len(in.judged) == 0 {
		return nil
	}
	if n := in.classes.Len(); n*n > len(in.judged)/8 { // as many as there are in the confusion
		return fmt.Errorf("%d classes in predictions of %d bytes", n, len(in.judged))
	}
	f.progressive = sgd.NewProgressive(in.task, in.classes.Len())
	return f.progressive.UnmarshalBinary(in.judged)
}

// resume goes on with the stage that was saved.
func (f *Fit) resume(in *inner) error {
	at := slices.IndexFunc(stages, func(s stage) bool { return s.name() == in.stage })
	if at < 0 {
		return unreadable(fmt.Errorf("stage %q", in.stage))
	}
	f.stage = stages[at]
	var err error
	if f.learner, err = f.stage.empty(f, len(in.learner)); err != nil {
		return err
	}
	if f.stage.surveyed() && f.survey == nil {
		return unreadable(errors.New("the survey is missing"))
	}
	if err := json.Unmarshal(in.learner, f.learner); err != nil {
		return unreadable(errors.New(fault.JSON(in.learner, err)))
	}
	return nil
}

// Kind is that of the states of a [Fit], among those of other learners.
const Kind = ""

// Kind is that of the state.
func (f *Fit) Kind() string { return Kind }

// MarshalBinary is EncodeFit.
func (f *Fit) MarshalBinary() ([]byte, error) { return EncodeFit(f) }
