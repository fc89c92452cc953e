package sgd

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/pipelines/internal/cli"
)

// hyperparameters are the flags that scikit-learn's SGDRegressor and SGDClassifier have as parameters.
type hyperparameters struct {
	taskName, loss, multiClass, penalty, alpha, l1Ratio, rate, eta0, powerT, epsilon, power, quantile, exposure, offset,
	inference, average *string
	fitIntercept, positive, earlyStopping, standardize *bool
	classWeight, tol, validation, scoring              *string
	noChange, folds                                    *int
}

func newHyperparameters(g *cli.Group) *hyperparameters {
	return &hyperparameters{
		taskName: g.Choice("task", "", []string{string(model.Regression), string(model.Classification)},
			"the `TASK`: regression, or classification; needed"),
		loss: g.Choice("loss", "", cli.Texts(model.AllLosses()), "the `LOSS`: "+cli.Names(model.AllLosses())+
			" (default squared_error in regression, log_loss in classification, which has probabilities; SGDClassifier's is "+
			"hinge; poisson of counts, gamma of amounts and tweedie are generalised linear models, and quantile is of a "+
			"--quantile: by solver exact)"),
		multiClass: g.Choice("multi_class", string(fitting.MultiAuto), cli.Texts(fitting.MultiClasses),
			"how more than two classes are told apart, as `WAY`: multinomial (log_loss of the softmax of all, by solver "+
				"exact; LogisticRegression), ovr (each against the rest, as SGDClassifier), or auto: multinomial for log_loss "+
				"where the solver is exact"),
		penalty: g.Choice("penalty", "l2", cli.Texts(model.Penalties), "the `PENALTY`: "+cli.Names(model.Penalties)),
		alpha: g.String("alpha", "0.0001",
			"the `WEIGHT` of the penalty; several, with commas between, are compared by cross-validation: 1e-6,1e-5,1e-4; "+
				"--alpha=auto takes a path of values that follows from the rows"),
		l1Ratio: g.String("l1_ratio", "0.15",
			"the `SHARE` of l1 in elasticnet, from 0 to 1; several are compared; --l1_ratio=auto takes "+
				"0.1,0.5,0.7,0.9,0.95,0.99,1"),
		rate: g.Choice("learning_rate", "", cli.Texts(model.LearningRates),
			"the schedule of sgd's steps, as `RATE`: "+cli.Names(model.LearningRates)+
				" (default: newton, by the curvature of the loss, where the loss has one, the penalty is l2 or none, and "+
				"columns are few, "+
				"500 at most; else adagrad, with a size by the number of rows, and averaged; of sorted rows and with --power_t "+
				"invscaling, scaled by the rows' mean square norm)"),
		eta0: g.String("eta0", "",
			"the first `STEP` of constant, invscaling and adaptive, and the size of adagrad's; C of pa1 and pa2 (default: by "+
				"the rows without a --learning_rate and with adagrad, otherwise 0.01)"),
		powerT: g.String("power_t", "",
			"the `POWER` of invscaling (default 0.5; in regression with a --learning_rate 0.25)"),
		epsilon: g.String("epsilon", "0.1", "`WIDTH` of huber, epsilon_insensitive and squared_epsilon_insensitive"),
		exposure: g.String("exposure", "",
			"the `COLUMN` of how much there was of each row, as years or people, by its name, or where there are none by its "+
				"index in the vector: poisson, gamma and tweedie learn target/exposure, and predict exposure·exp(…)"),
		offset: g.String("offset", "", "the `COLUMN` of the logarithms of exposures"),
		inference: g.Choice("inference", "", cli.Texts(model.InferenceKinds),
			"standard errors, tests and 95 % intervals of the coefficients, AIC and BIC, in one more pass, as `KIND`: wald, "+
				"or robust (HC0); of squared_error, log_loss of two classes, poisson, gamma and tweedie, best with --penalty=none"),
		power: g.String("power", "",
			"the `POWER` of tweedie: the variance is in proportion to mean^power; 0 normal, 1 poisson, 2 gamma, 3 inverse "+
				"Gaussian, between 1 and 2 amounts many of which are 0 (default 1.5)"),
		quantile: g.String("quantile", "",
			"the `SHARE` of targets that are to be below the predictions of --loss=quantile (default 0.5, the median)"),
		average: g.String("average", "",
			"whether the model is the mean of sgd's weights after each row: true, false, or the number of the `ROW` from "+
				"which on (default: true by adagrad, else false; false with an l1 penalty)"),
		fitIntercept: g.Bool("fit_intercept", true, "whether there is an intercept: --fit_intercept=false"),
		positive: g.Bool("positive", false,
			"let no coefficient be negative, as of prices, doses and mixtures; of squared_error in regression, by solver "+
				"exact: --positive"),
		classWeight: g.String("class_weight", "", "weights of classes: balanced, or `LABEL=WEIGHT` with commas between"),
		standardize: g.Bool("standardize", false, "bring all columns to mean 0 and variance 1 first; the model carries it"),
		tol: g.String("tol", "",
			"stop sgd where n_iter_no_change epochs have not improved the objective by this `MUCH` (default: all --epochs)"),
		noChange: g.Int("n_iter_no_change", 5, "how many epochs without improvement --tol waits"),
		earlyStopping: g.Bool("early_stopping", false,
			"judge by rows that are not learned from instead of the objective; needs --tol"),
		validation: g.String("validation_fraction", "0.1", "the `SHARE` of those rows"),
		folds: g.Int("folds", 0,
			"cross-validate over so many folds, all in the same read; stratified: each has its share of every class; with an "+
				"--id_column rows of one id share a fold (default 5 where several alphas or l1_ratios are given, or auto)"),
		scoring: g.Choice("scoring", "", fitting.Scorings(), "what the cross-validation goes by, as `SCORE`: "+
			strings.Join(fitting.Scorings(), ", ")+
			" (default: r2, d2_tweedie_score of poisson, gamma and tweedie, neg_mean_pinball_loss of quantile, neg_log_loss "+
			"where there are probabilities, else accuracy)"),
	}
}

// compares reports whether models are compared by cross-validation.
func (h *hyperparameters) compares() bool {
	return *h.folds > 0 || strings.Contains(*h.alpha, ",") || strings.Contains(*h.l1Ratio, ",") || *h.alpha == "auto" ||
		*h.l1Ratio == "auto"
}

// idle says which flags are given and would do nothing beside the others.
func (c *command) idle(o *fitting.FitOptions) error {
	if c.warm.String() != "" {
		return nil // the model's own options are those of the others
	}
	tube := []model.Loss{model.Huber, model.EpsilonInsensitive, model.SquaredEpsilonInsensitive}
	var errs []error
	for _, f := range []struct {
		flag, of string
		does     bool
	}{
		{"l1_ratio", "--penalty=elasticnet", o.Options.Penalty == model.ElasticNet},
		{"epsilon", "--loss=huber and of epsilon-insensitive losses", slices.Contains(tube, o.Options.Loss)},
		{"multi_class", "--task=classification", o.Options.Task == model.Classification || *c.hyper.multiClass == "auto"},
		{"validation_fraction", "--early_stopping", o.Options.EarlyStopping},
		{"n_iter_no_change", "--tol", o.Options.Tol != nil},
		{"scoring", "a cross-validation: --folds, or several values of --alpha", c.hyper.compares()},
		{"cv_results", "a cross-validation: --folds, or several values of --alpha", c.hyper.compares()},
	} {
		if c.Given(f.flag) && !f.does {
			errs = append(errs, fmt.Errorf("--%s: is of %s", f.flag, f.of))
		}
	}
	return errors.Join(errs...)
}

// unlike says which flags are given and are not as the model of warm_start has them, which goes on with its own.
func (c *command) unlike(o *fitting.FitOptions, m *model.Model) error {
	have := m.Options
	have.Task = m.Task
	have.EnsureDefaults()
	want := o.Options
	if o.Average != nil {
		want.Average = *o.Average
	}
	if want.L1Ratio = &o.L1Ratios[0]; len(o.Alphas) > 0 {
		want.Alpha = &o.Alphas[0]
	}
	var errs []error
	for _, f := range []struct {
		flag       string
		have, want any
	}{
		{"loss", m.Loss, want.Loss}, {"penalty", have.Penalty, want.Penalty}, {"alpha", have.Alpha, want.Alpha},
		{"l1_ratio", have.L1Ratio, want.L1Ratio},
		{"learning_rate", have.LearningRate, want.LearningRate}, {"eta0", have.Eta0, want.Eta0},
		{"power_t", have.PowerT, want.PowerT},
		{"epsilon", have.Epsilon, want.Epsilon}, {"power", have.Power, want.Power},
		{"quantile", have.Quantile, want.Quantile}, {"average", have.Average, want.Average},
		{"fit_intercept", have.FitIntercept, want.FitIntercept},
		{"class_weight", have.ClassWeight, want.ClassWeight}, {"tol", have.Tol, want.Tol},
		{"n_iter_no_change", have.NIterNoChange, want.NIterNoChange},
		{"early_stopping", have.EarlyStopping, want.EarlyStopping},
		{"validation_fraction", have.ValidationFraction, want.ValidationFraction},
	} {
		if c.Given(f.flag) && !reflect.DeepEqual(f.have, f.want) {
			text, err := json.Marshal(f.have)
			errs = append(errs, err, fmt.Errorf("--%s: the model of warm_start goes on with its own, %s", f.flag, text))
		}
	}
	return errors.Join(errs...)
}

func (h *hyperparameters) task() (model.Task, error) {
	switch t := model.Task(*h.taskName); t {
	case model.Regression, model.Classification:
		return t, nil
	case "":
		return t, errors.New("--task is needed: regression or classification")
	default:
		return t, fmt.Errorf("--task=%s: must be regression or classification", t)
	}
}

// options are those of the flags, with every fault of theirs.
func (h *hyperparameters) options(task model.Task) (fitting.FitOptions, error) {
	var errs []error
	number := func(name, value string) *float64 {
		if value == "" {
			return nil
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s=%s: must be a number", name, value))
		}
		return &v
	}
	numbers := func(name, value string) []float64 {
		var all []float64
		for _, s := range cli.List(value) {
			if v := number(name, s); v != nil {
				all = append(all, *v)
			}
		}
		if len(all) == 0 {
			errs = append(errs, fmt.Errorf("--%s: must be a number, or several with commas between, or auto", name))
		}
		return all
	}
	o := fitting.FitOptions{
		Options: model.Options{
			Task: task, Loss: model.Loss(*h.loss), Penalty: model.Penalty(*h.penalty),
			LearningRate: model.LearningRate(*h.rate), PowerT: number("power_t", *h.powerT),
			Epsilon: number("epsilon", *h.epsilon), Power: number("power", *h.power),
			Quantile:     number("quantile", *h.quantile),
			Positive:     *h.positive,
			FitIntercept: h.fitIntercept, Tol: number("tol", *h.tol), NIterNoChange: *h.noChange,
			EarlyStopping: *h.earlyStopping,
		},
		MultiClass:  model.MultiClass(*h.multiClass),
		Inference:   model.InferenceKind(*h.inference),
		Standardize: *h.standardize,
		Folds:       *h.folds, Scoring: *h.scoring,
	}
	switch {
	case *h.exposure != "" && *h.offset != "":
		errs = append(errs, errors.New("--exposure and --offset: are the same but for the logarithm: give one"))
	case *h.exposure != "":
		o.Options.Exposure = &model.Exposure{Column: *h.exposure}
	case *h.offset != "":
		o.Options.Exposure = &model.Exposure{Column: *h.offset, Log: true}
	}
	if o.AutoAlphas = *h.alpha == "auto"; !o.AutoAlphas {
		o.Alphas = numbers("alpha", *h.alpha)
	}
	if o.L1Ratios = fitting.AutoL1Ratios(); *h.l1Ratio != "auto" {
		o.L1Ratios = numbers("l1_ratio", *h.l1Ratio)
	}
	if v := number("validation_fraction", *h.validation); v != nil {
		o.Options.ValidationFraction = *v
	}
	if v := number("eta0", *h.eta0); v != nil {
		o.Options.Eta0 = *v
		if *v <= 0 {
			errs = append(errs, fmt.Errorf("--eta0=%s: must be a number above 0", *h.eta0))
		}
	}
	var err error
	if o.Average, err = h.averaged(); err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, h.weighClasses(&o.Options.ClassWeight))
	return o, errors.Join(errs...)
}

// averaged is --average: from which row on weights are averaged, if at all.
func (h *hyperparameters) averaged() (*model.Average, error) {
	switch v := *h.average; v {
	case "":
		return nil, nil
	case "true":
		return new(model.Average(1)), nil
	case "false":
		return new(model.Average(0)), nil
	default:
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			err = fmt.Errorf("--average=%s: must be true, false or the number of a row", v)
		}
		return new(model.Average(n)), err
	}
}

// weighClasses sets the weights of --class_weight.
func (h *hyperparameters) weighClasses(w *model.ClassWeight) error {
	switch *h.classWeight {
	case "":
		return nil
	case "balanced":
		w.Balanced = true
		return nil
	}
	var errs []error
	w.Of = map[string]float64{}
	for _, pair := range cli.List(*h.classWeight) {
		i := strings.LastIndexByte(pair, '=')
		weight, err := strconv.ParseFloat(pair[i+1:], 64)
		if i < 1 || err != nil {
			errs = append(errs, fmt.Errorf("--class_weight: %s: must be LABEL=WEIGHT", pair))
			continue
		}
		if _, twice := w.Of[pair[:i]]; twice {
			errs = append(errs, fmt.Errorf("--class_weight: %s twice", pair[:i]))
		}
		w.Of[pair[:i]] = weight
	}
	return errors.Join(errs...)
}
