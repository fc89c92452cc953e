// Package drift tells when numbers that keep coming change their mean, as the losses of rows do when what a model has
// learned is no longer so.
//
// [Window] is ADWIN (Bifet and Gavaldà, Learning from Time-Changing Data with Adaptive Windowing, SDM 2007): the
// longest run of the latest numbers within which no two parts have means that differ by more than chance lets them.
package drift

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

const (
	// Delta bounds how often, of numbers that do not change, a change is told: the confidence of the paper, and the
	// default of MOA.
	Delta = 0.002
	// perLevel is how many buckets there are of a size: M of the paper.
	perLevel = 5
	// least is how many numbers each of two parts must have that are compared.
	least = 5
	// highest is what a larger number counts as, so that sums of squares stay finite.
	highest = 1e100
)

// Window is ADWIN over numbers from 0 on, each the mean of the losses of some rows. Losses have no bound, which the
// second term of the paper's epsilon asks for: it goes by the standard deviation of those of rows instead, as if they
// had exponential tails, which is √(rows of a number) times that of the numbers, in a mean of so many.
// Its fields are its state, which JSON keeps bit by bit. Memory: at most 6 buckets of each power of two, 6·log₂(n/5)
// for n numbers.
type Window struct {
	// Buckets sum up numbers that came one after the other, the oldest first.
	Buckets []Bucket `json:"buckets"`
}

// Bucket sums up numbers.
type Bucket struct {
	Numbers int64   `json:"numbers"` // a power of two
	Rows    int64   `json:"rows"`    // that they are means of
	Mean    float64 `json:"mean"`
	M2      float64 `json:"m2"` // the sum of squares of their distances from it
}

// Change is a change of the mean: of the numbers before and after, which came last.
type Change struct {
	Before     float64 `json:"before"`
	After      float64 `json:"after"`
	BeforeRows int64   `json:"before_rows"`
	AfterRows  int64   `json:"after_rows"`
}

// Rose reports whether the mean is larger than before.
func (c *Change) Rose() bool { return c.After > c.Before }

// Check says what is wrong with a window that was read.
func (w *Window) Check() error {
	for i, b := range w.Buckets {
		if b.Numbers < 1 || b.Numbers&(b.Numbers-1) != 0 || i > 0 && b.Numbers > w.Buckets[i-1].Numbers || b.Rows < 0 {
			return fmt.Errorf("bucket %d of %d numbers and %d rows", i, b.Numbers, b.Rows)
		}
		if !(b.Mean >= 0 && b.Mean <= highest) || !(b.M2 >= 0) || math.IsInf(b.M2, 1) {
			return errors.New("a bucket whose sums cannot be")
		}
	}
	return nil
}

// Add takes the next number, a mean of so many rows, and tells the change that it shows, or nil. What came before a
// change is no longer in the window. O(log² n), and O(log n) where nothing changes.
func (w *Window) Add(x float64, rows int64) *Change {
	x = min(max(x, 0), highest) // also of NaN, which no number of rows makes
	w.Buckets = append(w.Buckets, Bucket{Numbers: 1, Rows: rows, Mean: x})
	w.compress()
	var first *Change
	for {
		c := w.cut()
		if c == nil {
			return first
		}
		if first == nil {
			first = c
		}
		w.Buckets = w.Buckets[1:]
	}
}

// compress makes one bucket of the two oldest of a size, where there are more than perLevel of it.
func (w *Window) compress() {
	b := w.Buckets
	for end := len(b); end > 0; {
		begin := end
		for begin > 0 && b[begin-1].Numbers == b[end-1].Numbers {
			begin--
		}
		if end-begin <= perLevel {
			break
		}
		b[begin] = merged(b[begin], b[begin+1])
		b = append(b[:begin+1], b[begin+2:]...)
		end = begin + 1
	}
	w.Buckets = b
}

// merged sums up two buckets by the formula of Chan, Golub and LeVeque.
func merged(a, b Bucket) Bucket {
	n, m := float64(a.Numbers), float64(b.Numbers)
	d := b.Mean - a.Mean
	return Bucket{
		Numbers: a.Numbers + b.Numbers, Rows: a.Rows + b.Rows,
		Mean: min(max(a.Mean+float64(d*(m/(n+m))), min(a.Mean, b.Mean)), max(a.Mean, b.Mean)),
		M2:   a.M2 + b.M2 + float64(float64(d*d)*(n*m/(n+m))),
	}
}

// cut finds the two parts of the window, if there are any, whose means differ by most beyond chance.
func (w *Window) cut() *Change {
	if len(w.Buckets) < 2 {
		return nil
	}
	after := make([]Bucket, len(w.Buckets)) // at i: of bucket i and all later ones
	for i := len(w.Buckets) - 1; i >= 0; i-- {
		if after[i] = w.Buckets[i]; i+1 < len(after) {
			after[i] = merged(after[i], after[i+1])
		}
	}
	all := after[0]
	n := float64(all.Numbers)
	confidence := math.Log(2 * math.Log(n) / Delta) // ln(2/δ′) with δ′ = δ/ln n, as there are O(log n) ways to cut
	each := math.Sqrt(max(float64(all.Rows)/n, 1))
	var found *Change
	var most float64
	before := w.Buckets[0]
	for i := 1; i < len(w.Buckets); i++ {
		a, b := before, after[i]
		before = merged(before, w.Buckets[i])
		if a.Numbers < least || b.Numbers < least {
			continue
		}
		m := 1/float64(a.Numbers) + 1/float64(b.Numbers) // one over the harmonic mean
		epsilon := math.Sqrt(all.M2/n) * (math.Sqrt(2*m*confidence) + 2.0/3*m*confidence/each)
		if beyond := math.Abs(a.Mean-b.Mean) - epsilon; beyond > most {
			most, found = beyond, &Change{a.Mean, b.Mean, a.Rows, b.Rows}
		}
	}
	return found
}

// Clone is a copy.
func (w *Window) Clone() Window { return Window{slices.Clone(w.Buckets)} }
