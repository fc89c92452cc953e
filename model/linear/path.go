package linear

import (
	"cmp"
	"math"
	"slices"
)

// CVPath is the regularisation path: how coefficients change with the hyperparameters.
type CVPath struct {
	// Features are the places of those with the largest coefficients in any combination, the largest first.
	Features []int
	// Coef has, for each combination, the coefficients of these features, learned from all rows, or the means over the folds;
	// of more than two classes, the norm over the classes. NaN where the weights overflowed.
	Coef [][]float64
}

// PathFeatures is how many features a path has at most.
const PathFeatures = 10

// newPath makes the path of so many combinations. coef gives the coefficients of one, rows × features, or nil.
func newPath(combinations int, coef func(c int) [][]float64) *CVPath {
	all := make([][]float64, combinations)
	var most []float64
	for c := range all {
		rows := coef(c)
		if rows == nil {
			continue
		}
		if all[c] = rows[0]; len(rows) > 1 {
			all[c] = make([]float64, len(rows[0]))
			for _, r := range rows {
				for j, v := range r {
					all[c][j] = math.Hypot(all[c][j], v)
				}
			}
		}
		if most == nil {
			most = make([]float64, len(all[c]))
		}
		for j, v := range all[c] {
			most[j] = max(most[j], math.Abs(v))
		}
	}
	p := &CVPath{Features: make([]int, len(most))}
	for j := range p.Features {
		p.Features[j] = j
	}
	slices.SortStableFunc(p.Features, func(a, b int) int { return cmp.Compare(most[b], most[a]) })
	p.Features = slices.Clone(p.Features[:min(len(most), PathFeatures)])
	for _, w := range all {
		some := make([]float64, len(p.Features))
		for i, j := range p.Features {
			if some[i] = math.NaN(); w != nil {
				some[i] = w[j]
			}
		}
		p.Coef = append(p.Coef, some)
	}
	return p
}

// path is that of the models of all rows or, without Refit, the means of those of the folds.
func (g *Grid) path() *CVPath {
	return newPath(len(g.combos), func(c int) [][]float64 {
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

// path is that of the exact solutions for all rows, in the order of [FoldGram.CrossValidate].
func (g *Gram) path(o *Options, standardize bool, alphas, l1Ratios []float64) (*CVPath, error) {
	e := exactOptions(o)
	if len(l1Ratios) == 0 {
		l1Ratios = []float64{*e.L1Ratio}
	}
	var all []*Solution
	for _, ratio := range l1Ratios {
		e.L1Ratio = new(ratio)
		path, err := g.Path(&e, standardize, alphas)
		if err != nil {
			return nil, err
		}
		all = append(all, path...)
	}
	return newPath(len(all), func(c int) [][]float64 { return [][]float64{all[c].Coef} }), nil
}
