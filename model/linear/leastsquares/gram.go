// Package leastsquares learns linear models of squared errors exactly, whatever the penalty, from the sums of
// products of columns that one pass gives: [Gram], and [FoldGram] for cross-validation.
package leastsquares

import (
	"errors"
	"fmt"
	"slices"

	"beamlearn/model/fault"
	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/panel"
)

// MaxGram bounds the features of a [Gram]: at this many it takes 16 MB.
const MaxGram = 2000

// Gram is the sums from which least squares follows exactly, whatever the penalty: of features and target, the
// weighted means and the centred products XᵀX, Xᵀy and yᵀy. It is a [Partial] and the [Learner] of its one pass. It
// takes 4·(features+1)² bytes.
//
// Rows are summed up about the means of their block of at most 128 rows (of sparse rows: of their chunk), which are
// kept as differences from the first rows' means, and blocks are combined by the formula of Chan, Golub and LeVeque
// (The American Statistician 37.3, 1983): means that are large against the spread cost no digits. A row of weight 0
// counts as a row, and for nothing else.
type Gram struct {
	features int
	rows     int64
	weight   float64
	sparse   bool // some rows were
	done     bool
	err      error // the sums overflowed

	// Of the features and then the target: what is taken from every value first (nil before the first row), the mean of
	// what is left, and the centred sums of products.
	shift, mean []float64
	products    panel.Triangle

	more  []further // sums of targets beside the first
	block *gramBlock
}

// gramBlock is the room for the sums of a block.
type gramBlock struct {
	x, z        *panel.Panels
	targets     [][]float64 // of the first, and then of more
	weights     []float64
	pairs       []float64 // of four targets
	mean, delta []float64
	products    panel.Triangle
	more        []further
}

// NewGram begins the sums for rows of so many features, 2,000 at most.
func NewGram(features int) (*Gram, error) {
	if features < 1 {
		return nil, fmt.Errorf("%d features: there must be at least one", features)
	}
	if features > MaxGram {
		return nil, fmt.Errorf("%d features: exact least squares takes %d at most: learn by sgd, or hash to fewer features",
			features, MaxGram)
	}
	return newGram(features), nil
}

// newGrams is newGram for rows of so many targets: see [Gram.Several].
func newGrams(features, targets int) *Gram {
	g := newGram(features)
	g.more = newFurther(features, targets-1)
	return g
}

func newGram(features int) *Gram {
	return &Gram{features: features, mean: make([]float64, features+1), products: panel.NewTriangle(features + 1)}
}

// Rows is the number of rows, and Weight the sum of their weights.
func (g *Gram) Rows() int64     { return g.rows }
func (g *Gram) Weight() float64 { return g.weight }

// Squares are the mean squares of the features, and last of the target, about their means where these are taken away.
func (g *Gram) Squares(centred bool) []float64 {
	v := make([]float64, g.features+1)
	for j, mean := range g.means() {
		if v[j] = g.products.Row(j, g.features+1)[0] / g.weight; !centred {
			v[j] += float64(mean * mean)
		}
	}
	return v
}

// Constant reports whether the target has one value in all rows of a weight above 0, up to rounding, and which.
func (g *Gram) Constant() (value float64, is bool) {
	if !(g.weight > 0) {
		return 0, false
	}
	mean := g.means()[g.features]
	e := 0x1p-10 * kernel.Epsilon * mean
	return mean, g.products[len(g.products)-1] <= float64(g.weight*float64(e*e))
}

// Underflow is the error of a feature, or a target, whose values differ by so little that float64 does not hold their
// squares with all its digits, so that the sums say nothing of it.
func (g *Gram) Underflow() error {
	at := 0
	for i := range g.features + 1 {
		least := 0x1p-1022 * max(1, float64(g.rows))
		v, m := g.products[at], g.mean[i]
		if v < least && (v > 0 || m != 0 && float64(m*m)*g.weight < least) {
			return fault.File("", "values whose squares float64 holds: scale them up", "values %s that underflow", g.nameOf(i))
		}
		at += g.features + 1 - i
	}
	return nil
}

// nameOf is how an error calls a column of the sums.
func (g *Gram) nameOf(i int) string {
	if i == g.features {
		return "of the target"
	}
	return fmt.Sprint("of feature ", i)
}

// Partial begins a part.
func (g *Gram) Partial(part, parts int) linear.Partial { return newGram(g.features) }

// Advance ends the pass: the receiver is the sum.
func (g *Gram) Advance(sum linear.Partial) error {
	s, ok := sum.(*Gram)
	if !ok || s.features != g.features {
		return fmt.Errorf("linear.Gram: the sum is that of another learner")
	}
	if s.err != nil {
		return s.err
	}
	*g = *s
	g.done = true
	return nil
}

// Done reports whether the pass has been made.
func (g *Gram) Done() bool { return g.done }

// PartialFit adds rows with numbers to learn. O(features²) for a dense row, O(entries²) for a sparse one. A faulty
// row leaves the sums as they were; an overflow spoils them for good.
func (g *Gram) PartialFit(c *linear.Chunk) error {
	if err := g.check(c); err != nil {
		return err
	}
	return g.add(c, nil)
}

func (g *Gram) check(c *linear.Chunk) error {
	if g.err != nil {
		return g.err
	}
	if err := c.CheckRows(g.features); err != nil {
		return err
	}
	if len(g.more) == 0 {
		return c.CheckTargets(linear.Regression)
	}
	return g.checkTargets(c)
}

// add adds those rows of a chunk that has been checked, or all where rows is nil.
func (g *Gram) add(c *linear.Chunk, rows []int32) error {
	n := c.Len()
	if rows != nil {
		n = len(rows)
	}
	if n == 0 {
		return nil
	}
	g.rows += int64(n)
	if c.Sparse != nil {
		g.sparse = true
		if c.Entries() < c.Len()*g.features/4 {
			g.addSparse(c, rows, n)
			return g.overflow(c)
		}
	}
	b := g.room()
	plain := rows == nil && c.Sparse == nil && c.Weights == nil
	learned := g.learned(c)
	for at := 0; at < n; {
		m := 0
		if plain && g.shift != nil {
			m = min(n-at, b.x.Rows)
			for r := range m {
				b.weights[r] = 1
			}
			for k, to := range b.targets {
				shift := g.shiftOf(k)
				for r, y := range learned[k][at : at+m] {
					to[r] = y - shift
				}
			}
			b.x.Centre(c, at, g.shift[:g.features], b.mean, m)
			g.addShifted(b, m, float64(m), nil)
			at += m
			continue
		}
		for ; at < n && m < b.x.Rows; at++ {
			i := at
			if rows != nil {
				i = int(rows[at])
			}
			b.weights[m] = 1
			if c.Weights != nil {
				if b.weights[m] = c.Weights[i]; b.weights[m] == 0 {
					continue
				}
			}
			b.x.Pack(m, c, i)
			for k, to := range b.targets {
				to[m] = learned[k][i]
			}
			m++
		}
		if m > 0 {
			g.addBlock(b, m, c.Weights != nil)
		}
	}
	return g.overflow(c)
}

func (g *Gram) room() *gramBlock {
	if g.block == nil {
		n := panel.BlockRows(g.features)
		g.block = &gramBlock{
			x: panel.NewPanels(g.features, n), weights: make([]float64, n),
			pairs: make([]float64, 4*n),
			mean:  make([]float64, g.features+5), delta: make([]float64, g.features+1),
			products: panel.NewTriangle(g.features + 1),
		}
		for range 1 + len(g.more) {
			g.block.targets = append(g.block.targets, make([]float64, n))
		}
		g.block.more = newFurther(g.features, len(g.more))
	}
	return g.block
}

// addBlock adds the first n rows of b.
func (g *Gram) addBlock(b *gramBlock, n int, weighted bool) {
	d := g.features
	weight, weights := float64(n), []float64(nil)
	if weighted {
		weight, weights = 0, b.weights[:n]
		for _, s := range weights {
			weight += s
		}
	}
	if g.shift == nil {
		b.x.Sums(b.mean, weights, n)
		b.average(d, n, weight)
		g.shift = slices.Clone(b.mean[:d+1])
		for k := range g.more {
			g.more[k].shift = b.more[k].mean
		}
	}
	for k, target := range b.targets {
		shift := g.shiftOf(k)
		for r := range n {
			target[r] -= shift
		}
	}
	b.x.Subtract(g.shift[:d], n)
	b.x.Sums(b.mean, weights, n)
	g.addShifted(b, n, weight, weights)
}

// average makes means of the sums of d features, and adds those of the targets.
func (b *gramBlock) average(d, n int, weight float64) {
	for j := range d {
		b.mean[j] /= weight
	}
	for k, target := range b.targets {
		m := 0.0
		for r, y := range target[:n] {
			m += float64(b.weights[r] * y)
		}
		*b.meanOf(k, d) = m / weight
	}
}

// meanOf is the mean of target k beside d features.
func (b *gramBlock) meanOf(k, d int) *float64 {
	if k == 0 {
		return &b.mean[d]
	}
	return &b.more[k-1].mean
}

// cross is the product of target k and feature j of d, or the square of the target where j is d.
func (b *gramBlock) cross(k, j, d int) *float64 {
	if k == 0 {
		return &b.products.Row(j, d+1)[d-j]
	}
	return &b.more[k-1].products[j]
}

// centre takes its mean from target k in the first n rows, makes what is left column k of four pairs, and gives the
// sum of its squares.
func (b *gramBlock) centre(k, n int, mean float64) (squares float64) {
	for r, v := range b.targets[k][:n] {
		y := v - mean
		s := float64(b.weights[r] * y)
		b.pairs[4*r+k%4] = s
		squares += float64(s * y)
	}
	return squares
}

// addShifted adds the first n rows of b, of that weight, from which the shift has been taken, and whose sums are in
// b.mean.
func (g *Gram) addShifted(b *gramBlock, n int, weight float64, weights []float64) {
	d, w := g.features, g.features+1
	b.average(d, n, weight)
	b.x.Subtract(b.mean[:d], n)
	clear(b.products)
	z := b.x
	if weights != nil {
		if b.z == nil {
			b.z = panel.NewPanels(d, b.x.Rows)
		}
		z = b.z
		z.Weigh(b.x, weights, n)
	}
	b.products.Syrk(w, z, b.x, n)
	for first := 0; first < len(b.targets); first += 4 {
		last := min(first+4, len(b.targets))
		for k := first; k < last; k++ {
			*b.cross(k, d, d) = b.centre(k, n, *b.meanOf(k, d))
		}
		for p := range b.x.Groups() {
			t := b.x.Pairs(b.pairs, p, n)
			for j := 4 * p; j < min(4*p+4, d); j++ {
				for k := first; k < last; k++ {
					*b.cross(k, j, d) = t[4*(k-first)+j-4*p]
				}
			}
		}
	}
	g.combine(weight, b.mean[:w], b.products, b.more)
}

// scratch is room for n numbers: that of a block, where there is one.
func (g *Gram) scratch(n int) []float64 {
	if g.block == nil {
		return make([]float64, n)
	}
	return g.block.delta[:n]
}

// combine adds rows of that weight, whose means differ by mean from the shift, and whose centred products are those.
func (g *Gram) combine(weight float64, mean []float64, products panel.Triangle, more []further) {
	if weight == 0 {
		return
	}
	if g.weight == 0 {
		g.weight = weight
		copy(g.mean, mean)
		copy(g.products, products)
		for k := range g.more {
			g.more[k].mean = more[k].mean
			copy(g.more[k].products, more[k].products)
		}
		return
	}
	total := g.weight + weight
	factor, share := g.weight*(weight/total), weight/total
	w := g.features + 1
	delta := g.scratch(w)
	for j := range delta {
		delta[j] = mean[j] - g.mean[j]
		g.mean[j] += float64(delta[j] * share)
	}
	at := 0
	for i := range w {
		f := factor * delta[i]
		to, from := g.products[at:at+w-i], products[at:at+w-i]
		at += w - i
		for k, v := range delta[i:] {
			to[k] += from[k] + float64(f*v)
		}
	}
	for k := range g.more {
		g.more[k].combine(&more[k], delta[:g.features], factor, share)
	}
	g.weight = total
}

// addSparse adds rows in O(entries²) each. Columns that more than half of the rows have are centred like dense ones,
// as their mean may be large against their spread; of the others it cannot, and their squares are summed up as they
// are.
func (g *Gram) addSparse(c *linear.Chunk, rows []int32, n int) {
	d, w, s := g.features, g.features+1, c.Sparse
	learned := g.learned(c)
	index := func(k int) int {
		if rows != nil {
			return int(rows[k])
		}
		return k
	}
	weightOf := func(i int) float64 {
		if c.Weights != nil {
			return c.Weights[i]
		}
		return 1
	}
	count, sum, weight := make([]int32, d), make([]float64, w), 0.0
	for k := range n {
		i := index(k)
		f := weightOf(i)
		weight += f
		sum[d] += float64(f * learned[0][i])
		for e := s.Offsets[i]; e < s.Offsets[i+1]; e++ {
			count[s.Indices[e]]++
			sum[s.Indices[e]] += float64(f * s.Values[e])
		}
	}
	if weight == 0 {
		return
	}
	order, often := oftenFirst(count, n)
	place, isOften, centre := make([]int32, w), make([]bool, w), make([]float64, w) // by column
	for k, j := range order {
		place[j] = int32(k)
		if k < often {
			isOften[j], centre[j] = true, sum[j]/weight
		}
	}
	if g.shift == nil {
		g.shift = slices.Clone(centre)
	}
	others := g.sparseTargets(learned, rows, n, weight, weightOf)
	products, mean := panel.NewTriangle(w), make([]float64, w) // in that order
	idx, val := make([]int32, often, w), make([]float64, often, w)
	for k := range often {
		idx[k] = int32(k)
	}
	for k := range n {
		i := index(k)
		f := weightOf(i)
		if f == 0 {
			continue
		}
		idx, val = idx[:often], val[:often]
		for k, j := range order[:often] {
			val[k] = -centre[j]
		}
		val[0] += learned[0][i]
		for e := s.Offsets[i]; e < s.Offsets[i+1]; e++ {
			if j := s.Indices[e]; isOften[j] {
				val[place[j]] = s.Values[e] - centre[j]
			} else {
				idx, val = append(idx, place[j]), append(val, s.Values[e])
			}
		}
		panel.AddProducts(products, w, f, idx, val)
		kernel.AddSparse(f, idx, val, mean)
		for t := range others {
			others[t].add(f, learned[t+1][i], idx, val)
		}
	}
	kernel.Scale(1/weight, mean)
	m, more := make([]float64, w), make([]further, len(others))
	for k, j := range order {
		m[j] = mean[k] + (centre[j] - g.shift[j])
	}
	for t := range others {
		more[t] = others[t].sorted(mean, weight, g.more[t].shift, order)
	}
	g.combine(weight, m, sorted(products, mean, weight, order), more)
}

// oftenFirst is an order of the target, the columns that more than half of n rows have, how many these are together,
// and then the other columns.
func oftenFirst(count []int32, n int) (order []int32, often int) {
	order = []int32{int32(len(count))}
	for j, k := range count {
		if int(k) > n/2 {
			order = append(order, int32(j))
		}
	}
	often = len(order)
	for j, k := range count {
		if int(k) <= n/2 {
			order = append(order, int32(j))
		}
	}
	return order, often
}

// sorted is the products of columns in an order of their own, centred and back in the order of the columns.
func sorted(products panel.Triangle, mean []float64, weight float64, order []int32) panel.Triangle {
	w := len(order)
	out := panel.NewTriangle(w)
	for k, j := range order {
		f := weight * mean[k]
		for l, v := range products.Row(k, w) {
			i := order[k+l]
			v -= float64(f * mean[k+l])
			if k+l == k {
				v = max(v, 0)
			}
			lo, hi := int(min(i, j)), int(max(i, j))
			out.Row(lo, w)[hi-lo] = v
		}
	}
	return out
}

// overflow is the error of sums that are not finite: their diagonal, which bounds the rest, shows it.
func (g *Gram) overflow(c *linear.Chunk) error {
	at := 0
	for i := range g.features + 1 {
		if v := g.products[at] + g.mean[i]; v-v != 0 {
			g.err = c.Fault(-1, "values whose squares sum up to a number: scale them down", "values %s that overflow",
				g.nameOf(i))
			return g.err
		}
		at += g.features + 1 - i
	}
	for k := range g.more {
		if v := g.more[k].products[g.features] + g.more[k].mean; v-v != 0 {
			g.err = c.Fault(-1, "values whose squares sum up to a number: scale them down",
				"values of target %d that overflow", k+2)
			return g.err
		}
	}
	return nil
}

// Merge adds the rows of another Gram. O(features²).
func (g *Gram) Merge(next linear.Partial) error {
	h, ok := next.(*Gram)
	if !ok || h.features != g.features || len(h.more) != len(g.more) {
		return errors.New("linear.Gram: cannot add what another learner has summed up")
	}
	if g.err != nil || h.err != nil {
		g.err = errors.Join(g.err, h.err)
		return g.err
	}
	g.rows += h.rows
	g.sparse = g.sparse || h.sparse
	if h.shift == nil {
		return nil
	}
	if g.shift == nil {
		g.shift = slices.Clone(h.shift)
		for k := range g.more {
			g.more[k].shift = h.more[k].shift
		}
	}
	more := make([]further, len(g.more))
	for k := range more {
		from := &h.more[k]
		more[k] = further{mean: (from.shift - g.more[k].shift) + from.mean, products: from.products}
	}
	mean := make([]float64, len(h.mean))
	for j, m := range h.mean {
		mean[j] = (h.shift[j] - g.shift[j]) + m
	}
	g.combine(h.weight, mean, h.products, more)
	return g.overflow(&linear.Chunk{})
}

// MarshalBinary keeps every bit.
func (g *Gram) MarshalBinary() ([]byte, error) { return wire.Encode(g.fields) }

// UnmarshalBinary reads what MarshalBinary writes for as many features as the receiver's.
func (g *Gram) UnmarshalBinary(b []byte) error {
	if len(b) < GramSize(g.features) {
		return fmt.Errorf("linear.Gram: %d bytes are no sums of %d features", len(b), g.features)
	}
	h := newGrams(g.features, g.Targets())
	h.done = g.done
	if err := wire.Decode(b, h.fields); err != nil {
		return fmt.Errorf("linear.Gram: the bytes are no sums: %w", err)
	}
	*g = *h
	return nil
}

func (g *Gram) fields(c *wire.Codec) {
	c.Fail(g.err)
	features := g.features
	c.Int(&features)
	c.Check(features == g.features, "as many features")
	c.Count(&g.rows)
	c.Flag(&g.sparse)
	c.Float(&g.weight)
	c.Maybe(&g.shift, g.features+1)
	c.CheckFinite(g.shift)
	c.Finite(g.mean, g.products)
	for k := range g.more {
		g.more[k].fields(c)
	}
	at := 0
	for i := range g.features + 1 {
		c.Check(g.products[at] >= 0, "squares that are not negative")
		at += g.features + 1 - i
	}
	c.Check(g.weight >= 0 && g.weight-g.weight == 0 && (g.weight == 0 || g.rows > 0 && g.shift != nil), "a weight of rows")
}

// GramSize is how many bytes the sums of so many features take at least.
func GramSize(features int) int {
	w := features + 1
	return 8 * (1 + w + w*(w+1)/2)
}

// state is the fields of a Gram as the state of a learner; the sums are those of MarshalBinary.
func (g *Gram) state(sums *[]byte) jsontext.Object {
	return jsontext.Object{{Name: "features", Value: &g.features}, {Name: "done", Value: &g.done},
		{Name: "sums", Value: sums}}
}

// MarshalJSON writes the whole state.
func (g *Gram) MarshalJSON() ([]byte, error) {
	sums, err := g.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return g.state(&sums).MarshalJSON()
}

// UnmarshalJSON reads what MarshalJSON writes.
func (g *Gram) UnmarshalJSON(b []byte) error {
	var s Gram
	var sums []byte
	if err := s.state(&sums).UnmarshalJSON(b); err != nil {
		return err
	}
	if s.features > MaxGram || len(sums) < GramSize(s.features) {
		return fmt.Errorf("linear.Gram: %d bytes are no sums of %d features", len(sums), s.features)
	}
	h, err := NewGram(s.features)
	if err != nil {
		return err
	}
	h.done = s.done
	if err := h.UnmarshalBinary(sums); err != nil {
		return err
	}
	*g = *h
	return nil
}

// means are those of the features and the target.
func (g *Gram) means() []float64 {
	m := slices.Clone(g.mean)
	kernel.Add(1, g.shift, m)
	return m
}

// Scaler is the StandardScaler of the rows, weighted, made of the sums: without WithMean where some rows were sparse.
func (g *Gram) Scaler() (*linear.StandardScaler, error) {
	if err := g.filled(); err != nil {
		return nil, err
	}
	s := linear.NewStandardScaler(g.features)
	s.WithMean = !g.sparse
	copy(s.Mean, g.means())
	for j := range s.Var {
		s.Var[j] = max(0, g.products.Row(j, g.features+1)[0]/g.weight)
		s.Count[j] = g.weight
	}
	s.Finish()
	return s, nil
}

func (g *Gram) filled() error {
	if g.err != nil {
		return g.err
	}
	if !(g.weight > 0) {
		return errors.New("no rows to learn from, or none of any weight")
	}
	return nil
}

// FoldGram sums up, in one pass, the rows of each fold of a cross-validation by themselves. It is a [Partial] and the
// [Learner] of its one pass. It takes as much memory as folds times a [Gram].
type FoldGram struct {
	// Grams are the sums of each fold.
	Grams []*Gram
	fold  func(number int64) int
	done  bool
	rows  [][]int32
}

// NewFoldGram begins the sums of so many folds, at least two. A row's fold, from 0 to folds−1, is a function of its
// number in the dataset.
func NewFoldGram(features, folds int, fold func(number int64) int) (*FoldGram, error) {
	if folds < 2 {
		return nil, fmt.Errorf("%d folds: there must be at least two", folds)
	}
	f := &FoldGram{fold: fold}
	for range folds {
		g, err := NewGram(features)
		if err != nil {
			return nil, err
		}
		f.Grams = append(f.Grams, g)
	}
	return f, nil
}

// Partial begins a part.
func (f *FoldGram) Partial(part, parts int) linear.Partial {
	p := &FoldGram{fold: f.fold}
	for _, g := range f.Grams {
		p.Grams = append(p.Grams, newGram(g.features))
	}
	return p
}

// Advance ends the pass: the receiver is the sum.
func (f *FoldGram) Advance(sum linear.Partial) error {
	s, err := f.like(sum)
	if err != nil {
		return err
	}
	for i, g := range s.Grams {
		if err := f.Grams[i].Advance(g); err != nil {
			return err
		}
	}
	f.done = true
	return nil
}

func (f *FoldGram) like(p linear.Partial) (*FoldGram, error) {
	s, ok := p.(*FoldGram)
	if !ok || len(s.Grams) != len(f.Grams) {
		return nil, errors.New("linear.FoldGram: cannot add what another learner has summed up")
	}
	return s, nil
}

// Done reports whether the pass has been made.
func (f *FoldGram) Done() bool { return f.done }

// PartialFit adds rows, which must have numbers, to the sums of their folds.
func (f *FoldGram) PartialFit(c *linear.Chunk) error {
	if err := f.Grams[0].check(c); err != nil {
		return err
	}
	if c.Numbers == nil && c.Len() > 0 {
		return errors.New("linear.FoldGram: rows need numbers, which tell their folds")
	}
	if f.rows == nil {
		f.rows = make([][]int32, len(f.Grams))
	}
	for k := range f.rows {
		f.rows[k] = f.rows[k][:0]
	}
	for i, number := range c.Numbers {
		k := f.fold(c.FoldKey(i, number))
		if k < 0 || k >= len(f.Grams) {
			return fmt.Errorf("linear.FoldGram: row %d is in fold %d of %d", number, k, len(f.Grams))
		}
		f.rows[k] = append(f.rows[k], int32(i))
	}
	for k, rows := range f.rows {
		if err := f.Grams[k].err; err != nil {
			return err
		}
		if len(rows) > 0 {
			if err := f.Grams[k].add(c, rows); err != nil {
				return err
			}
		}
	}
	return nil
}

// Merge adds the sums of another part.
func (f *FoldGram) Merge(next linear.Partial) error {
	s, err := f.like(next)
	if err != nil {
		return err
	}
	for i, g := range s.Grams {
		if err := f.Grams[i].Merge(g); err != nil {
			return err
		}
	}
	return nil
}

// MarshalBinary keeps every bit.
func (f *FoldGram) MarshalBinary() ([]byte, error) { return wire.Encode(f.fields) }

// UnmarshalBinary reads what MarshalBinary writes for as many folds and features as the receiver's.
func (f *FoldGram) UnmarshalBinary(b []byte) error {
	n := len(f.Grams)
	if features := f.Grams[0].features; len(b)/GramSize(features) < n {
		return fmt.Errorf("linear.FoldGram: %d bytes are no sums of %d folds of %d features", len(b), n, features)
	}
	h := *f
	h.Grams = make([]*Gram, n)
	for i, g := range f.Grams {
		h.Grams[i] = newGrams(g.features, g.Targets())
		h.Grams[i].done = g.done
	}
	if err := wire.Decode(b, h.fields); err != nil {
		return fmt.Errorf("linear.FoldGram: the bytes are no sums: %w", err)
	}
	*f = h
	return nil
}

func (f *FoldGram) fields(c *wire.Codec) {
	for _, g := range f.Grams {
		g.fields(c)
	}
}

// state is the fields of a FoldGram as the state of a learner.
func (f *FoldGram) state() jsontext.Object {
	return jsontext.Object{{Name: "done", Value: &f.done}, {Name: "grams", Value: &f.Grams}}
}

// MarshalJSON writes the whole state, but for the function that tells the folds.
func (f *FoldGram) MarshalJSON() ([]byte, error) { return f.state().MarshalJSON() }

// UnmarshalJSON reads what MarshalJSON writes into a FoldGram of as many folds and features, whose function it keeps.
func (f *FoldGram) UnmarshalJSON(b []byte) error {
	var s FoldGram
	if err := s.state().UnmarshalJSON(b); err != nil {
		return err
	}
	if len(s.Grams) != len(f.Grams) {
		return fmt.Errorf("linear.FoldGram: %d folds: must be %d", len(s.Grams), len(f.Grams))
	}
	for i, g := range s.Grams {
		if g == nil || g.features != f.Grams[i].features {
			return fmt.Errorf("linear.FoldGram: fold %d is not of %d features", i, f.Grams[i].features)
		}
	}
	f.done, f.Grams = s.done, s.Grams
	return nil
}

// Training is the sums of all folds but one, merged in their order.
func (f *FoldGram) Training(fold int) (*Gram, error) { return f.merged(fold) }

// All is the sums of all folds, merged in their order.
func (f *FoldGram) All() (*Gram, error) { return f.merged(-1) }

func (f *FoldGram) merged(without int) (*Gram, error) {
	sum := newGram(f.Grams[0].features)
	for i, g := range f.Grams {
		if i != without {
			if err := sum.Merge(g); err != nil {
				return nil, err
			}
		}
	}
	return sum, nil
}
