package linear

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Inference is what the rows say of how sure the coefficients are, which have been learned without a penalty or with
// l2.
type Inference struct {
	// Kind is wald, by the expected information, or robust, by the sandwich that holds where the variance is another than
	// the loss says (HC0; White, Econometrica 48, 1980).
	Kind InferenceKind `json:"kind"`
	// Distribution is that of the statistics: t, with DFResidual degrees of freedom, or normal.
	Distribution string  `json:"distribution"`
	Level        float64 `json:"level"`       // of the intervals
	Weight       float64 `json:"rows"`        // Σw: a row of weight 2 counts as two
	DF           float64 `json:"df_model"`    // parameters, with l2 as many as they are worth
	DFResidual   float64 `json:"df_residual"` // rows less those
	Dispersion   float64 `json:"dispersion"`  // 1 of poisson and log_loss, else the mean of Pearson's residuals squared
	// LogLikelihood, AIC and BIC are nil of a tweedie whose density has no closed form.
	LogLikelihood *float64 `json:"log_likelihood,omitempty"`
	AIC           *float64 `json:"aic,omitempty"`
	BIC           *float64 `json:"bic,omitempty"`
	// Coef has one for each coefficient, and Intercept that of the intercept; null where there is none, or where the rows
	// do not tell: of Collinear columns.
	Coef      []*Estimate `json:"coef"`
	Intercept *Estimate   `json:"intercept"`
	// Collinear are the columns of which some are sums of others, or of the intercept; empty otherwise.
	Collinear []string `json:"collinear,omitempty"`
}

// InferenceKind: see Inference.
type InferenceKind string

// The kinds of inference.
const (
	Wald   InferenceKind = "wald"
	Robust InferenceKind = "robust"
)

// InferenceKinds lists them.
var InferenceKinds = []InferenceKind{Wald, Robust}

// Estimate says how sure a coefficient is.
type Estimate struct {
	StandardError float64 `json:"standard_error"`
	Statistic     float64 `json:"statistic"` // the coefficient divided by that
	P             float64 `json:"p_value"`   // of a statistic so far from 0, were the coefficient 0
	Lower         float64 `json:"lower"`     // of the interval
	Upper         float64 `json:"upper"`
}

// CanInfer says why there is no inference for the options, if so.
func (o *Options) CanInfer() error {
	switch {
	case o.Positive:
		return errors.New("inference: is not for positive, whose coefficients at 0 have no standard errors")
	case o.ClassWeight.IsSet():
		return errors.New("inference: is not for class_weight, whose weights say what a fault costs, and not how many rows " +
			"there are")
	case o.Penalty != L2 && o.Penalty != None && o.Penalty != "":
		return fmt.Errorf("inference: is for the penalty l2 or none, not %s", o.Penalty)
	case o.Task == Regression && o.Loss == SquaredError, o.Task == Classification &&
		o.Loss == LogLoss, slices.Contains(DevianceLosses, o.Loss):
		return nil
	}
	return fmt.Errorf("inference: is for squared_error, poisson, gamma and tweedie in regression, and log_loss of two "+
		"classes, "+
		"not for %s in %s", o.Loss, o.Task)
}

// Surest are the places of the coefficients that are the most standard errors from 0, so many at most, in their order.
func (i *Inference) Surest(most int) []int {
	var all []int
	for j, e := range i.Coef {
		if e != nil {
			all = append(all, j)
		}
	}
	slices.SortStableFunc(all, func(a, b int) int {
		return cmp.Compare(math.Abs(i.Coef[b].Statistic), math.Abs(i.Coef[a].Statistic))
	})
	all = all[:min(len(all), most)]
	slices.Sort(all)
	return all
}

func (m *Model) checkInference() error {
	i := m.Inference
	if i == nil {
		return nil
	}
	if !slices.Contains(InferenceKinds, i.Kind) || len(m.Coef) != 1 || len(i.Coef) != m.Features() {
		return errors.New("inference: must have one estimate for each coefficient")
	}
	return nil
}
