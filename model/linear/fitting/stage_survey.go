package fitting

import (
	"fmt"
	"math"
	"strconv"

	"beamlearn/model/linear"
	"beamlearn/model/linear/interior"
	"beamlearn/model/linear/newton"
	"beamlearn/model/linear/screening"
	"beamlearn/model/linear/sgd"
	"beamlearn/model/linear/survey"
)

// surveyStage finds out about the rows what the others need to know before they begin.
type surveyStage struct{}

func (surveyStage) name() string { return "survey" }

func (surveyStage) begin(f *Fit) (linear.Learner, error) {
	s, err := survey.NewSurvey(f.options.Options.Task, f.features, f.options.Standardize)
	if err == nil && f.options.Folds > 0 {
		s.Stratify(f.options.Folds, f.options.Seed)
	}
	if err == nil && f.options.AutoAlphas {
		s.Measure()
	}
	if err == nil && f.options.WarmStart != nil {
		s.More()
	}
	if err == nil && f.starts() {
		s.Keep(sgd.StartRows(f.features), 0)
	}
	if err == nil && f.startsWide() {
		s.Keep(sgd.SurrogateRows, sgd.SurrogateEntries)
	}
	return s, err
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
	if n := s.Classes.Len(); o.Folds > 0 && n > 2 && (o.Scoring == "f1" || o.Scoring == "roc_auc") ||
		o.Folds > 0 && n == 2 && o.Scoring == "f1_macro" {
		return nil, fmt.Errorf("scoring %s: f1 and roc_auc are for two classes, f1_macro is for more: there are %d",
			o.Scoring, n)
	}
	if err := f.undefined(s); err != nil {
		return nil, err
	}
	f.chosen.Classes = s.Classes.Clone()
	if o.WarmStart != nil {
		f.chosen.Classes = o.WarmStart.Classes.Clone() // the rows may lack some, and SGD refuses others
	}
	if err := fewWeights(f.features, max(linear.NumVectors(f.chosen.Classes.Len()), 1)); err != nil {
		return nil, err
	}
	exact := o.exact(f.features)
	if err := f.chooseMultiClass(exact); err != nil {
		return nil, err
	}
	if o.AutoAlphas {
		f.takePath(surveyed(s, &f.chosen))
	}
	if exact && f.dual(f.chosen.MultiClass) {
		if f.rowsPasses() > 0 {
			return rowsStage{}, nil
		}
		return dualStage{}, nil
	}
	if exact {
		of, what := f.tooLarge()
		if of != "" && o.Options.OnlyExact() != nil {
			return nil, fmt.Errorf("%s: %s", of, what)
		}
		if of != "" && o.Solver == SolverExact {
			return nil, fmt.Errorf("%s: %s: take --solver=sgd", of, what)
		}
		if of != "" {
			f.warnings = append(f.warnings, what+": solver auto is sgd, whose model is near the optimum, and may be far from it")
			o.Solver, exact = SolverSGD, false
		}
	}
	if !exact && o.WarmStart == nil && f.bends() {
		f.chosen.LearningRate = linear.Newton
	} else if !exact && o.WarmStart == nil && (o.Options.LearningRate == "" || o.Options.LearningRate == linear.AdaGrad) {
		s.Auto(&f.chosen, o.Parts, f.epochs())
		if o.Average != nil {
			f.chosen.Average = *o.Average
		}
	}
	switch {
	case exact && f.screens() && o.Folds > 0:
		return screenedStage{}, nil
	case exact && f.screens():
		return screeningStage{}, nil
	case exact && o.Folds > 0 && o.corners():
		return cornersStage{}, nil
	case exact && o.Folds > 0:
		return crossStage{}, nil
	case o.Folds > 0:
		return gridStage{}, nil
	case exact && (o.corners() || f.manyColumns()):
		return interiorStage{}, nil
	case exact:
		return newtonStage{}, nil
	}
	return sgdStage{}, nil
}

// manyColumns reports whether huber has so many columns for its rows that Newton's method changes sides of its corners
// at each step.
func (f *Fit) manyColumns() bool {
	return !newton.Samples(f.features) && f.survey.Rows < 8*int64(f.features+1) && f.interiorHuber()
}

// interiorHuber reports whether the interior point takes the loss, which is huber.
func (f *Fit) interiorHuber() bool {
	e := linear.ExactOptions(&f.chosen)
	return e.Loss == linear.Huber && e.Task == linear.Regression && e.Penalty == linear.L2 && *e.Alpha > 0 &&
		*e.Epsilon > 0 && interior.Fits(f.features, 1)
}

// screens reports whether the fit is by a working set of columns.
func (f *Fit) screens() bool {
	return f.options.screens(f.features) && screening.Takes(&f.chosen, f.chosen.Classes.Len())
}

// tooLarge tells what for, and how, exact fits of so many columns and classes are too large; "" where they are not.
func (f *Fit) tooLarge() (of, what string) {
	o, classes := &f.options, f.chosen.Classes.Len()
	vectors := linear.NumVectors(max(classes, 1))
	what = fmt.Sprintf("exact fits of %d columns", f.features)
	if classes > 0 {
		what += fmt.Sprintf(" and %d classes", classes)
	}
	what += " are too large"
	switch fits := newton.Fits(f.chosen.MultiClass, f.features, vectors); {
	case f.screens():
	case o.corners() && !interior.Fits(f.features, vectors):
		return "loss", what + " for the loss " + string(o.Options.Loss)
	case !fits && !o.smooth():
		return "penalty", what + " for the penalty " + string(o.Options.Penalty)
	case !fits && o.Folds > 0 && !o.corners():
		return "folds", what + " to be cross-validated"
	case o.Solver == SolverAuto && float64(vectors)*float64(f.features) > maxWideWeights &&
		o.MultiClass != linear.Multinomial:
		return "solver", what
	}
	return "", ""
}

// chooseMultiClass decides how the classes, which are known now, are told apart.
func (f *Fit) chooseMultiClass(exact bool) error {
	o, classes := &f.options, f.chosen.Classes.Len()
	if !exact || classes <= 2 || f.chosen.Loss != linear.LogLoss || o.MultiClass == linear.OneVsRest {
		return nil
	}
	if !o.smooth() && !newton.Fits(linear.Multinomial, f.features, classes) {
		what := fmt.Sprintf("multinomial fits of %d columns and %d classes are too large for the penalty %s", f.features,
			classes, o.Options.Penalty)
		if o.MultiClass == linear.Multinomial {
			return fmt.Errorf("penalty: %s: take l2, or --multi_class=ovr", what)
		}
		f.warnings = append(f.warnings, what+
			": multi_class auto is ovr, one class against the rest, which is not the same optimum")
		return nil
	}
	if o.Folds > 0 && !f.dual(linear.Multinomial) && !newton.Fits(linear.Multinomial, f.features, classes) {
		what := fmt.Sprintf("multinomial fits of %d columns and %d classes are too large to be cross-validated", f.features,
			classes)
		if o.MultiClass == linear.Multinomial {
			return fmt.Errorf("folds: %s: take one alpha, or --multi_class=ovr", what)
		}
		f.warnings = append(f.warnings, what+
			": multi_class auto is ovr, one class against the rest, which is not the same optimum")
		return nil
	}
	f.chosen.MultiClass = linear.Multinomial
	return nil
}

func (surveyStage) surveyed() bool { return false }

func (surveyStage) mostPasses(*Fit) int { return math.MaxInt }

// undefined says that folds lack a class so that a fit or the score to choose by is not defined.
func (f *Fit) undefined(s *survey.Survey) error {
	for _, r := range s.Rare {
		label := strconv.Quote(s.Classes.Label(r.Class))
		switch {
		case r.Folds == 1 && r.Rows == 1:
			return fmt.Errorf("folds: class %s has one row, so that the fit without its fold would not know it: leave the "+
				"class out", label)
		case r.Folds == 1:
			return fmt.Errorf("folds: the %d rows of class %s are in one fold, as rows of one id share a fold, so that the "+
				"fit without it "+
				"would not know the class: leave the class out, or take another --seed", r.Rows, label)
		case s.Classes.Len() == 2 && (f.options.Scoring == "roc_auc" || f.options.Scoring == "f1"):
			return fmt.Errorf("folds: class %s has %d rows, in %d of %d folds, and %s needs it in every fold: take "+
				"--folds=%d, or another scoring",
				label, r.Rows, r.Folds, s.Folds.K, f.options.Scoring, max(r.Folds, 2))
		}
	}
	if f.options.Folds > 0 && s.Rows < int64(f.options.Folds) {
		return fmt.Errorf("folds: %d rows cannot be in %d folds: take --folds=%d", s.Rows, f.options.Folds, max(s.Rows, 2))
	}
	return nil
}
