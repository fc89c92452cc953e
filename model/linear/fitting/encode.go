package fitting

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/jsontext"
	"beamlearn/model/linear/sgd"
	"beamlearn/model/linear/survey"
)

// fitFile is a Fit in JSON.
type fitFile struct {
	Task        linear.Task       `json:"task"`
	Options     linear.Options    `json:"options"`
	Average     *linear.Average   `json:"average"`
	Solver      Solver            `json:"solver"`
	MultiClass  linear.MultiClass `json:"multi_class,omitempty"`
	Wide        bool              `json:"wide,omitempty"`
	Standardize bool              `json:"standardize"`
	Parts       int               `json:"parts"`
	Progressive bool              `json:"progressive"`
	Epochs      int               `json:"epochs"`
	BatchSize   int               `json:"batch_size"`
	Alphas      jsontext.Floats   `json:"alphas"`
	AutoAlphas  bool              `json:"auto_alphas,omitempty"`
	L1Ratios    jsontext.Floats   `json:"l1_ratios"`
	Folds       int               `json:"folds"`
	Scoring     string            `json:"scoring"`
	Seed        uint64            `json:"seed"`
	Shuffle     bool              `json:"shuffle"`
	WarmStart   json.RawMessage   `json:"warm_start"`
	Sample      bool              `json:"sample"`
	Full        bool              `json:"full"`

	Features int                `json:"features"`
	Names    []string           `json:"feature_names"`
	Passes   int                `json:"passes"`
	Stage    string             `json:"stage"`
	Learner  json.RawMessage    `json:"learner"`
	Survey   *survey.Survey     `json:"survey"`
	Chosen   linear.Options     `json:"chosen"`
	Classes  linear.Classes     `json:"classes"`
	CV       *cvFile            `json:"cv"`
	Fitted   jsontext.BitFloats `json:"fitted,omitempty"`
	Warnings []string           `json:"warnings,omitempty"`
	Judged   []byte             `json:"judged"`          // as Progressive.MarshalBinary writes it
	Model    json.RawMessage    `json:"model,omitempty"` // the last, which EncodeFit adds: to have it scanned again would take long
}

// cvFile is a CVResult, bit by bit.
type cvFile struct {
	Params      []linear.CVParams  `json:"params"`
	Metrics     []cvScores         `json:"metrics"`
	Progressive jsontext.BitFloats `json:"progressive_loss"`
	Curve       []curvePoint       `json:"curve"`
	Path        *pathFile          `json:"path,omitempty"`
}

// result is the same, checked.
func (c *cvFile) result(features int) (*linear.CVResult, error) {
	if c == nil {
		return nil, nil
	}
	r := &linear.CVResult{Params: c.Params, ProgressiveLoss: c.Progressive}
	for _, m := range c.Metrics {
		s := linear.CVMetric{Name: m.Name, Constant: m.Constant}
		for _, split := range m.Splits {
			if len(split) != len(c.Params) {
				return nil, fmt.Errorf("no state of a fit: %d scores of %d combinations", len(split), len(c.Params))
			}
			s.Splits = append(s.Splits, split)
		}
		r.Metrics = append(r.Metrics, s)
	}
	for _, p := range c.Curve {
		r.LearningCurve = append(r.LearningCurve, linear.CVPoint{Rows: p.Rows, Loss: p.Loss})
	}
	var err error
	r.Path, err = c.Path.path(len(c.Params), features)
	return r, err
}

type pathFile struct {
	Features []int                `json:"features"`
	Coef     []jsontext.BitFloats `json:"coef"`
}

// path is the same, checked.
func (p *pathFile) path(combinations, features int) (*linear.CVPath, error) {
	if p == nil {
		return nil, nil
	}
	c := &linear.CVPath{Features: p.Features}
	for _, w := range p.Coef {
		if len(w) != len(p.Features) {
			return nil, fmt.Errorf("no state of a fit: %d coefficients of %d features", len(w), len(p.Features))
		}
		c.Coef = append(c.Coef, w)
	}
	if len(c.Coef) != combinations || slices.ContainsFunc(p.Features, func(j int) bool { return j < 0 || j >= features }) {
		return nil, errors.New("no state of a fit: a path of other features or combinations")
	}
	return c, nil
}

type cvScores struct {
	Name     string               `json:"name"`
	Splits   []jsontext.BitFloats `json:"splits"`
	Constant jsontext.BitFloats   `json:"constant,omitempty"`
}

type curvePoint struct {
	Rows uint64             `json:"rows"`
	Loss jsontext.BitFloats `json:"loss"`
}

// EncodeFit writes a fit as it stands, bit by bit: between passes it crosses the wire, and is the checkpoint.
func EncodeFit(f *Fit) ([]byte, error) {
	o := &f.options
	file := fitFile{
		Task: o.Options.Task, Options: o.Options, Average: o.Average, Solver: o.Solver, MultiClass: o.MultiClass, Wide: o.Wide, Standardize: o.Standardize, Epochs: o.Epochs, Parts: o.Parts, Progressive: o.Progressive,
		BatchSize: o.BatchSize, Alphas: o.Alphas, AutoAlphas: o.AutoAlphas, L1Ratios: o.L1Ratios, Folds: o.Folds, Scoring: o.Scoring, Seed: o.Seed, Shuffle: o.Shuffle,
		Sample: o.Sample, Full: f.full, Features: f.features, Names: f.names, Passes: f.passes, Stage: stageName(f.stage), Survey: f.survey, Chosen: f.chosen, Classes: f.chosen.Classes,
	}
	var err error
	model := func(m *linear.Model) json.RawMessage {
		var b bytes.Buffer
		if m == nil {
			return nil
		}
		if e := m.Save(&b); e != nil {
			err = errors.Join(err, e)
		}
		return b.Bytes()
	}
	file.WarmStart = model(o.WarmStart)
	final := model(f.model)
	if f.learner != nil {
		b, e := json.Marshal(f.learner)
		file.Learner, err = b, errors.Join(err, e)
	}
	if r := f.cv; r != nil {
		file.CV = &cvFile{Params: r.Params, Progressive: r.ProgressiveLoss}
		for _, m := range r.Metrics {
			s := cvScores{Name: m.Name, Constant: m.Constant}
			for _, split := range m.Splits {
				s.Splits = append(s.Splits, split)
			}
			file.CV.Metrics = append(file.CV.Metrics, s)
		}
		for _, p := range r.LearningCurve {
			file.CV.Curve = append(file.CV.Curve, curvePoint{p.Rows, p.Loss})
		}
		if r.Path != nil {
			file.CV.Path = &pathFile{Features: r.Path.Features}
			for _, w := range r.Path.Coef {
				file.CV.Path.Coef = append(file.CV.Path.Coef, w)
			}
		}
	}
	file.Warnings = f.warnings
	if m := f.fitted; m != nil {
		file.Fitted = jsontext.BitFloats{m.Weight, m.Mean, m.M2, m.Squared}
	}
	if f.progressive != nil {
		b, e := f.progressive.MarshalBinary()
		file.Judged, err = b, errors.Join(err, e)
	}
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(file)
	if err != nil {
		return nil, err
	}
	if final == nil {
		final = json.RawMessage("null")
	}
	return slices.Concat(b[:len(b)-1], []byte(`,"model":`), final, []byte("}")), nil
}

// DecodeFit reads what EncodeFit writes. It takes memory in proportion to the text.
func DecodeFit(b []byte) (*Fit, error) {
	var file fitFile
	if err := jsontext.Unmarshal(b, &file); err != nil {
		return nil, fmt.Errorf("no state of a fit: %s", jsontext.Explain(err))
	}
	file.Options.Task, file.Chosen.Task, file.Chosen.Classes = file.Task, file.Task, file.Classes
	if err := file.Classes.Check(); err != nil {
		return nil, fmt.Errorf("no state of a fit: %w", err)
	}
	load := func(b json.RawMessage) (*linear.Model, error) {
		if len(b) == 0 || string(b) == "null" {
			return nil, nil
		}
		return linear.Load("state", bytes.NewReader(b))
	}
	warm, err := load(file.WarmStart)
	if err != nil {
		return nil, err
	}
	o := FitOptions{
		Options: file.Options, Average: file.Average, Solver: file.Solver, MultiClass: file.MultiClass, Wide: file.Wide, Standardize: file.Standardize, Epochs: file.Epochs, Parts: file.Parts, Progressive: file.Progressive,
		BatchSize: file.BatchSize, Alphas: file.Alphas, AutoAlphas: file.AutoAlphas, L1Ratios: file.L1Ratios, Folds: file.Folds, Scoring: file.Scoring, Seed: file.Seed,
		Shuffle: file.Shuffle, WarmStart: warm, Sample: file.Sample,
	}
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("no state of a fit: %s", jsontext.Explain(err))
	}
	o.EnsureDefaults()
	f := &Fit{
		options: o, features: file.Features, names: file.Names, passes: file.Passes, full: file.Full, survey: file.Survey, chosen: file.Chosen,
	}
	if f.model, err = load(file.Model); err != nil {
		return nil, err
	}
	if f.cv, err = file.CV.result(file.Features); err != nil {
		return nil, err
	}
	f.warnings = file.Warnings
	if v := file.Fitted; v != nil {
		if len(v) != 4 {
			return nil, errors.New("no state of a fit: a judgement that is none")
		}
		f.fitted = &linear.RegressionMetrics{Weight: v[0], Mean: v[1], M2: v[2], Squared: v[3], Absolute: math.NaN()}
	}
	if len(file.Judged) > 0 {
		if n := file.Classes.Len(); n*n > len(file.Judged)/8 { // as many as there are in the confusion
			return nil, fmt.Errorf("no state of a fit: %d classes in predictions of %d bytes", n, len(file.Judged))
		}
		f.progressive = sgd.NewProgressive(file.Task, file.Classes.Len())
		if err := f.progressive.UnmarshalBinary(file.Judged); err != nil {
			return nil, fmt.Errorf("no state of a fit: %w", err)
		}
	}
	if f.features < 1 || f.passes < 0 || (file.Stage == done) != (f.model != nil) {
		return nil, errors.New("no state of a fit: it contradicts itself")
	}
	if file.Stage == done {
		return f, nil
	}
	at := slices.IndexFunc(stages, func(s stage) bool { return s.name() == file.Stage })
	if at < 0 {
		return nil, fmt.Errorf("no state of a fit: stage %q", file.Stage)
	}
	f.stage = stages[at]
	if f.learner, err = f.stage.empty(f, len(file.Learner)); err != nil {
		return nil, err
	}
	if f.stage.surveyed() && f.survey == nil {
		return nil, errors.New("no state of a fit: the survey is missing")
	}
	if err := json.Unmarshal(file.Learner, f.learner); err != nil {
		return nil, fmt.Errorf("no state of a fit: %s", jsontext.Explain(err))
	}
	return f, nil
}
