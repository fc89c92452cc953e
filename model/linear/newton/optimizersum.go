package newton

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/least"
	"beamlearn/model/internal/splitmix"
	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/lanes"
	"beamlearn/model/linear/internal/panel"
)

// derivatives are sums over rows of weight times the loss and its derivatives, at a point.
type derivatives struct {
	point, dir []float64 // dir is nil, or leads to the point
	along      bool      // sum up the objective at shorter steps, too
	sampled    bool      // without second derivatives, as the next point is the sample's
	bounded    bool      // second derivatives are those of a parabola above the loss: see shorten

	loss     float64
	shorter  [len(lengths)]float64
	gradient []float64
	sides    []float64 // of the first pass: see bound
	// a triangle, of several classes one for each two, or a diagonal: see seconds; nil where not wanted
	second []float64
	// thin: they are those of one block in thinly, as a first step needs no more, of rows that weigh curved.
	thin   bool
	curved float64
	lanes  *softmaxRows // of several classes: sums of single rows that are not in the others yet
}

// optimizerSum is a [Partial] of an [Optimizer].
type optimizerSum struct {
	learner *Optimizer
	pass    int
	width   int // features + 1
	rows    int64
	weight  float64
	err     error
	sums    []*derivatives // of each problem; nil where it is done
	sample  *sample        // nil unless the pass draws one
	columns *columns       // nil unless the pass seeks an arrowhead

	places  []int32
	block   *optimizerBlock
	flat    *softmaxFlat
	weights []float64 // of the classes, in the weight vector of each
	others  []float64 // of the classes in the others, or, byRest, of the other classes in the vector of each; nil: 1
	byRest  bool
	first   int64   // rows of the part before the chunk
	grammed []int32 // rows of a softmax, and what each leaves open: see addGram
	open    []float64
	idx     []int32 // of a sparse row and the intercept
	val     []float64
	tried   tried
	sparse  *sparseRows
	common  commonRoom
	part    int
	parts   int
	memo    *memo // of its rows; nil: none is made
}

// tried is one row: its prediction, and those at the shorter steps, in the lanes of one register.
type tried struct{ p, y, value, slope, curvature [lanes.Width]float64 }

// optimizerBlock is the room for the sums of a block.
type optimizerBlock struct {
	panel.Block
	rows    rowProducts // those of the block
	z       *panel.Panels
	at      []float64 // predictions
	along   []float64 // what the last step has added to them
	y       []float64
	weights []float64
	// of the predictions, and of those at a shorter step
	value, slope, curvatures, near []float64
	column                         []float64                // second derivatives by the intercept
	sums                           [3 * lanes.Width]float64 // of WeighLosses
	softmax                        *softmaxBlock

	weighed *optimizerSum // for whose problem the rows have y and weights; nil: for none
	problem int
}

// rowProducts are products of the rows of a block with a vector, and sums of rows.
type rowProducts interface {
	Dots(dst, w []float64)
	AddRows(dst, s []float64, n int)
}

// pack is panel.Block.Pack.
func (b *optimizerBlock) pack(c *linear.Chunk, places []int32, at, n int, row func(at int) int, task linear.Task) (m,
	next int) {
	b.weighed = nil
	return b.Pack(c, places, at, n, row, task)
}

// PartialFit adds rows. O(features²) for each weight vector and dense row with second derivatives, O(entries)
// otherwise, and O(entries²) for sparse ones with. A faulty row leaves the sums as they were.
func (s *optimizerSum) PartialFit(c *linear.Chunk) error {
	if s.err != nil {
		return s.err
	}
	if err := s.encode(c); err != nil {
		return err
	}
	return s.add(c, s.places)
}

// encode checks the rows, and finds the places of their classes.
func (s *optimizerSum) encode(c *linear.Chunk) (err error) {
	o := s.learner
	s.places, err = c.Encode(&o.options, o.features, o.Scaler, s.places)
	return err
}

// add adds rows that have been checked, with the places of their classes.
func (s *optimizerSum) add(c *linear.Chunk, places []int32) error {
	o := s.learner
	n := c.Len()
	if n == 0 {
		return nil
	}
	if err := s.weigh(o.sizes()); err != nil {
		return err
	}
	if s.sample != nil {
		s.sample.draw(c, places, s.rows, o.options.Task)
	}
	s.first = s.rows
	s.rows += int64(n)
	s.weight += c.Weight()
	s.addSides(c, places)
	if o.arrow != nil || c.Sparse != nil && c.Entries() < n*o.features/4 || o.vectors > 1 && !o.newton {
		s.open, s.grammed = s.open[:0], s.grammed[:0]
		if o.vectors == 1 {
			s.addSparse(c, places)
			return s.err
		}
		if d := s.sums[0]; d != nil && c.Sparse == nil && o.features >= flatFeatures {
			s.addFlat(d, c, places)
		} else {
			s.addRows(c, places)
		}
		if len(s.open) > 0 {
			s.addGram(s.sums[0], c, places)
		}
		return nil
	}
	s.forget()
	if s.columns != nil {
		s.columns.addFull(n)
	}
	b := s.room()
	for at := 0; at < n; {
		var m int
		number := int(s.first)/b.Rows + at/b.Rows
		m, at = b.pack(c, places, at, n, func(at int) int { return at }, o.options.Task)
		for k, d := range s.sums {
			if d != nil && m > 0 {
				s.addBlock(k, d, b, m, !d.thin || number%thinly == 0)
			}
		}
	}
	return nil
}

// BalancedBy are the sizes that class_weight balanced goes by, as scikit-learn's estimator of the loss does: of
// LogisticRegression and LinearSVC sums of weights, and otherwise numbers of rows.
func BalancedBy(l linear.Loss, rows []int64, weight []float64) []float64 {
	if l == linear.LogLoss || l == linear.SquaredHinge {
		return slices.Clone(weight)
	}
	sizes := make([]float64, len(rows))
	for i, n := range rows {
		sizes[i] = float64(n)
	}
	return sizes
}

// sizes are those of the classes, as far as they are known.
func (o *Optimizer) sizes() []float64 {
	if o.ClassSizes != nil {
		return o.ClassSizes
	}
	return BalancedBy("", o.ClassRows, nil)
}

// weigh finds the weights of classes of these sizes.
func (s *optimizerSum) weigh(sizes []float64) error {
	o := &s.learner.options
	if s.weights != nil || o.Task != linear.Classification {
		return nil
	}
	if o.ClassWeight.Balanced && len(sizes) != o.Classes.Len() {
		return errors.New("class_weight balanced: an exact solver must know the rows of each class beforehand")
	}
	if len(sizes) != o.Classes.Len() {
		sizes = make([]float64, o.Classes.Len())
	}
	s.weights = o.ClassWeight.BySize(&o.Classes, sizes)
	switch {
	case len(s.sums) == 1 || !o.ClassWeight.IsSet():
	case o.Loss == linear.LogLoss && o.ClassWeight.Balanced:
		all := 0.0
		for _, n := range sizes {
			all += n
		}
		s.byRest, s.others = true, make([]float64, len(sizes))
		for k, n := range sizes {
			if s.others[k] = 1; n > 0 && n < all {
				s.weights[k], s.others[k] = all/(2*n), all/(2*(all-n))
			}
		}
	case o.Loss == linear.LogLoss || o.Loss == linear.SquaredError:
		s.others = s.weights
	}
	return nil
}

func (s *optimizerSum) room() *optimizerBlock {
	if s.block != nil {
		return s.block
	}
	o := s.learner
	b := &optimizerBlock{}
	if o.newton || o.vectors > 1 {
		b.Block = panel.NewBlock(o.features, o.Scaler)
		b.rows = b.X
	} else {
		b.Block = panel.NewFlatBlock(o.features, o.Scaler)
		b.rows = b.Flat
	}
	n := b.Rows
	b.column = make([]float64, o.features)
	if s.sample == nil && o.newton {
		b.z = panel.NewPanels(o.features, n)
	}
	lists := []*[]float64{&b.at, &b.along, &b.y, &b.weights, &b.value, &b.slope, &b.curvatures, &b.near}
	for _, v := range lists {
		*v = make([]float64, lanes.Padded(n))
	}
	s.block = b
	return b
}

// row is what row r is to weight vector k: ±1 or the target, and its weight.
func (s *optimizerSum) row(k int, place int32, target, weight float64) (y, w float64) {
	o := s.learner
	switch {
	case o.options.Task == linear.Regression:
		return target, weight
	case len(s.sums) == 1:
		return kernel.Sign(place == 1), weight * s.weights[place]
	case int(place) == k:
		return 1, weight * s.weights[place]
	}
	switch {
	case s.others == nil:
		return -1, weight
	case s.byRest:
		return -1, weight * s.others[k]
	}
	return -1, weight * s.others[place]
}

// addBlock adds the first n rows of b to the sums of problem k, with second derivatives where these are wanted, and of
// this block.
func (s *optimizerSum) addBlock(k int, d *derivatives, b *optimizerBlock, n int, curved bool) {
	if s.learner.vectors > 1 {
		s.addSoftmaxBlock(d, b, n)
		return
	}
	o, last := s.learner, s.width-1
	padded := lanes.Padded(n)
	s.weighBlock(k, b, n, padded)
	b.rows.Dots(b.at[:n], d.point[:last])
	for r := range n {
		b.at[r] += d.point[last]
	}
	clear(b.at[n:padded])
	value, slope, curvatures := b.value[:padded], b.slope[:padded], b.curvatures[:padded]
	d.curves(o, b.at[:padded], b.y[:padded], value, slope, curvatures)
	lanes.Best().WeighLosses(b.weights[:padded], value, slope, curvatures, &b.sums)
	d.loss += sumLanes(b.sums[:lanes.Width])
	d.gradient[last] += sumLanes(b.sums[lanes.Width : 2*lanes.Width])
	switch {
	case d.second == nil || !curved:
		b.rows.AddRows(d.gradient[:last], slope, n)
	case o.newton:
		clear(b.column)
		b.z.WeighSums(b.X, slope, curvatures, d.gradient[:last], b.column, n)
		for j, v := range b.column { // the column of the intercept
			panel.Triangle(d.second).Row(j, s.width)[last-j] += v
		}
		d.second[len(d.second)-1] += sumLanes(b.sums[2*lanes.Width:])
		panel.Triangle(d.second).Syrk(s.width, b.z, b.X, n)
		if d.thin {
			for _, w := range b.Weights[:n] {
				d.curved += w
			}
		}
	default:
		b.rows.AddRows(d.gradient[:last], slope, n)
		b.Flat.Squares(d.second[:last], curvatures, n)
		d.second[last] += sumLanes(b.sums[2*lanes.Width:])
	}
	if d.along {
		s.addShorter(d, b, n, padded)
	}
}

// curves is loss.Func.Curves, with curvatures that are bounded where the pass wants these.
func (d *derivatives) curves(o *Optimizer, p, y, value, slope, curvature []float64) {
	o.loss.Curves(p, y, value, slope, curvature)
	if d.bounded {
		for i, v := range p {
			curvature[i] = o.loss.Bounded(v, y[i], slope[i])
		}
	}
}

// weighBlock gives the rows of a block what they are to problem k; those beyond n count for nothing.
func (s *optimizerSum) weighBlock(k int, b *optimizerBlock, n, padded int) {
	if b.weighed == s && b.problem == k {
		return
	}
	b.weighed, b.problem = s, k
	for r := range n {
		b.y[r], b.weights[r] = s.row(k, b.Places[r], b.Target[r], b.Weights[r])
	}
	for r := n; r < padded; r++ {
		b.y[r], b.weights[r] = 1, 0
	}
}

// sumLanes adds up sums in lanes.
func sumLanes(l []float64) float64 {
	return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

// thinly: second derivatives that are thin are of the rows of one block in so many.
const thinly = 4

// thicken makes thin second derivatives those of all rows, of this weight, as far as they tell.
func (d *derivatives) thicken(weight float64) {
	if d != nil && d.thin {
		kernel.Scale(weight/d.curved, d.second)
		d.thin = false
	}
}

// addShorter adds the losses of the first n rows of b at the shorter steps.
func (s *optimizerSum) addShorter(d *derivatives, b *optimizerBlock, n, padded int) {
	last := s.width - 1
	b.rows.Dots(b.along[:n], d.dir[:last])
	for i, t := range lengths {
		for r := range n {
			b.near[r] = b.at[r] - float64((1-t)*(b.along[r]+d.dir[last]))
		}
		s.learner.loss.Values(b.near[:padded], b.y[:padded], b.value[:padded])
		sum := 0.0
		for r, w := range b.weights[:n] {
			sum += float64(w * b.value[r])
		}
		d.shorter[i] += sum
	}
}

// addRows adds rows of a softmax one by one.
func (s *optimizerSum) addRows(c *linear.Chunk, places []int32) {
	o := s.learner
	rows := linear.NewRows(c, o.Scaler, nil)
	for i, place := range places {
		weight, target := 1.0, 0.0
		if c.Weights != nil {
			if weight = c.Weights[i]; weight == 0 {
				continue
			}
		}
		if o.options.Task == linear.Regression {
			target = c.Target[i]
		}
		x := rows.At(i)
		for k, d := range s.sums {
			if d != nil {
				s.addRow(k, d, x, i, place, target, weight)
			}
		}
	}
}

// addRow adds row i of a chunk, sparse unless the classes share a softmax, to the sums of problem k, which is no
// arrowhead.
func (s *optimizerSum) addRow(k int, d *derivatives, x kernel.Row, i int, place int32, target, weight float64) {
	if s.learner.vectors > 1 {
		s.addSoftmaxRow(d, x, i, place, weight)
		return
	}
	o, last := s.learner, s.width-1
	y, w := s.row(k, place, target, weight)
	t := &s.tried
	p := x.Dot(d.point) + d.point[last]
	if d.along {
		step := x.Dot(d.dir) + d.dir[last]
		t.p[0], t.y[0] = p, y
		for i, length := range lengths {
			t.p[1+i], t.y[1+i] = p-float64((1-length)*step), y
		}
		d.curves(o, t.p[:], t.y[:], t.value[:], t.slope[:], t.curvature[:])
		for i, value := range t.value[1:][:len(lengths)] {
			d.shorter[i] += float64(w * value)
		}
	} else {
		t.value[0], t.slope[0], t.curvature[0] = o.loss.Curve(p, y)
		if d.bounded {
			t.curvature[0] = o.loss.Bounded(p, y, t.slope[0])
		}
	}
	d.loss += float64(w * t.value[0])
	slope, curvature := float64(t.slope[0]*w), float64(t.curvature[0]*w)
	if slope != 0 {
		x.Add(slope, d.gradient)
		d.gradient[last] += slope
	}
	if d.thin {
		d.curved += weight
	}
	s.addSecond(d, x, curvature)
}

// Merge adds the sums of the next part. O(features²) with second derivatives.
func (s *optimizerSum) Merge(next linear.Partial) error {
	n, err := s.learner.own(next)
	if err != nil || n.pass != s.pass {
		return errors.New("linear.Optimizer: cannot add what another learner or pass has summed up")
	}
	if s.err = errors.Join(s.err, n.err); s.err != nil {
		return s.err
	}
	s.rows += n.rows
	s.weight += n.weight
	for k, d := range s.sums {
		if d == nil {
			continue
		}
		d.seal(s.learner)
		e := n.sums[k]
		d.loss += e.loss
		d.curved += e.curved
		for i, v := range e.shorter {
			d.shorter[i] += v
		}
		kernel.Add(1, e.gradient, d.gradient)
		kernel.Add(1, e.second, d.second)
		kernel.Add(1, e.sides, d.sides)
	}
	if s.columns != nil {
		s.columns.merge(n.columns)
	}
	if s.sample != nil {
		s.sample.merge(n.sample)
	}
	return nil
}

// each passes the numbers of the sums to f, which may change them, in a fixed order.
func (s *optimizerSum) each(f func(v []float64)) {
	for _, d := range s.sums {
		if d != nil {
			d.seal(s.learner)
			single := []float64{d.loss, d.curved}
			f(single)
			d.loss, d.curved = single[0], single[1]
			f(d.shorter[:])
			f(d.gradient)
			f(d.second)
			f(d.sides)
		}
	}
}

// MarshalBinary writes the sums. One that overflows is written as it is: a shorter step may do.
func (s *optimizerSum) MarshalBinary() ([]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	return wire.Encode(s.fields)
}

// UnmarshalBinary reads what MarshalBinary writes in the same pass of the same learner. After an error the sums are
// of no use.
func (s *optimizerSum) UnmarshalBinary(b []byte) error {
	if err := wire.Decode(b, s.fields); err != nil {
		return fmt.Errorf("linear.Optimizer: the bytes are no sums of this pass: %w", err)
	}
	return nil
}

// fields are the pass, the rows, the sums and, after the pass that draws it, the sample.
func (s *optimizerSum) fields(c *wire.Codec) {
	c.Pass(s.pass)
	c.Count(&s.rows)
	c.Float(&s.weight)
	c.Check(s.weight >= 0, "a weight that is not negative")
	s.each(func(v []float64) { c.Floats(v) })
	if s.columns != nil {
		s.columns.fields(c)
	}
	if s.sample != nil {
		s.sample.fields(c, s.learner, s.rows)
	}
}

// sample is rows drawn at random: of those of a part, the ones whose hashes are the least.
type sample struct {
	limit   int
	part    int
	entries int  // that a row has at most, without which there is no sample, nor of dense rows; 0: any number
	none    bool // there is no sample

	least  []drawn   // a heap of rows' hashes, the greatest first, while rows are drawn
	rows   []sampled // in the order in which they came first; after that part by part, by their numbers
	groups []group
	drawn  int64 // rows of any weight that the part has had
	sealed bool
}

// group is so many sampled rows that stand for so many of a part.
type group struct {
	Kept, Of int64
}

// drawn is a row of the heap, without pointers, which the collector of garbage would have to be told of at each step.
type drawn struct {
	hash, number uint64
	at           int // in rows
}

type sampled struct {
	place          int32
	target, weight float64
	idx            []int32 // nil: dense
	val            []float64
}

func (r *drawn) before(s *drawn) int {
	if r.hash != s.hash { // as good as always
		return cmp.Compare(r.hash, s.hash)
	}
	return cmp.Compare(r.number, s.number)
}

// draw offers the rows of a chunk, before which there were first in the part: by their place among these, and not by
// that in the file, which counts rows that are left out.
func (s *sample) draw(c *linear.Chunk, places []int32, first int64, task linear.Task) {
	if s.none = s.none || s.tooMany(c); s.none {
		s.rows, s.least = nil, nil
		return
	}
	rows := linear.NewRows(c, nil, nil)
	for i, place := range places {
		weight, d := 1.0, drawn{number: uint64(s.part)<<40 + uint64(first) + uint64(i), at: len(s.rows)}
		if c.Weights != nil {
			if weight = c.Weights[i]; weight == 0 {
				continue
			}
		}
		s.drawn++
		d.hash = splitmix.Mix(d.number)
		switch {
		case len(s.rows) < s.limit:
			s.rows = append(s.rows, sampled{})
		case s.limit == 0 || d.before(&s.least[0]) >= 0:
			continue
		default:
			d.at = s.least[0].at // of the row that goes
		}
		s.least = least.Offer(s.least, s.limit, d, (*drawn).before)
		r, x := &s.rows[d.at], rows.At(i)
		r.place, r.weight, r.target = place, weight, 0
		if task == linear.Regression {
			r.target = c.Target[i]
		}
		if r.val = append(r.val[:0], x.Val...); x.Idx == nil {
			r.idx = nil
			continue
		}
		if r.idx == nil {
			r.idx = make([]int32, 0, len(x.Idx))
		}
		r.idx = append(r.idx[:0], x.Idx...)
	}
}

// tooMany reports whether a row of a chunk has more entries than a sample takes.
func (s *sample) tooMany(c *linear.Chunk) bool {
	if s.entries == 0 || c.Sparse == nil {
		return s.entries > 0
	}
	for i, from := range c.Sparse.Offsets[:c.Len()] {
		if c.Sparse.Offsets[i+1]-from > s.entries {
			return true
		}
	}
	return false
}

// seal ends drawing.
func (s *sample) seal() {
	if s.sealed {
		return
	}
	s.sealed = true
	// In the order of the rows, which rows that are left out between them do not change.
	slices.SortFunc(s.least, func(a, b drawn) int { return cmp.Compare(a.number, b.number) })
	rows := make([]sampled, len(s.rows))
	for i := range s.least {
		rows[i] = s.rows[s.least[i].at]
	}
	s.rows, s.least = rows, nil
	if len(s.rows) > 0 {
		s.groups = []group{{int64(len(s.rows)), s.drawn}}
	}
}

func (s *sample) merge(next *sample) {
	s.seal()
	next.seal()
	if s.none = s.none || next.none; s.none {
		s.rows, s.groups = nil, nil
		return
	}
	s.rows = append(s.rows, next.rows...)
	s.groups = append(s.groups, next.groups...)
}

// fields are the groups and then the rows, of at most so many that were seen, as the learner has them.
func (s *sample) fields(c *wire.Codec, o *Optimizer, seen int64) {
	if c.Reading() {
		s.rows, s.groups, s.sealed = nil, nil, true
	} else {
		s.seal()
	}
	if c.Flag(&s.none); s.none {
		return
	}
	kept, of := int64(0), int64(0)
	for i := range c.Len(len(s.groups), 2) {
		if c.Reading() {
			s.groups = append(s.groups, group{})
		}
		g := &s.groups[i]
		c.Count(&g.Kept, &g.Of)
		c.Check(g.Kept >= 1 && g.Of >= g.Kept && g.Kept <= seen-kept && g.Of <= seen-of, "a sample of the rows")
		if !c.OK() {
			return
		}
		kept, of = kept+g.Kept, of+g.Of
	}
	for i := range int(kept) {
		if c.Reading() {
			s.rows = append(s.rows, sampled{})
		}
		if s.rows[i].fields(c, o); !c.OK() {
			return
		}
	}
}

// fields are place, target, weight, columns and values.
func (r *sampled) fields(c *wire.Codec, o *Optimizer) {
	place, sparse, entries := int(r.place), r.idx != nil, o.features
	c.Int(&place)
	c.Check(place < max(1, o.options.Classes.Len()), "a class that is declared")
	c.Float(&r.target, &r.weight)
	c.Check(r.target-r.target == 0 && r.weight > 0 && r.weight-r.weight == 0, "a finite target and a weight above 0")
	c.Flag(&sparse)
	c.Check(!sparse || o.Scaler == nil || !o.Scaler.WithMean, "a dense row")
	if sparse {
		entries = c.Len(len(r.idx), 9)
		c.Check(entries <= o.features, "no more columns than there are")
	}
	if !c.Has(8 * entries) {
		return
	}
	if c.Reading() {
		r.place, r.val = int32(place), make([]float64, entries)
		if sparse {
			r.idx = make([]int32, entries)
		}
	}
	last := -1
	for e := range r.idx {
		j := int(r.idx[e])
		c.Int(&j)
		c.Check(j > last && j < o.features, "columns that ascend")
		r.idx[e], last = int32(j), j
	}
	c.Finite(r.val)
}

// solve finds the optimum of the sample for each of several optimizers of the same rows, a point for each weight
// vector, or as near as it comes; nil where there is none. Each begins at the end of the one before. Without any rows
// there is nothing. The arrowhead is that of the second derivatives, or nil.
func (s *sample) solve(all []*Optimizer, arrow *arrowhead) ([][]jsontext.BitFloats, error) {
	s.seal()
	if len(s.rows) == 0 {
		return nil, nil
	}
	chunks, places := s.chunks(all[0].features)
	points := make([][]jsontext.BitFloats, len(all))
	var end *sampleEnd
	for i, o := range all {
		var err error
		if end, err = optimumOf(o, arrow, end, chunks, places); err != nil {
			return nil, err
		}
		if end != nil {
			points[i] = end.points
		}
	}
	return points, nil
}

// chunks are the rows of either kind, dense and sparse, and the places of their classes.
func (s *sample) chunks(features int) (chunks [2]linear.Chunk, places [2][]int32) {
	all := int64(0)
	for _, g := range s.groups {
		all += g.Of
	}
	var rows, entries [2]int
	for i := range s.rows {
		k := s.rows[i].kind()
		rows[k]++
		entries[k] += len(s.rows[i].val)
	}
	for k, n := range rows {
		c := &chunks[k]
		c.Features, c.Weights, c.Target, places[k] = features, make([]float64, 0, n), make([]float64, 0, n),
			make([]int32, 0, n)
		switch {
		case n == 0:
		case k == 0:
			c.X = make([]float64, 0, entries[k])
		default:
			c.Sparse = &linear.CSR{Offsets: make([]int, 1, n+1), Indices: make([]int32, 0, entries[k]),
				Values: make([]float64, 0, entries[k])}
		}
	}
	at := 0
	for _, g := range s.groups {
		stands := float64(g.Of) / float64(g.Kept) * (float64(len(s.rows)) / float64(all))
		for i := range s.rows[at : at+int(g.Kept)] {
			r := &s.rows[at+i]
			k := r.kind()
			c := &chunks[k]
			c.Weights, c.Target = append(c.Weights, r.weight*stands), append(c.Target, r.target)
			places[k] = append(places[k], r.place)
			if k == 0 {
				c.X = append(c.X, r.val...)
				continue
			}
			c.Sparse.Indices, c.Sparse.Values = append(c.Sparse.Indices, r.idx...), append(c.Sparse.Values, r.val...)
			c.Sparse.Offsets = append(c.Sparse.Offsets, len(c.Sparse.Values))
		}
		at += int(g.Kept)
	}
	return chunks, places
}

// kind is 1 of a sparse row.
func (r *sampled) kind() int {
	if r.idx != nil {
		return 1
	}
	return 0
}

// sampleEnd is where the search for an optimum of the sample has ended.
type sampleEnd struct {
	points []jsontext.BitFloats // of each weight vector
	sum    *optimizerSum        // of all of them, near there; nil: none is known
}

// optimumOf is the optimum of these rows for an optimizer, or as near as it comes; nil where it overflows. It begins at
// the end of another's search over the same rows, which may be nil.
func optimumOf(o *Optimizer, arrow *arrowhead, start *sampleEnd, chunks [2]linear.Chunk, places [2][]int32) (
	*sampleEnd, error) {
	inner, err := NewOptimizer(o.options, o.features)
	if err != nil {
		return nil, err
	}
	inner.Remember(math.MaxInt64)
	inner.promise, inner.sample, inner.arrow = samplePromise, 0, arrow
	inner.Scaler, inner.ClassRows, inner.ClassSizes = o.Scaler, o.ClassRows, o.ClassSizes
	if start == nil {
		mean, weight := 0.0, 0.0
		for _, c := range chunks {
			for i, w := range c.Weights {
				mean += float64(w * c.Target[i])
				weight += w
			}
		}
		inner.Centre(mean / weight)
	}
	sum, end := inner.startAt(start), &sampleEnd{}
	for inner.passes < 60 && !inner.Done() {
		if sum == nil {
			sum = inner.partial(0, 1)
			if err := sum.addSample(chunks, places); err != nil {
				return nil, err
			}
		}
		if err := inner.Advance(sum); err != nil {
			return nil, nil // the rows themselves will tell whether they overflow
		}
		end.sum, sum = sum, nil
	}
	if !inner.Converged() || slices.Contains(end.sum.sums, nil) {
		end.sum = nil
	}
	for _, p := range inner.problems {
		end.points = append(end.points, p.Base)
	}
	return end, nil
}

// addSample adds all rows of a sample.
func (s *optimizerSum) addSample(chunks [2]linear.Chunk, places [2][]int32) error {
	if _, ok, err := s.Recall(); ok || err != nil {
		return err
	}
	for k := range chunks {
		if len(places[k]) > 0 {
			if err := s.add(&chunks[k], places[k]); err != nil {
				return err
			}
		}
	}
	s.Whole()
	return nil
}

// startAt begins at the end of another's search. Its last sums are those of the first pass, where they are known: they
// do not depend on the penalty.
func (o *Optimizer) startAt(end *sampleEnd) *optimizerSum {
	if end == nil {
		return nil
	}
	for k, p := range o.problems {
		p.Base = slices.Clone(end.points[k])
		if end.sum != nil {
			p.Base = slices.Clone(end.sum.sums[k].point)
		}
	}
	if end.sum == nil {
		return nil
	}
	first := *end.sum
	first.learner, first.pass = o, 0
	return &first
}
