package fitting

import (
	"fmt"
	"math"

	"beamlearn/model/linear"
	"beamlearn/model/linear/survey"
)

// surveyStage finds out about the rows what the others need to know before they begin.
type surveyStage struct{}

func (surveyStage) name() string { return "survey" }

func (surveyStage) begin(f *Fit) (linear.Learner, error) {
	return survey.NewSurvey(f.options.Options.Task, f.features, f.options.Standardize)
}

func (surveyStage) empty(f *Fit, bytes int) (linear.Learner, error) {
	return &survey.Survey{}, nil
}

func (surveyStage) pass(f *Fit, p *Pass) {
	p.Name = "looking at the rows"
	if p.Sample = f.samples(); p.Sample {
		p.Name = "looking at a sample of the rows"
	}
}

func (surveyStage) next(f *Fit, learner linear.Learner) (stage, error) {
	s := learner.(*survey.Survey)
	o := &f.options
	f.survey = s
	if n := s.Classes.Len(); o.Folds > 0 && n > 2 && (o.Scoring == "f1" || o.Scoring == "roc_auc") || o.Folds > 0 && n == 2 && o.Scoring == "f1_macro" {
		return nil, fmt.Errorf("scoring %s: f1 and roc_auc are for two classes, f1_macro is for more: there are %d", o.Scoring, n)
	}
	f.chosen.Classes = s.Classes.Clone()
	if o.WarmStart != nil {
		f.chosen.Classes = o.WarmStart.Classes.Clone() // the rows may lack some, and SGD refuses others
	}
	exact := o.exact(f.features)
	if (!exact || o.Folds > 0) && o.WarmStart == nil && o.Options.LearningRate == "" {
		s.Auto(&f.chosen, o.Parts, f.epochs())
		if o.Average != nil {
			f.chosen.Average = *o.Average
		}
	}
	switch {
	case o.Folds > 0:
		return gridStage{}, nil
	case exact:
		return newtonStage{}, nil
	}
	return sgdStage{}, nil
}

func (surveyStage) surveyed() bool { return false }

func (surveyStage) mostPasses() int { return math.MaxInt }
