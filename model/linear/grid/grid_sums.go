package grid

import (
	"encoding/binary"
	"fmt"
	"math"

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

	// Losses of rows before the last set has learned from them, by combination.
	progressive       []float64
	progressiveWeight float64

	// Of the rows of a fold, by its models: model m is that of combination m%combos and fold m/combos.
	foldWeight        []float64
	targets           []linear.RegressionMetrics // by fold, of the targets alone
	squared, absolute []float64
	confusion         []float64   // of model m, row by row, from m·classes² on; of two classes it follows from the bins
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
	models := s.folds * s.combos
	if s.classes == 0 {
		g.targets, g.squared, g.absolute = make([]linear.RegressionMetrics, s.folds), make([]float64, models), make([]float64, models)
		return g
	}
	g.logLoss = make([]float64, models)
	if s.classes == 2 {
		g.bins = make([][]float64, models)
	} else {
		g.confusion = make([]float64, models*s.classes*s.classes)
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
func (g *gridSums) merge(o *gridSums, s *gridShape) {
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
	average(g.w, o.w)
	average(g.mean, o.mean)
	average(g.intercept, o.intercept)
	average(g.meanIntercept, o.meanIntercept)
	g.seen += o.seen
	for i, n := range o.rows {
		g.rows[i] += n
		g.longest[i] = max(g.longest[i], o.longest[i])
	}
	g.progressiveWeight += o.progressiveWeight
	for i := range g.targets {
		g.targets[i].Merge(&o.targets[i])
	}
	for _, p := range [][2][]float64{
		{g.progressive, o.progressive}, {g.foldWeight, o.foldWeight}, {g.squared, o.squared}, {g.absolute, o.absolute},
		{g.confusion, o.confusion}, {g.logLoss, o.logLoss},
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

// lists are all sums that are plain lists with a value for each lane, and then the others.
func (g *gridSums) lists() (byLane, others [][]float64) {
	return [][]float64{g.w, g.intercept, g.mean, g.meanIntercept},
		[][]float64{g.progressive, g.foldWeight, g.squared, g.absolute, g.confusion, g.logLoss}
}

// size is how many bytes the sums take at least.
func (s *gridShape) size() float64 {
	models := float64(s.folds) * float64(s.combos)
	n := float64(s.lanes) * float64(s.features+2)
	if s.mean {
		n += float64(s.lanes) * float64(s.features)
	}
	n += float64(2+2*s.sets+s.combos+s.folds) + 1
	switch s.classes {
	case 0:
		n += 3*float64(s.folds) + 2*models
	case 2:
		n += 2 * models
	default:
		n += models * (float64(s.classes)*float64(s.classes) + 1)
	}
	return 8 * n
}

// encode writes little-endian words of 8 bytes: rows seen, rows and longest by set; the lists; the targets; the bins of each model,
// 1 before them and 0 where there are none; the points of the curve, each after its place plus 1, and 0.
func (g *gridSums) encode(s *gridShape) []byte {
	b := make([]byte, 0, int(s.size()))
	word := func(v uint64) { b = binary.LittleEndian.AppendUint64(b, v) }
	list := func(x []float64) {
		for _, v := range x {
			word(math.Float64bits(v))
		}
	}
	word(uint64(g.seen))
	for i, n := range g.rows {
		word(uint64(n))
		word(uint64(g.longest[i]))
	}
	word(math.Float64bits(g.progressiveWeight))
	byLane, others := g.lists()
	for _, x := range byLane {
		for j := 0; j < len(x); j += s.padded {
			list(x[j : j+s.lanes])
		}
	}
	for _, x := range others {
		list(x)
	}
	for _, t := range g.targets {
		list([]float64{t.Weight, t.Mean, t.M2})
	}
	for _, x := range g.bins {
		if x == nil {
			word(0)
			continue
		}
		word(1)
		list(x)
	}
	for i, p := range g.curve.points {
		if p != nil {
			word(uint64(i + 1))
			word(math.Float64bits(p.weight))
			list(p.loss)
		}
	}
	word(0)
	return b
}

// decodeGridSums reads what encode writes. It allocates in proportion to b.
func decodeGridSums(s *gridShape, b []byte) (*gridSums, error) {
	if float64(len(b)) < s.size() {
		return nil, fmt.Errorf("linear.Grid: %d bytes of state: must be at least %.0f", len(b), s.size())
	}
	g := newGridSums(s)
	short := false
	word := func() uint64 {
		if len(b) < 8 {
			short = true
			return 0
		}
		v := binary.LittleEndian.Uint64(b)
		b = b[8:]
		return v
	}
	list := func(x []float64) {
		if len(b) < 8*len(x) {
			short = true
			return
		}
		for i := range x {
			x[i] = math.Float64frombits(word())
		}
	}
	g.seen = int64(word())
	const most = 1 << 53
	counts := g.seen >= 0 && g.seen < most
	for i := range g.rows {
		g.rows[i], g.longest[i] = int64(word()), int64(word())
		counts = counts && g.longest[i] >= 0 && g.longest[i] <= g.rows[i] && g.rows[i] < most
	}
	if !counts {
		return nil, fmt.Errorf("linear.Grid: a state of %d rows, by set %v, in one part %v", g.seen, g.rows, g.longest)
	}
	g.progressiveWeight = math.Float64frombits(word())
	byLane, others := g.lists()
	for _, x := range byLane {
		for j := 0; j < len(x); j += s.padded {
			list(x[j : j+s.lanes])
		}
	}
	for _, x := range others {
		list(x)
	}
	for i := range g.targets {
		var t [3]float64
		list(t[:])
		g.targets[i] = linear.RegressionMetrics{Weight: t[0], Mean: t[1], M2: t[2]}
	}
	for m := range g.bins {
		switch has := word(); {
		case has == 0:
		case has == 1 && len(b) >= 16*scoreBins:
			list(g.binsOf(m))
		default:
			return nil, fmt.Errorf("linear.Grid: a state that does not fit: bins %d", has)
		}
	}
	for last := uint64(0); ; {
		place := word()
		if place == 0 {
			break
		}
		if place <= last || place > uint64(len(g.curve.points)) || len(b) < 8*(s.combos+1) {
			return nil, fmt.Errorf("linear.Grid: a state that does not fit: place %d of the curve after %d", place, last)
		}
		at := g.curve.at(int(place-1), s.combos)
		at.weight = math.Float64frombits(word())
		list(at.loss)
		last = place
	}
	if short || len(b) > 0 {
		return nil, fmt.Errorf("linear.Grid: a state that does not fit: %d bytes too many, or too few", len(b))
	}
	return g, nil
}

// scoreBins is the number of bins of scores: 32 to an octave of |score| from 2⁻¹⁶ to 2¹⁶, beyond which the last ones go on, for
// either sign. So the width of a bin is 3 % of a score or less, whatever the scale. The lower half is what predicts class 0: the
// scores up to 0, and NaN.
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

// binnedAUC is the area under the ROC curve, where scores in a bin tie, which count half; and how far from it that of the scores
// themselves can be at most: half the share of pairs in one bin. It is NaN without rows of both classes.
func binnedAUC(bins []float64) (auc, bound float64) {
	if bins == nil {
		return math.NaN(), math.NaN()
	}
	return (&linear.AUCSketch{Positive: bins[scoreBins:], Negative: bins[:scoreBins]}).AUC()
}
