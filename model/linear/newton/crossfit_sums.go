package newton

import (
	"errors"
	"fmt"
	"slices"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/lanes"
	"beamlearn/model/linear/internal/loss"
)

// crossSum is a [Partial] of a [CrossFit].
type crossSum struct {
	x     *CrossFit
	pass  int
	width int // features + 1
	err   error

	// Of the first pass.
	own    []foldStats
	zero   []*derivatives // of each problem, at zero
	sample *sample

	// Of the others: for each alpha that is fitted, problem and fold the sums at the point of the fit of all rows, nil
	// where that is done; and those of the folds' fits, each by itself, with second derivatives or of a softmax, or side
	// by side.
	shared [][][]*derivatives
	alone  []foldSum
	lanes  *crossLanes

	sums    []*optimizerSum // how rows count in the fit without a fold, and, last, in that of all
	rows    [][]int32       // of a chunk, by fold
	scratch []float64
}

// foldSum is whose sums they are.
type foldSum struct {
	alpha, fold, problem int
	sums                 *derivatives
}

// crossLanes sums up losses and gradients of many fits side by side, a fit in a lane, those without a fold next to
// each other, and last those of all rows.
type crossLanes struct {
	fits      []foldSum
	padded    int
	of        []int     // the first lane of each fold's fits, and the end
	w         []float64 // the points: that of column j and lane i at j·padded+i
	gradient  []float64 // likewise
	intercept []float64 // the gradient's
	loss      []float64

	groups            []lanes.Group
	row               lanes.Row
	dot, slope        []float64
	counts            [][]float64 // by fold: 1, and 0 for the fits without it
	y, weight         []float64
	signs             [2][]float64
	byVector          [][]int32 // lanes of a weight vector, where there are several
	weighted, vectors bool
}

func (x *CrossFit) partial(part, parts int) *crossSum {
	s := &crossSum{x: x, pass: x.passes, width: x.features + 1, rows: make([][]int32, x.folds.K)}
	for k := range x.folds.K + 1 {
		view := *x.views[0]
		view.Scaler = x.Scaler
		s.sums = append(s.sums, &optimizerSum{learner: &view, width: s.width, sums: make([]*derivatives, x.problems())})
		view.ClassRows, view.ClassSizes = x.ClassRows, x.ClassSizes
		if x.stage == crossFitting && k < x.folds.K {
			view.ClassSizes = x.all(k).Sizes
		}
		s.err = errors.Join(s.err, s.sums[k].weigh(view.sizes()))
	}
	if x.stage == crossDrawing {
		for range x.folds.K {
			s.own = append(s.own, x.newStats())
		}
		for range x.problems() {
			size := x.views[0].size()
			s.zero = append(s.zero, &derivatives{sampled: true, point: make([]float64, size), gradient: make([]float64, size)})
		}
		if n := x.views[0].sample; n > 0 {
			s.sample = &sample{limit: 2*n/max(parts, 1) + 64, part: part}
		}
		return s
	}
	s.begin()
	return s
}

// begin makes the sums of a pass of fits.
func (s *crossSum) begin() {
	x := s.x
	view := x.views[0]
	derivativesAt := func(point []float64, seconds int) *derivatives {
		d := &derivatives{point: point, gradient: make([]float64, view.size())}
		if seconds > 0 {
			d.second = make([]float64, seconds)
		}
		return d
	}
	for a := x.from; a < x.to; a++ {
		var byVector [][]*derivatives
		for v, p := range x.fits[a].Full {
			var byFold []*derivatives
			if x.fits[a].Folds[x.folds.K][v] == nil {
				point := p.tried()
				for range x.folds.K {
					d := derivativesAt(point, view.seconds())
					d.dir, d.along = p.Dir, p.Along && p.Dir != nil
					d.thin = x.thin()
					byFold = append(byFold, d)
				}
			}
			byVector = append(byVector, byFold)
		}
		s.shared = append(s.shared, byVector)
	}
	l := &crossLanes{}
	var points [][]float64
	for k, f := range x.frames() {
		l.of = append(l.of, len(l.fits))
		for a := x.from; a < x.to; a++ {
			for v, p := range x.fits[a].Folds[k] {
				if p == nil || p.Done {
					continue
				}
				w, of := f.point(p.tried()), foldSum{alpha: a, fold: k, problem: v}
				switch {
				case p.Fresh:
					of.sums = derivativesAt(w, view.seconds())
				case view.vectors > 1:
					of.sums = derivativesAt(w, 0)
				}
				if of.sums != nil {
					s.alone = append(s.alone, of)
					continue
				}
				l.fits = append(l.fits, of)
				points = append(points, w)
			}
		}
	}
	l.of = append(l.of, len(l.fits))
	if len(l.fits) > 0 {
		s.lanes = l
		l.begin(x, points)
	}
}

func (l *crossLanes) begin(x *CrossFit, points [][]float64) {
	l.padded = lanes.Padded(len(points))
	l.w, l.gradient = lanes.Make(x.features*l.padded), lanes.Make(x.features*l.padded)
	for _, v := range []*[]float64{&l.intercept, &l.loss, &l.dot, &l.slope, &l.y, &l.weight} {
		*v = lanes.Make(l.padded)
	}
	l.groups = make([]lanes.Group, l.padded/lanes.Width)
	for i, p := range points {
		for j, v := range p[:x.features] {
			l.w[j*l.padded+i] = v
		}
		l.groups[i/lanes.Width].Intercept[i%lanes.Width] = p[x.features]
	}
	for k := range x.folds.K {
		counts := lanes.Make(l.padded)
		fill(counts[:len(points)], 1)
		clear(counts[l.of[k]:l.of[k+1]])
		l.counts = append(l.counts, counts)
	}
	l.vectors = x.problems() > 1
	w := &x.options.ClassWeight
	l.weighted = w.Balanced || len(w.Of) > 0
	fill(l.weight, 1)
	l.signs = [2][]float64{slices.Repeat([]float64{-1}, lanes.Width), slices.Repeat([]float64{1}, lanes.Width)}
	l.row = lanes.Row{
		Groups: &l.groups[0], N: len(l.groups), Dot: &l.dot[0], Y: &l.y[0], Weight: &l.weight[0],
		Update: &l.slope[0], Losses: &l.loss[0], Slopes: &l.intercept[0],
		WeightStep: 8 * lanes.Width,
	}
	if l.vectors {
		l.row.YStep = 8 * lanes.Width
		fill(l.y, -1)
		l.byVector = make([][]int32, x.problems())
		for i, f := range l.fits {
			l.byVector[f.problem] = append(l.byVector[f.problem], int32(i))
		}
	}
}

// PartialFit adds rows. A faulty row leaves the sums as they were.
func (s *crossSum) PartialFit(c *linear.Chunk) error {
	if s.err != nil {
		return s.err
	}
	all := s.sums[len(s.sums)-1]
	if err := all.encode(c); err != nil {
		return err
	}
	x := s.x
	for k := range s.rows {
		s.rows[k] = s.rows[k][:0]
	}
	for i, place := range all.places {
		number := all.rows + int64(i)
		if c.Numbers != nil {
			number = c.Numbers[i]
		}
		k := x.folds.Of(c, i, number, place)
		s.rows[k] = append(s.rows[k], int32(i))
	}
	if s.sample != nil {
		s.sample.draw(c, all.places, all.rows, x.options.Task)
	}
	all.rows += int64(c.Len())
	s.count(c)
	if s.lanes != nil {
		s.addLanes(c)
	}
	if c.Sparse != nil && c.Entries() < c.Len()*x.features/4 {
		s.addSparse(c)
	} else {
		s.addDense(c)
	}
	return nil
}

// count adds rows to the folds' statistics.
func (s *crossSum) count(c *linear.Chunk) {
	if s.own == nil {
		return
	}
	places, o := s.sums[len(s.sums)-1].places, &s.x.options
	weighted := o.Loss == linear.LogLoss || o.Loss == linear.SquaredHinge // see BalancedBy
	for k, rows := range s.rows {
		own := &s.own[k]
		own.Rows += int64(len(rows))
		for _, i := range rows {
			w := 1.0
			if c.Weights != nil {
				w = c.Weights[i]
			}
			own.Weight += w
			switch {
			case o.Task != linear.Classification:
			case weighted:
				own.Sizes[places[i]] += w
			default:
				own.Sizes[places[i]]++
			}
		}
	}
}

// moments adds a row to the folds' statistics.
func (t *foldStats) moments(x kernel.Row, weight float64) {
	if x.Idx != nil {
		for e, j := range x.Idx {
			v := float64(weight * x.Val[e])
			t.Sum[j] += v
			t.Squares[j] += float64(v * x.Val[e])
		}
		return
	}
	squares := t.Squares[:len(x.Val)]
	for j, v := range x.Val {
		u := float64(weight * v)
		t.Sum[j] += u
		squares[j] += float64(u * v)
	}
}

// addDense adds rows block by block, each of one fold.
func (s *crossSum) addDense(c *linear.Chunk) {
	x := s.x
	whole := s.sums[len(s.sums)-1]
	b := whole.room()
	if s.own != nil && x.Scaler != nil {
		s.addMoments(c)
	}
	for k, rows := range s.rows {
		for at := 0; at < len(rows); {
			var m int
			curved := at/b.X.Rows%thinly == 0
			m, at = b.pack(c, whole.places, at, len(rows), func(at int) int { return int(rows[at]) }, x.options.Task)
			if m > 0 {
				s.each(k, func(sum *optimizerSum, v int, d *derivatives) { sum.addBlock(v, d, b, m, !d.thin || curved) })
			}
		}
	}
}

// each passes to use what rows of a fold are to be added to, but for lanes.
func (s *crossSum) each(fold int, use func(sum *optimizerSum, problem int, d *derivatives)) {
	whole := s.sums[len(s.sums)-1]
	for v, d := range s.zero {
		use(whole, v, d)
	}
	for _, byVector := range s.shared {
		for v, byFold := range byVector {
			if byFold != nil {
				use(whole, v, byFold[fold])
			}
		}
	}
	for i := range s.alone {
		if f := &s.alone[i]; f.fold != fold {
			use(s.sums[f.fold], f.problem, f.sums)
		}
	}
}

// addMoments adds rows to the moments of their folds.
func (s *crossSum) addMoments(c *linear.Chunk) {
	r := linear.NewRows(c, s.x.Scaler, s.scratch)
	for k, rows := range s.rows {
		for _, i := range rows {
			w := 1.0
			if c.Weights != nil {
				w = c.Weights[i]
			}
			s.own[k].moments(r.At(int(i)), w)
		}
	}
	s.scratch = r.Scratch
}

// addSparse adds rows one by one.
func (s *crossSum) addSparse(c *linear.Chunk) {
	if s.own != nil && s.x.Scaler != nil {
		s.addMoments(c)
	}
	places := s.sums[len(s.sums)-1].places
	r := linear.NewRows(c, s.x.Scaler, s.scratch)
	for k, rows := range s.rows {
		for _, i := range rows {
			weight, target := 1.0, 0.0
			if c.Weights != nil {
				if weight = c.Weights[i]; weight == 0 {
					continue
				}
			}
			if s.x.options.Task == linear.Regression {
				target = c.Target[i]
			}
			x := r.At(int(i))
			s.each(k, func(sum *optimizerSum, v int, d *derivatives) { sum.addRow(v, d, x, int(i), places[i], target, weight) })
		}
	}
	s.scratch = r.Scratch
}

// addLanes adds rows to the sums of the fits that need gradients alone.
func (s *crossSum) addLanes(c *linear.Chunk) {
	l, kernels := s.lanes, lanes.Best()
	places := s.sums[len(s.sums)-1].places
	r := linear.NewRows(c, s.x.Scaler, s.scratch)
	for k, rows := range s.rows {
		for _, i := range rows {
			weight, target := 1.0, 0.0
			if c.Weights != nil {
				if weight = c.Weights[i]; weight == 0 {
					continue
				}
			}
			if s.x.options.Task == linear.Regression {
				target = c.Target[i]
			}
			x := r.At(int(i))
			if x.Idx == nil {
				kernels.Dot(x.Val, l.w, l.padded, l.dot)
			} else {
				kernels.DotSparse(x.Idx, x.Val, l.w, l.padded, l.dot)
			}
			if s.x.loss.Kind == loss.LogLoss {
				s.logSlopes(k, places[i], weight)
			} else {
				s.slopes(k, places[i], target, weight)
			}
			if x.Idx == nil {
				kernels.Add(x.Val, l.slope, l.gradient, l.padded)
			} else {
				kernels.AddSparse(x.Idx, x.Val, l.slope, l.gradient, l.padded)
			}
		}
	}
	s.scratch = r.Scratch
}

// logSlopes makes the slopes of log_loss for a row of a fold, and adds them and its losses.
func (s *crossSum) logSlopes(fold int, place int32, weight float64) {
	l := s.lanes
	if l.weighted {
		for i := range l.fits {
			_, l.weight[i] = s.sums[l.fits[i].fold].row(l.fits[i].problem, place, 0, 1)
		}
	}
	if l.vectors {
		for _, i := range l.byVector[place] {
			l.y[i] = 1
		}
	} else {
		l.row.Y = &l.signs[place][0]
	}
	l.row.Eta, l.row.RowWeight = &l.counts[fold][0], weight
	lanes.Best().LogisticSums(&l.row)
	if l.vectors {
		for _, i := range l.byVector[place] {
			l.y[i] = -1
		}
	}
}

// slopes does the same for other losses.
func (s *crossSum) slopes(fold int, place int32, target, weight float64) {
	l := s.lanes
	for i := range l.fits {
		f := &l.fits[i]
		if f.fold == fold {
			l.slope[i] = 0
			continue
		}
		y, w := s.sums[f.fold].row(f.problem, place, target, weight)
		value, slope, _ := s.x.loss.Curve(l.dot[i]+l.groups[i/lanes.Width].Intercept[i%lanes.Width], y)
		l.slope[i] = w * slope
		l.intercept[i] += l.slope[i]
		l.loss[i] += float64(w * value)
	}
}

// lists passes the numbers of the sums to f, which may change them, in a fixed order.
func (s *crossSum) lists(f func(v []float64)) {
	s.seal()
	one := func(d *derivatives) {
		single := []float64{d.loss, d.curved}
		f(single)
		d.loss, d.curved = single[0], single[1]
		f(d.shorter[:])
		f(d.gradient)
		f(d.second)
	}
	for i := range s.own {
		own := &s.own[i]
		rest := []float64{own.Weight}
		f(rest)
		own.Weight = rest[0]
		f(own.Sizes)
		f(own.Sum)
		f(own.Squares)
	}
	for _, d := range s.zero {
		one(d)
	}
	for _, byVector := range s.shared {
		for _, byFold := range byVector {
			for _, d := range byFold {
				one(d)
			}
		}
	}
	for i := range s.alone {
		one(s.alone[i].sums)
	}
	if l := s.lanes; l != nil {
		f(l.loss)
		f(l.intercept)
		f(l.gradient)
	}
}

// seal adds the sums of single rows to the others.
func (s *crossSum) seal() {
	o := s.x.views[0]
	for _, d := range s.zero {
		d.seal(o)
	}
	for _, byVector := range s.shared {
		for _, byFold := range byVector {
			for _, d := range byFold {
				d.seal(o)
			}
		}
	}
	for i := range s.alone {
		s.alone[i].sums.seal(o)
	}
}

// counts are the rows of the folds.
func (s *crossSum) counts() []*int64 {
	var all []*int64
	for i := range s.own {
		all = append(all, &s.own[i].Rows)
	}
	return all
}

// Merge adds the sums of the next part.
func (s *crossSum) Merge(next linear.Partial) error {
	n, ok := next.(*crossSum)
	if !ok || n.pass != s.pass || n.x.stage != s.x.stage || n.width != s.width {
		return errors.New("linear.CrossFit: cannot add what another learner or pass has summed up")
	}
	if s.err = errors.Join(s.err, n.err); s.err != nil {
		return s.err
	}
	var theirs [][]float64
	n.lists(func(v []float64) { theirs = append(theirs, v) })
	i := 0
	s.lists(func(v []float64) {
		addTo(v, theirs[i])
		i++
	})
	counts := n.counts()
	for i, p := range s.counts() {
		*p += *counts[i]
	}
	if s.sample != nil {
		s.sample.merge(n.sample)
	}
	return nil
}

// MarshalBinary writes the sums.
func (s *crossSum) MarshalBinary() ([]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	return wire.Encode(s.fields)
}

// UnmarshalBinary reads what MarshalBinary writes in the same pass of the same learner. After an error the sums are
// of no use.
func (s *crossSum) UnmarshalBinary(b []byte) error {
	if err := wire.Decode(b, s.fields); err != nil {
		return fmt.Errorf("linear.CrossFit: the bytes are no sums of this pass: %w", err)
	}
	return nil
}

// fields are the pass, the counts, the sums and, after the pass that draws it, the sample.
func (s *crossSum) fields(c *wire.Codec) {
	c.Pass(s.pass)
	rows := int64(0)
	for _, n := range s.counts() {
		c.Count(n)
		rows += *n
	}
	s.lists(func(v []float64) { c.Floats(v) })
	if s.sample != nil {
		s.sample.fields(c, s.sums[len(s.sums)-1].learner, rows)
	}
}

func fill(x []float64, v float64) {
	for i := range x {
		x[i] = v
	}
}
