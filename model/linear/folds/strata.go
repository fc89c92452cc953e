package folds

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/internal/splitmix"
	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
)

// Strata says what a survey is to find out for the folds of a classification.
type Strata struct {
	Folds int
	Seed  uint64
}

// most is how many rows of a class have exact shares.
func (s *Strata) most() int { return max(1024, 64*s.Folds) }

// ways is how many ways to hash ids are tried.
func (s *Strata) ways() int { return min(max(512/s.Folds, 1), 16) }

func (s *Strata) waySeed(way int) uint64 {
	if way == 0 {
		return s.Seed
	}
	return splitmix.Mix(s.Seed + uint64(way)*splitmix.Gamma)
}

// Stratum is what a survey finds out of the rows of one label.
type Stratum struct {
	least  []uint64 // hashes of rows without ids: the least, and, until they are sorted, as many others at most
	groups []int64  // rows with ids by way and fold; nil without any
}

// Add adds row i of a chunk.
func (t *Stratum) Add(s *Strata, c *linear.Chunk, i int, number int64) {
	key := c.FoldKey(i, number)
	if c.IDs.Len() == 0 {
		t.least = append(t.least, foldHash(s.Seed, key))
		if len(t.least) >= 2*s.most() {
			t.sort(s)
		}
		return
	}
	if t.groups == nil {
		t.groups = make([]int64, s.ways()*s.Folds)
	}
	for w := range s.ways() {
		t.groups[w*s.Folds+groupFold(s.waySeed(w), s.Folds, key)]++
	}
}

func (t *Stratum) sort(s *Strata) {
	slices.Sort(t.least)
	t.least = t.least[:min(len(t.least), s.most())]
}

// Merge adds the rows of another stratum.
func (t *Stratum) Merge(s *Strata, next *Stratum) {
	t.least = append(t.least, next.least...)
	t.sort(s)
	if t.groups == nil {
		t.groups = slices.Clone(next.groups)
		return
	}
	for i, n := range next.groups {
		t.groups[i] += n
	}
}

// Clone is a copy.
func (t *Stratum) Clone() Stratum {
	return Stratum{least: slices.Clone(t.least), groups: slices.Clone(t.groups)}
}

// Fields are the hashes, and the rows by way and fold, if there are any, of so many rows.
func (t *Stratum) Fields(c *wire.Codec, s *Strata, rows int64) {
	if !c.Reading() {
		t.sort(s)
	}
	n := c.Len(len(t.least), 1)
	c.Check(int64(n) <= rows && n <= s.most(), "as many hashes as rows")
	there := t.groups != nil
	if c.Flag(&there); !c.OK() {
		return
	}
	if c.Reading() {
		t.least = make([]uint64, n)
		if there && c.Has(s.ways()*s.Folds) {
			t.groups = make([]int64, s.ways()*s.Folds)
		}
	}
	for i := range t.least {
		c.Uint(&t.least[i])
	}
	for i := range t.groups {
		c.Count(&t.groups[i])
		c.Check(t.groups[i] <= rows, "counts of all folds")
	}
}

// Of makes the folds of classes with so many rows.
func (s *Strata) Of(rows []int64, classes []*Stratum) *Folds {
	f := &Folds{K: s.Folds, Seed: s.Seed}
	f.Grouped = slices.ContainsFunc(classes, func(t *Stratum) bool { return t.groups != nil })
	if f.Grouped {
		f.Seed = s.waySeed(s.bestWay(classes))
		return f
	}
	k := uint64(s.Folds)
	for i, t := range classes {
		t.sort(s)
		cuts := make([]uint64, s.Folds-1)
		for j := range cuts {
			if n := uint64(len(t.least)); rows[i] == int64(n) {
				cuts[j] = t.least[(uint64(j+1)*n+k-1)/k%n]
				if (uint64(j+1)*n+k-1)/k >= n { // fewer rows than folds: none is left
					cuts[j] = math.MaxUint64
				}
			} else {
				cuts[j] = math.MaxUint64 / k * uint64(j+1)
			}
		}
		f.Cuts = append(f.Cuts, cuts)
	}
	return f
}

// bestWay is that whose folds lack the fewest classes, and of those the one with the most equal shares.
func (s *Strata) bestWay(classes []*Stratum) int {
	best, missing, least := 0, math.MaxInt, 0.0
	for w := range s.ways() {
		lacks, spread := 0, 0.0
		for _, t := range classes {
			if t.groups == nil {
				continue
			}
			folds := t.groups[w*s.Folds:][:s.Folds]
			n := int64(0)
			for _, v := range folds {
				n += v
			}
			mean := float64(n) / float64(s.Folds)
			for _, v := range folds {
				if v == 0 {
					lacks++
				}
				d := float64(v) - mean
				spread += float64(d*d) / mean
			}
		}
		if lacks < missing || lacks == missing && spread < least {
			best, missing, least = w, lacks, spread
		}
	}
	return best
}

// Rare lists the classes that are not in every fold, of the surveyed ones: of each its label, its rows, and in how
// many folds it is.
func (s *Strata) Rare(f *Folds, rows []int64, classes []*Stratum) []Rare {
	var rare []Rare
	for i, t := range classes {
		in := int(min(rows[i], int64(s.Folds)))
		if f.Grouped && t.groups != nil {
			in = 0
			for fold := range s.Folds {
				for w := range s.ways() {
					if s.waySeed(w) == f.Seed && t.groups[w*s.Folds+fold] > 0 {
						in++
						break
					}
				}
			}
		}
		if in < s.Folds {
			rare = append(rare, Rare{Class: i, Rows: rows[i], Folds: in})
		}
	}
	return rare
}

// Rare is a class that is not in every fold of a cross-validation.
type Rare struct {
	Class int   `json:"class"`
	Rows  int64 `json:"rows"`
	Folds int   `json:"folds"` // that it is in
}

// Text says which classes are not in every fold.
func Text(rare []Rare, c *linear.Classes, f *Folds) string {
	const most = 5
	var b strings.Builder
	for i, r := range rare {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(rare)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "class %s (%d rows, in %d of %d folds)", strconv.Quote(c.Label(r.Class)), r.Rows, r.Folds, f.K)
	}
	return b.String()
}
