package grid

import (
	"errors"
	"math"

	"beamlearn/model/linear"
)

// Result is the scores of the last epoch, and the learning curve of all: see [Grid]. In regression they are r2,
// neg_mean_squared_error and neg_mean_absolute_error, and before them, of a loss that is a deviance, that and its D²,
// and of quantile neg_mean_pinball_loss; in classification accuracy, f1 (of two classes) or f1_macro,
// neg_log_loss (of LogLoss and ModifiedHuber), and roc_auc (of two classes), never farther off than AUCErrors says:
// next to nothing, unless all scores of a model are within a few percent of each other and rows are not standardised.
// The first is that to choose by: see [CVResult.Choose]. The progressive loss is of the
// models of all rows or, without Refit, of those of the last fold; the learning curve is of the models of all folds;
// of several classes, both are sums of the losses of each against the rest. It fails without folds, and before the
// first epoch is over.
func (g *Grid) Result() (*linear.CVResult, error) {
	s := &g.shape
	if s.folds == 0 || g.epoch == 0 {
		return nil, errors.New("cross-validation: needs folds, and an epoch over the rows")
	}
	r := &linear.CVResult{}
	for i := range g.combos {
		p := linear.CVParams{Alpha: *g.combos[i].Alpha}
		if g.options.Options.Penalty == linear.ElasticNet {
			p.L1Ratio = new(*g.combos[i].L1Ratio)
		}
		r.Params = append(r.Params, p)
	}
	finite := make([]bool, s.folds*s.combos)
	for m := range finite {
		finite[m] = g.finite(m/s.combos, m%s.combos)
	}
	metric := func(name string, score func(fold, model int) float64) {
		m := linear.CVMetric{Name: name}
		for fold := range s.folds {
			split := make([]float64, s.combos)
			for c := range split {
				split[c] = math.NaN()
				if model := fold*s.combos + c; finite[model] && g.sums.foldWeight[fold] > 0 {
					if v := score(fold, model); v-v == 0 {
						split[c] = v
					}
				}
			}
			m.Splits = append(m.Splits, split)
		}
		r.Metrics = append(r.Metrics, m)
	}
	if s.classes == 0 {
		g.scoreNumbers(metric)
		r.ConstantMeans(g.sums.targets, g.sums.targetBins, &g.options.Options)
	} else {
		g.scoreClasses(metric)
		r.ConstantClasses(g.classWeights())
	}
	if g.judging {
		return r, nil
	}
	r.ProgressiveLoss = divided(g.sums.progressive, g.sums.progressiveWeight)
	for b, p := range g.sums.curve.points {
		if p != nil {
			rows := uint64(math.MaxUint64)
			if b < 64 {
				rows = 1 << b
			}
			r.LearningCurve = append(r.LearningCurve, linear.CVPoint{Rows: rows, Loss: divided(p.loss, p.weight)})
		}
	}
	return r, nil
}

// scoreNumbers gives the metrics of a regression, each a score for a fold and a model.
func (g *Grid) scoreNumbers(metric func(name string, score func(fold, model int) float64)) {
	sums := g.sums
	if of, ok := g.options.Options.Deviance(); ok {
		metric(linear.D2Score, func(fold, model int) float64 {
			m := sums.targets[fold]
			m.Deviance = sums.deviance[model]
			return m.D2(of)
		})
		metric(linear.DevianceScore(g.options.Options.Loss), func(fold, model int) float64 {
			return -sums.deviance[model] / sums.foldWeight[fold]
		})
	}
	if g.shape.quantile {
		metric(linear.PinballScore, func(fold, model int) float64 { return -sums.pinball[model] / sums.foldWeight[fold] })
	}
	metric("r2", func(fold, model int) float64 {
		m := sums.targets[fold]
		m.Squared = sums.squared[model]
		if m.Squared-m.Squared != 0 {
			return m.Squared
		}
		return m.R2()
	})
	metric("neg_mean_squared_error", func(fold, model int) float64 { return -sums.squared[model] / sums.foldWeight[fold] })
	metric("neg_mean_absolute_error",
		func(fold, model int) float64 { return -sums.absolute[model] / sums.foldWeight[fold] })
}

// scoreClasses gives the metrics of a classification.
func (g *Grid) scoreClasses(metric func(name string, score func(fold, model int) float64)) {
	s, sums := &g.shape, g.sums
	judged := func(model int) *linear.ClassificationMetrics {
		m := linear.NewClassificationMetrics(s.classes)
		for i := range m.Confusion {
			copy(m.Confusion[i], sums.confusion[(model*s.classes+i)*s.classes:])
		}
		return m
	}
	metric("accuracy", func(_, model int) float64 { return judged(model).Accuracy() })
	if s.classes == 2 {
		metric("f1", func(_, model int) float64 { return judged(model).F1(1) })
	} else {
		metric("f1_macro", func(_, model int) float64 { return judged(model).MacroF1() })
	}
	if g.proba() {
		metric("neg_log_loss", func(fold, model int) float64 { return -sums.logLoss[model] / sums.foldWeight[fold] })
	}
	if s.classes == 2 {
		metric("roc_auc", func(_, model int) float64 {
			auc, _ := binnedAUC(sums.bins[model])
			return auc
		})
	}
}

// divided is x/n, with NaN for what is not finite.
func divided(x []float64, n float64) []float64 {
	d := make([]float64, len(x))
	for i, v := range x {
		if d[i] = v / n; d[i]-d[i] != 0 {
			d[i] = math.NaN()
		}
	}
	return d
}

// AUCErrors bounds the error of every roc_auc of Result, in its order: half the share of pairs of rows whose scores are
// within 3 % of each other, or of what they differ from the intercept by. They are nil unless there are two classes.
func (g *Grid) AUCErrors() [][]float64 {
	if g.sums.bins == nil {
		return nil
	}
	var all [][]float64
	for fold := range g.shape.folds {
		split := make([]float64, g.shape.combos)
		for c := range split {
			_, split[c] = binnedAUC(g.sums.bins[fold*g.shape.combos+c])
		}
		all = append(all, split)
	}
	return all
}

// Path is that of the models of all rows or, without Refit, the means of those of the folds, where the combination at
// this place was chosen.
func (g *Grid) Path(chosen int) *linear.CVPath {
	return linear.NewPath(len(g.combos), chosen, func(c int) [][]float64 {
		if g.options.Refit {
			m, err := g.Model(-1, c)
			if err != nil {
				return nil // it overflowed
			}
			return m.Coef
		}
		var sum [][]float64
		for fold := range g.shape.folds {
			m, err := g.Model(fold, c)
			if err != nil {
				return nil
			}
			if sum == nil {
				sum = m.Coef
				continue
			}
			for k, w := range m.Coef {
				for j, v := range w {
					sum[k][j] += v
				}
			}
		}
		for _, w := range sum {
			for j := range w {
				w[j] /= float64(g.shape.folds)
			}
		}
		return sum
	})
}

// classWeights are those of the rows of each class, by fold.
func (g *Grid) classWeights() [][]float64 {
	s := &g.shape
	all := make([][]float64, s.folds)
	for fold := range all {
		all[fold] = make([]float64, s.classes)
		for class := range all[fold] {
			model := fold * s.combos
			for _, w := range g.sums.confusion[(model*s.classes+class)*s.classes:][:s.classes] {
				all[fold][class] += w
			}
		}
	}
	return all
}
