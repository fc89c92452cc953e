// Package impute fills missing numbers from the nearest rows that have them, as scikit-learn's KNNImputer does.
//
// The distance of two rows is nan_euclidean (J. Dixon: Pattern Recognition with Partly Missing Data. IEEE Transactions
// on Systems, Man, and Cybernetics 9 (1979), 617–621): the Euclidean one over the columns that both have, times the
// root of all columns / these columns; there is none where they have no column in common. A missing number becomes the
// mean of its column in the K nearest of the points that have one there and are at a distance; the mean of all points
// that have one, where none is at a distance. A column that no point has anything in stays missing.
//
// Points at the same distance count in the order of their positions, where scikit-learn takes those that its
// partition leaves in front. Distances are sums of squared differences, where scikit-learn expands the squares: of
// copies of a row they are exactly 0.
package impute

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors/vote"
	"beamlearn/model/vectors"
)

// MaxValue bounds the numbers: squares of their differences stay finite.
const MaxValue = 1e150

// Options of imputing.
type Options struct {
	// K is how many points a missing number is the mean of. Required: at least 1. Where fewer have a number in the
	// column, it is the mean of these.
	K int
	// Weights of the points. Default: vote.Uniform.
	Weights vote.Weights
	// Standardize takes distances of columns that were brought to mean 0 and variance 1 by the points' numbers; what is
	// filled in has the columns' own units.
	Standardize bool
}

// Validate reports every fault of the options at once.
func (o *Options) Validate() error {
	var errs []error
	if o.K < 1 {
		errs = append(errs, fmt.Errorf("k %d: must be at least 1", o.K))
	}
	if o.Weights != "" && o.Weights != vote.Uniform && o.Weights != vote.Distance {
		errs = append(errs, fmt.Errorf("weights %q: must be uniform or distance", o.Weights))
	}
	return errors.Join(errs...)
}

// Imputer has the points. Once it is fitted, it is safe for concurrent use.
type Imputer struct {
	options Options
	dim     int
	rows    int
	// raw are the points, 8 side by side: column after column, each with its value in all of them; NaN where one is
	// missing, and beyond the last point.
	raw []float64
	// scaled are raw as distances see them: the same memory, unless they are standardized.
	scaled []float64
	// Of each column: how many points have it, their mean, and by what it is divided.
	counts []int64
	means  []float64
	scales []float64
}

// New makes an Imputer for rows of dim columns, without a point.
func New(dim int, o Options) (*Imputer, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &Imputer{options: o, dim: dim}, nil
}

// Add adds points: rows of a block in which NaN is what is missing. It takes 8 bytes a value.
func (m *Imputer) Add(b *vectors.Block) error {
	buf := make([]float64, m.dim)
	for i := range b.Len() {
		row := b.Row(i, buf)
		if j := beyond(row); j >= 0 {
			return beyondFault(b, i, j, row[j])
		}
		if m.rows == math.MaxInt32 {
			return fmt.Errorf("impute: more than %d points", math.MaxInt32)
		}
		lane := m.rows % lanes
		if lane == 0 {
			n := len(m.raw)
			m.raw = append(m.raw, make([]float64, m.dim*lanes)...)
			for j := range m.raw[n:] {
				m.raw[n+j] = math.NaN()
			}
		}
		block := m.raw[len(m.raw)-m.dim*lanes:]
		for j, v := range row {
			block[j*lanes+lane] = v
		}
		m.rows++
	}
	return nil
}

// beyond is the place of the first number that is too large, or -1.
func beyond(row []float64) int {
	for j, v := range row {
		if math.Abs(v) > MaxValue {
			return j
		}
	}
	return -1
}

// beyondFault is that of row i of a block, whose number in the dataset it has.
func beyondFault(b *vectors.Block, i, column int, v float64) error {
	return &fault.Fault{
		Row: b.Numbers[i], Column: strconv.Itoa(column), Found: strconv.FormatFloat(v, 'g', -1, 64),
		Expected: "a number of at most 1e150, whose square can be told",
	}
}

// Fit ends the adding of points. It takes 8 bytes a value once more where they are standardized.
func (m *Imputer) Fit() {
	m.counts, m.means, m.scales = make([]int64, m.dim), make([]float64, m.dim), make([]float64, m.dim)
	for j := range m.dim {
		var s sum
		m.each(j, func(v float64) { s.add(v) })
		m.counts[j], m.means[j], m.scales[j] = s.n, s.mean(), 1
		if !m.options.Standardize || s.n == 0 {
			continue
		}
		var squares sum
		m.each(j, func(v float64) { squares.add(float64((v - m.means[j]) * (v - m.means[j]))) })
		if d := math.Sqrt(squares.mean()); d > 0 {
			m.scales[j] = d
		}
	}
	m.scaled = m.raw
	if m.options.Standardize {
		m.scaled = make([]float64, len(m.raw))
		for i, v := range m.raw {
			m.scaled[i] = m.scale(i/lanes%m.dim, v)
		}
	}
}

// each gives the numbers of a column, in the order of the points.
func (m *Imputer) each(column int, use func(v float64)) {
	for at := column * lanes; at < len(m.raw); at += m.dim * lanes {
		for _, v := range m.raw[at : at+lanes] {
			if v == v {
				use(v)
			}
		}
	}
}

func (m *Imputer) scale(column int, v float64) float64 {
	if !m.options.Standardize {
		return v
	}
	return (v - m.means[column]) / m.scales[column]
}

// Len is the number of points.
func (m *Imputer) Len() int { return m.rows }

// Present is how many points have a number in a column.
func (m *Imputer) Present(column int) int64 { return m.counts[column] }

// Bytes is the memory that so many points of so many columns take.
func (o *Options) Bytes(points int64, dim int) int64 {
	bytes := 8 * (points + lanes) * int64(dim)
	if o.Standardize {
		bytes *= 2
	}
	return bytes
}

// Cell is a number that was missing.
type Cell struct {
	Row, Column int // in the block
	Value       float64
	// Mean says that it is the mean of its column, as no point was at a distance.
	Mean bool
}

// groupRows is how many rows go over a tile of points of at most tileBytes before the next tile.
const groupRows, tileBytes = 16, 128 << 10

// Fill gives the numbers for what is missing in a block, row by row and column by column. Rows go side by side on so
// many threads; 0 is for all cores. It takes O(points × columns) for each row in which a number is missing. A fault has
// the row's number in the dataset.
func (m *Imputer) Fill(b *vectors.Block, threads int) ([]Cell, error) {
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	var wanting []int
	buf := make([]float64, m.dim)
	for i := range b.Len() {
		row, lacks := b.Row(i, buf), false
		if j := beyond(row); j >= 0 {
			return nil, beyondFault(b, i, j, row[j])
		}
		for j, v := range row {
			lacks = lacks || v != v && m.counts[j] > 0
		}
		if lacks {
			wanting = append(wanting, i)
		}
	}
	groups := (len(wanting) + groupRows - 1) / groupRows
	filled := make([][]Cell, groups)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(threads, groups) {
		wg.Go(func() {
			s := newSearch(m)
			for g := int(next.Add(1)) - 1; g < groups; g = int(next.Add(1)) - 1 {
				filled[g] = s.fill(b, wanting[g*groupRows:min((g+1)*groupRows, len(wanting))])
			}
		})
	}
	wg.Wait()
	var all []Cell
	for _, cells := range filled {
		all = append(all, cells...)
	}
	return all, nil
}

// search fills groups of rows. It is not safe for concurrent use.
type search struct {
	m    *Imputer
	rows []wantingRow
}

// wantingRow is a row in which a number is missing.
type wantingRow struct {
	row     int
	values  []float64 // those that it has, as distances see them
	places  []int64   // of their columns in a block, in bytes
	columns []nearest // that are missing
	ceiling float64   // what is not below it is of no use to any column
}

// nearest are the nearest points so far that have a number in a column, the nearest first.
type nearest struct {
	column int
	points []near
}

// near is a point, and the mean square of its differences.
type near struct {
	square float64
	value  float64
}

func newSearch(m *Imputer) *search { return &search{m: m, rows: make([]wantingRow, groupRows)} }

func (s *search) fill(b *vectors.Block, rows []int) (cells []Cell) {
	m := s.m
	buf := make([]float64, m.dim)
	for i, row := range rows {
		s.rows[i].begin(m, row, b.Row(row, buf))
	}
	size := m.dim * lanes
	tile := max(tileBytes/8/size, 1) * size
	for lo := 0; lo < len(m.raw); lo += tile {
		hi := min(lo+tile, len(m.raw))
		for i := range rows {
			s.rows[i].look(m, lo, hi)
		}
	}
	for i := range rows {
		cells = s.rows[i].answer(m, cells)
	}
	return cells
}

// begin takes a row.
func (w *wantingRow) begin(m *Imputer, row int, values []float64) {
	w.row, w.values, w.places, w.ceiling = row, w.values[:0], w.places[:0], math.Inf(1)
	n := 0
	for j, v := range values {
		switch {
		case v == v:
			w.values, w.places = append(w.values, m.scale(j, v)), append(w.places, int64(j)*lanes*8)
		case m.counts[j] > 0:
			if n == len(w.columns) {
				w.columns = append(w.columns, nearest{})
			}
			w.columns[n].column, w.columns[n].points = j, w.columns[n].points[:0]
			n++
		}
	}
	w.columns = w.columns[:n]
}

// look compares the row with the points of some blocks.
func (w *wantingRow) look(m *Imputer, lo, hi int) {
	var squares [lanes]float64
	size := m.dim * lanes
	for at := lo; at < hi; at += size {
		mask := nanSquares(w.values, w.places, m.scaled[at:at+size], w.ceiling, &squares)
		if mask == 0 {
			continue
		}
		raw := m.raw[at : at+size]
		for l, square := range squares {
			if mask>>l&1 == 0 || !(square < w.ceiling) {
				continue
			}
			w.meet(m.options.K, raw, l, square)
		}
	}
}

// meet takes a point among the nearest of those columns that it has, and for which it is near enough.
func (w *wantingRow) meet(k int, raw []float64, lane int, square float64) {
	ceiling := 0.0
	for i := range w.columns {
		c := &w.columns[i]
		n := len(c.points)
		if v := raw[c.column*lanes+lane]; v == v && (n < k || square < c.points[n-1].square) {
			if n == k {
				n--
			} else {
				c.points = append(c.points, near{})
			}
			at := sort.Search(n, func(i int) bool { return c.points[i].square > square })
			copy(c.points[at+1:n+1], c.points[at:n])
			c.points[at] = near{square, v}
			n++
		}
		if n < k {
			ceiling = math.Inf(1)
		} else {
			ceiling = max(ceiling, c.points[n-1].square)
		}
	}
	w.ceiling = ceiling
}

// answer adds the numbers for what is missing.
func (w *wantingRow) answer(m *Imputer, cells []Cell) []Cell {
	for i := range w.columns {
		c := &w.columns[i]
		cell := Cell{Row: w.row, Column: c.column, Value: m.means[c.column], Mean: len(c.points) == 0}
		if !cell.Mean {
			cell.Value = c.average(m)
		}
		cells = append(cells, cell)
	}
	return cells
}

// average is the weighted mean of the numbers of the nearest points.
func (c *nearest) average(m *Imputer) float64 {
	var total, weights float64
	inverse := func(p near) float64 { return 1 / math.Sqrt(float64(p.square*float64(m.dim))) }
	// Those at the distance 0, which come first, take all the weight.
	zero := m.options.Weights == vote.Distance && math.IsInf(inverse(c.points[0]), 1)
	for _, p := range c.points {
		w := 1.0
		if m.options.Weights == vote.Distance {
			w = inverse(p)
		}
		if zero && !math.IsInf(w, 1) {
			break
		} else if zero {
			w = 1
		}
		total += float64(w * p.value)
		weights += w
	}
	return total / weights
}

// sum adds numbers up, and what rounding loses (A. Neumaier: Rundungsfehleranalyse einiger Verfahren zur Summation
// endlicher Summen. Zeitschrift für Angewandte Mathematik und Mechanik 54 (1974), 39–51).
type sum struct {
	n          int64
	total, low float64
}

func (s *sum) add(v float64) {
	s.n++
	t := s.total + v
	if math.Abs(s.total) >= math.Abs(v) {
		s.low += (s.total - t) + v
	} else {
		s.low += (v - t) + s.total
	}
	s.total = t
}

// mean is NaN of no number.
func (s *sum) mean() float64 { return (s.total + s.low) / float64(s.n) }
