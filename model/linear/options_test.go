package linear_test

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/linear/sgd"
)

func TestValidate(t *testing.T) {
	for _, v := range []struct {
		o    linear.Options
		want []string
	}{
		{linear.Options{Task: linear.Regression}, nil},
		{linear.Options{Task: linear.Classification, Alpha: new(0.0), LearningRate: linear.Constant, L1Ratio: new(0.0),
			PowerT: new(0.0), Epsilon: new(0.0)}, nil},
		{linear.Options{Task: linear.OneClass, Alpha: new(0.0)}, nil},
		{linear.Options{Task: linear.Classification, LearningRate: linear.PA2,
			Classes: linear.Classes{Texts: []string{"a", "b"}}, ClassWeight: linear.ClassWeight{Of: map[string]float64{"b": 0}}},
			nil},
		{linear.Options{}, []string{"task: must be one of regression, classification, one_class"}},
		{linear.Options{Task: "clustering"},
			[]string{`task "clustering": must be one of regression, classification, one_class`}},
		{linear.Options{Task: linear.Regression, Loss: "hinges"},
			[]string{`loss "hinges": must be one of hinge, log_loss, modified_huber, squared_hinge, perceptron, squared_error, huber, epsilon_insensitive, squared_epsilon_insensitive, quantile, poisson, gamma, tweedie`}},
		{linear.Options{Task: linear.Regression, Loss: linear.Hinge},
			[]string{"loss hinge: regression takes one of squared_error, huber, epsilon_insensitive, " +
				"squared_epsilon_insensitive, quantile, poisson, gamma, tweedie"}},
		{linear.Options{Task: linear.OneClass, Loss: linear.LogLoss, Penalty: linear.L1, Nu: 1.5, EarlyStopping: true,
			Tol: new(1e-3)}, []string{
			"loss log_loss: one_class takes hinge only", "penalty l1: one_class takes l2 only",
			"nu 1.5: must be a number above 0, to 1", "early_stopping: one_class has no score"}},
		{linear.Options{Task: linear.Classification, Nu: 0.5}, []string{"nu 0.5: only one_class has it"}},
		{linear.Options{Task: linear.Classification, Alpha: new(0.0)},
			[]string{"alpha 0: learning_rate optimal divides by it"}},
		{linear.Options{Task: linear.Classification, Loss: linear.LogLoss, LearningRate: linear.PA1},
			[]string{"learning_rate pa1: needs the loss hinge in classification"}},
		{linear.Options{Task: linear.Regression, LearningRate: linear.PA2},
			[]string{"learning_rate pa2: needs the loss epsilon_insensitive in regression"}},
		{linear.Options{Task: linear.Classification, Penalty: "l3", Alpha: new(math.NaN()), L1Ratio: new(1.5),
			Epsilon: new(-1.0), Eta0: math.Inf(1), PowerT: new(-0.5),
			LearningRate: "fast", Average: -1, Tol: new(-1.0), NIterNoChange: -1, ValidationFraction: 1}, []string{
			`penalty "l3": must be one of l2, l1, elasticnet, none`, "alpha NaN: must be a number from 0 on",
			"l1_ratio 1.5: must be a number from 0 to 1",
			"epsilon -1: must be a number from 0 on", "eta0 +Inf: must be a number above 0",
			"power_t -0.5: must be a number from 0 on",
			`learning_rate "fast": must be one of constant, optimal, invscaling, adaptive, adagrad, newton, pa1, pa2`,
			"average -1: must be a number of rows from 0 on",
			"tol -1: must be a number from 0 on", "n_iter_no_change -1: must be at least 1",
			"validation_fraction 1: must be a number between 0 and 1"}},
		{linear.Options{Task: linear.Classification, EarlyStopping: true}, []string{"early_stopping: needs tol"}},
		{linear.Options{Task: linear.Regression,
			ClassWeight: linear.ClassWeight{Balanced: true, Of: map[string]float64{"b": -1, "a": math.NaN()}},
			Classes:     lineartest.Numbered(2)}, []string{
			"class_weight: only classification has classes", "class_weight: must be balanced or weights, not both",
			`class_weight of "a" NaN: must be a number from 0 on`, `class_weight of "a": no such class is declared`,
			`class_weight of "b" -1: must be a number from 0 on`, `class_weight of "b": no such class is declared`,
			"classes: only classification has them"}},
		{linear.Options{Task: linear.Classification, Classes: lineartest.Numbered(1)},
			[]string{"classes: there must be at least two"}},
		{linear.Options{Task: linear.Classification, Classes: linear.Classes{Numbers: []float64{1, 0}}},
			[]string{"classes: 1 stands before 0: must ascend"}},
		{linear.Options{Task: linear.Classification, Classes: linear.Classes{Numbers: []float64{0, math.NaN()}}},
			[]string{"classes: NaN is not a number"}},
		{linear.Options{Task: linear.Classification, Classes: linear.Classes{Texts: []string{"a", "a"}}},
			[]string{`classes: "a" stands before "a": must ascend`}},
		{linear.Options{Task: linear.Classification, Classes: linear.Classes{Texts: []string{"a"}, Numbers: []float64{1}}},
			[]string{"classes: must be numbers or texts, not both"}},
	} {
		before := fmt.Sprintf("%+v", v.o)
		err := v.o.Validate()
		got := []string(nil)
		if err != nil {
			got = strings.Split(err.Error(), "\n")
		}
		if !slices.Equal(got, v.want) {
			t.Errorf("%+v: got %q, want %q", v.o, got, v.want)
		}
		if after := fmt.Sprintf("%+v", v.o); after != before {
			t.Errorf("Validate has changed %s to %s", before, after)
		}
		if _, again := sgd.NewSGD(v.o, 1); (again == nil) != (err == nil) {
			t.Errorf("%+v: NewSGD says %v", v.o, again)
		}
	}
	if _, err := sgd.NewSGD(linear.Options{Task: linear.Regression}, 0); err == nil {
		t.Error("no features")
	}
}

// The defaults are scikit-learn's.
func TestDefaults(t *testing.T) {
	for _, v := range []struct {
		task linear.Task
		want string
	}{
		{linear.Regression, "squared_error l2 0.0001 0.15 0 0.1 true invscaling 0.01 0.25 0 5 0.1"},
		{linear.Classification, "hinge l2 0.0001 0.15 0 0.1 true optimal 0.01 0.5 0 5 0.1"},
		{linear.OneClass, "hinge l2 0.0001 0.15 0.5 0.1 true optimal 0.01 0.5 0 5 0.1"},
	} {
		o := linear.Options{Task: v.task}
		o.EnsureDefaults()
		got := strings.Join([]string{string(o.Loss), string(o.Penalty), num(*o.Alpha), num(*o.L1Ratio), num(o.Nu),
			num(*o.Epsilon), fmt.Sprint(*o.FitIntercept),
			string(o.LearningRate), num(o.Eta0), num(*o.PowerT), fmt.Sprint(o.Average), fmt.Sprint(o.NIterNoChange),
			num(o.ValidationFraction)}, " ")
		if got != v.want || o.Tol != nil {
			t.Errorf("%s: got %s, want %s", v.task, got, v.want)
		}
	}
}

func num(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
