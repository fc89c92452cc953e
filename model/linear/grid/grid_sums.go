package grid

import (
	"fmt"
	"math"

	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/lanes"
)

// gridSums is what a part of a grid's pass sums up.
type gridSums struct {
	seen int64   // rows
	rows []int64 // learned from, by set
	// longest is the most rows that one of the parts has learned from, by set.
	longest []int64

	// The weights: w[j·padded+i] for column j and lane i, and their means where they are averaged.
	w, mean                  []float64
	intercept, meanIntercept []float64
	*adaptive                // nil but by AdaGrad

	// Losses of rows before the last set has learned from them, by combination.
	progressive       []float64
	progressiveWeight float64

	// Of the rows of a fold, by its models: model m is that of combination m%combos and fold m/combos.
	foldWeight        []float64
	targets           []linear.RegressionMetrics // by fold, of the targets alone
	targetBins        []linear.TargetBins        // by fold
	squared, absolute []float64
	deviance          []float64   // nil but of a loss that is one
	pinball           []float64   // nil but of quantile
	confusion         []float64   // of model m, row by row, from m·classes² on
	logLoss           []float64   // the sum
	bins              [][]float64 // of two classes: scores of class 0, then of class 1, by scoreBin; nil without rows
	curve             gridCurve
}

// gridCurve has at place b the losses of the rows of folds that came when the number of rows before had b bits.
type gridCurve struct{ points [65]*curveSums }

type curveSums struct {
	weight float64
	loss   []float64 // by combination
}

// at is a place of the curve.
func (c *gridCurve) at(bits, combos int) *curveSums {
	if c.points[bits] == nil {
		c.points[bits] = &curveSums{loss: make([]float64, combos)}
	}
	return c.points[bits]
}

func (c *gridCurve) add(o *gridCurve) {
	for i, p := range o.points {
		if p != nil {
			at := c.at(i, len(p.loss))
			at.weight += p.weight
			addTo(at.loss, p.loss)
		}
	}
}

func addTo(sum, x []float64) {
	for i, v := range x {
		sum[i] += v
	}
}

func newGridSums(s *gridShape) *gridSums {
	g := &gridSums{
		rows: make([]int64, s.sets), longest: make([]int64, s.sets), w: lanes.Make(s.features * s.padded),
		intercept: make([]float64, s.padded), meanIntercept: make([]float64, s.padded),
		progressive: make([]float64, s.combos), foldWeight: make([]float64, s.folds),
	}
	if s.mean {
		g.mean = lanes.Make(len(g.w))
	}
	if s.adaptive {
		g.adaptive = newAdaptive(s)
	}
	models := s.folds * s.combos
	if s.classes == 0 {
		g.targets, g.squared, g.absolute = make([]linear.RegressionMetrics, s.folds), make([]float64, models),
			make([]float64, models)
		g.targetBins = make([]linear.TargetBins, s.folds)
		for fold := range g.targetBins {
			g.targetBins[fold] = linear.TargetBins{}
		}
		if s.deviance {
			g.deviance = make([]float64, models)
		}
		if s.quantile {
			g.pinball = make([]float64, models)
		}
		return g
	}
	g.logLoss = make([]float64, models)
	g.confusion = make([]float64, models*s.classes*s.classes)
	if s.classes == 2 {
		g.bins = make([][]float64, models)
	}
	return g
}

// binsOf are the scores of a model.
func (g *gridSums) binsOf(m int) []float64 {
	if g.bins[m] == nil {
		g.bins[m] = make([]float64, 2*scoreBins)
	}
	return g.bins[m]
}

// merge adds the sums of what comes after. Weights become the mean, weighted by the rows of their set.
func (g *gridSums) merge(o *gridSums, s *gridShape, base *gridSums) {
	average := func(a, b []float64) { // of all lanes
		for set, n := range g.rows {
			lo, hi := s.of(set)
			m := o.rows[set]
			if m == 0 {
				continue
			}
			share := float64(m) / float64(n+m)
			for j := 0; j < len(a); j += s.padded {
				x, y := a[j+lo:j+hi], b[j+lo:j+hi]
				if n == 0 {
					copy(x, y)
					continue
				}
				for i, v := range y {
					x[i] += float64((v - x[i]) * share)
				}
			}
		}
	}
	if s.adaptive {
		g.mergeAdaptive(o, s, base.adaptive)
	} else {
		average(g.w, o.w)
		average(g.mean, o.mean)
		average(g.intercept, o.intercept)
		average(g.meanIntercept, o.meanIntercept)
	}
	g.seen += o.seen
	for i, n := range o.rows {
		g.rows[i] += n
		g.longest[i] = max(g.longest[i], o.longest[i])
	}
	g.progressiveWeight += o.progressiveWeight
	for i := range g.targets {
		g.targets[i].Merge(&o.targets[i])
		g.targetBins[i].Merge(o.targetBins[i])
	}
	for _, p := range [][2][]float64{
		{g.progressive, o.progressive}, {g.foldWeight, o.foldWeight}, {g.squared, o.squared}, {g.absolute, o.absolute},
		{g.deviance, o.deviance},
		{g.pinball, o.pinball}, {g.confusion, o.confusion}, {g.logLoss, o.logLoss},
	} {
		addTo(p[0], p[1])
	}
	for m, b := range o.bins {
		if b != nil {
			addTo(g.binsOf(m), b)
		}
	}
	g.curve.add(&o.curve)
}

// size is how many bytes the sums take at least: those of the numbers that there always are.
func (s *gridShape) size() float64 {
	models := float64(s.folds) * float64(s.combos)
	n := float64(s.lanes) * float64(s.features+2)
	if s.mean {
		n += float64(s.lanes) * float64(s.features)
	}
	if s.adaptive {
		n += 2*float64(s.lanes)*float64(s.features+1) + float64(s.sets)*float64(s.features+1)
	}
	n += float64(1 + s.combos + s.folds)
	switch s.classes {
	case 0:
		if n += 3*float64(s.folds) + 2*models + float64(s.folds)/8; s.deviance { // a byte for the number of bins
			n += float64(s.folds) + models
		}
		if s.quantile {
			n += models
		}
	default:
		n += models * (float64(s.classes)*float64(s.classes) + 1)
	}
	return 8 * n
}

func (g *gridSums) encode(s *gridShape) ([]byte, error) {
	return wire.Encode(func(c *wire.Codec) { g.fields(c, s) })
}

// decodeGridSums reads what encode writes. It allocates in proportion to b.
func decodeGridSums(s *gridShape, b []byte) (*gridSums, error) {
	if float64(len(b)) < s.size() {
		return nil, fmt.Errorf("linear.Grid: %d bytes of state: must be at least %.0f", len(b), s.size())
	}
	g := newGridSums(s)
	if err := wire.Decode(b, func(c *wire.Codec) { g.fields(c, s) }); err != nil {
		return nil, fmt.Errorf("linear.Grid: a state that does not fit: %w", err)
	}
	return g, nil
}

func (g *gridSums) fields(c *wire.Codec, s *gridShape) {
	c.Count(&g.seen)
	for i := range g.rows {
		c.Count(&g.rows[i], &g.longest[i])
		c.Check(g.longest[i] <= g.rows[i], "no more rows in one part than in all")
	}
	c.Float(&g.progressiveWeight)
	for _, x := range [][]float64{g.w, g.intercept, g.mean, g.meanIntercept} {
		for j := 0; j < len(x); j += s.padded {
			c.Floats(x[j : j+s.lanes])
		}
	}
	if k := g.adaptive; k != nil {
		for _, x := range [][]float64{k.gradients, k.gradient, k.pull, k.pullOfGradient} {
			for j := 0; j < len(x); j += s.padded {
				c.Floats(x[j : j+s.lanes])
			}
		}
		c.Floats(k.largest, k.scaled)
	}
	c.Floats(g.progressive, g.foldWeight, g.squared, g.absolute, g.deviance, g.pinball, g.confusion, g.logLoss)
	for i := range g.targets {
		c.Float(&g.targets[i].Weight, &g.targets[i].Mean, &g.targets[i].M2)
		if s.deviance {
			c.Float(&g.targets[i].Convex)
		}
		g.targetBins[i].Fields(c)
	}
	for m := range g.bins {
		c.Maybe(&g.bins[m], 2*scoreBins)
	}
	g.curve.fields(c, s.combos)
}

// fields are the places of the points, ascending, each with its sums.
func (g *gridCurve) fields(c *wire.Codec, combos int) {
	var used []int
	for i, p := range g.points {
		if p != nil {
			used = append(used, i)
		}
	}
	last := -1
	for i := range c.Len(len(used), 1+8*(1+combos)) {
		var place int
		if !c.Reading() {
			place = used[i]
		}
		c.Int(&place)
		c.Check(place > last && place < len(g.points), "places of the curve that ascend")
		if !c.OK() {
			return
		}
		at := g.at(place, combos)
		c.Float(&at.weight)
		c.Floats(at.loss)
		last = place
	}
}

// scoreBins is the number of bins of scores: 32 to an octave of |score| from 2⁻¹⁶ to 2¹⁶, beyond which the last ones
// go on, for either sign. So the width of a bin is 3 % of a score or less, whatever the scale. See [gridPart.centre]
// for what scores are measured from.
const scoreBins = 2048

func scoreBin(score float64) int {
	const half = scoreBins / 2
	i := int(math.Float64bits(math.Abs(score))>>47) - (1023-16)<<5
	i = min(max(i, 0), half-1)
	if score > 0 {
		return half + i
	}
	return half - 1 - i
}

// binnedAUC is the area under the ROC curve, where scores in a bin tie, which count half; and how far from it that of
// the scores themselves can be at most: half the share of pairs in one bin. It is NaN without rows of both classes.
func binnedAUC(bins []float64) (auc, bound float64) {
	if bins == nil {
		return math.NaN(), math.NaN()
	}
	return (&linear.AUCSketch{Positive: bins[scoreBins:], Negative: bins[:scoreBins]}).AUC()
}
