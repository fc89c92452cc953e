// Package outliers tells from the neighbours of points how far each is from the others: by the local outlier factor
// (Breunig et al., LOF: identifying density-based local outliers, SIGMOD 2000), as scikit-learn's LocalOutlierFactor,
// or by the distance to the last neighbour. It takes lists of neighbours one after the other, in several passes, and
// holds a few numbers for each row.
package outliers

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	"beamlearn/model/neighbors"
)

// Method is how scores are made.
type Method string

const (
	// LOF is the negative local outlier factor: about −1 of a point whose neighbours are as near to theirs as it is to
	// them, and far below of an outlier.
	LOF Method = "lof"
	// Kth is the distance to the last of the neighbours.
	Kth Method = "kth"
)

// Methods lists them.
var Methods = []Method{LOF, Kth}

// Options of scores.
type Options struct {
	Method Method
	// Contamination is the share of the points that are outliers, > 0 and ≤ 0.5. Default: 0, by which LOF has those below
	// −1.5, and Kth has no threshold.
	Contamination float64
}

// Validate reports what is wrong with the options.
func (o *Options) Validate() error {
	var errs []error
	if !slices.Contains(Methods, o.Method) {
		errs = append(errs, fmt.Errorf("outliers %q: must be lof or kth", o.Method))
	}
	if o.Contamination != 0 && !(o.Contamination > 0 && o.Contamination <= 0.5) {
		errs = append(errs, fmt.Errorf("contamination %v: must be greater than 0 and at most 0.5", o.Contamination))
	}
	return errors.Join(errs...)
}

// Flags reports whether there is a threshold, from which rows are outliers.
func (o *Options) Flags() bool { return o.Method == LOF || o.Contamination > 0 }

// Points are what is known of the points, by their row numbers: NaN of rows that are none. It is 8 bytes a row, and 16
// with LOF.
type Points struct {
	Distances []float64 // to the last neighbour
	Densities []float64 // the local reachability densities, of LOF
	Offset    float64   // the threshold, or NaN
}

// Lists are the neighbours of rows: call it as often as needed, each time with all lists.
type Lists func(use func(a *neighbors.Answers) error) error

var errLists = errors.New("outliers: lists of neighbours of other rows, or empty")

// NewPoints looks at the neighbours of all points, of so many rows, once or, for LOF, twice.
func NewPoints(rows int64, lists Lists, o Options) (*Points, error) {
	p := &Points{Distances: missing(rows), Offset: math.NaN()}
	err := lists(func(a *neighbors.Answers) error {
		for i, n := range a.Numbers {
			if n < 0 || n >= rows || a.Offsets[i] == a.Offsets[i+1] {
				return errLists
			}
			p.Distances[n] = a.Distances[a.Offsets[i+1]-1]
		}
		return nil
	})
	if err != nil || o.Method != LOF {
		return p, err
	}
	densities := missing(rows)
	err = lists(func(a *neighbors.Answers) error {
		for i, n := range a.Numbers {
			if densities[n], err = p.density(a, i); err != nil {
				return err
			}
		}
		return nil
	})
	p.Densities = densities
	return p, err
}

func missing(rows int64) []float64 {
	list := make([]float64, rows)
	for i := range list {
		list[i] = math.NaN()
	}
	return list
}

// least is added to mean distances, as scikit-learn does, so that copies of a point have a density, 1e10.
const least = 1e-10

// density is the local reachability density of query i: the inverse of the mean of its neighbours' distances, none less
// than the neighbour's own to its last one.
func (p *Points) density(a *neighbors.Answers, i int) (float64, error) {
	sum, lo, hi := 0.0, a.Offsets[i], a.Offsets[i+1]
	for j := lo; j < hi; j++ {
		n := a.Neighbors[j]
		if n < 0 || n >= int64(len(p.Distances)) || lo == hi || p.Distances[n] != p.Distances[n] {
			return 0, errLists
		}
		sum += max(a.Distances[j], p.Distances[n])
	}
	return 1 / (sum/float64(hi-lo) + least), nil
}

// Scores are those of so many rows, the points or others, by their neighbours among the points: NaN of rows that have
// no list.
func (p *Points) Scores(rows int64, lists Lists, o Options) ([]float64, error) {
	scores := missing(rows)
	err := lists(func(a *neighbors.Answers) error {
		for i, n := range a.Numbers {
			if n < 0 || n >= rows || a.Offsets[i] == a.Offsets[i+1] {
				return errLists
			}
			if o.Method == Kth {
				scores[n] = a.Distances[a.Offsets[i+1]-1]
				continue
			}
			own, err := p.density(a, i)
			if err != nil {
				return err
			}
			sum := 0.0
			for _, j := range a.Neighbors[a.Offsets[i]:a.Offsets[i+1]] {
				sum += p.Densities[j] / own
			}
			scores[n] = -(sum / float64(a.Offsets[i+1]-a.Offsets[i]))
		}
		return nil
	})
	return scores, err
}

// SetOffset makes the threshold of the points' own scores: scikit-learn's offset_.
func (p *Points) SetOffset(scores []float64, o Options) {
	switch {
	case o.Contamination > 0:
		var normal []float64 // less is farther out
		for _, s := range scores {
			if s == s {
				normal = append(normal, o.normality(s))
			}
		}
		p.Offset = percentile(normal, o.Contamination)
	case o.Method == LOF:
		p.Offset = -1.5
	}
}

// normality is what is less of a row that is farther out.
func (o *Options) normality(score float64) float64 {
	if o.Method == Kth {
		return -score
	}
	return score
}

// Outlier reports whether a row of this score is beyond the threshold.
func (p *Points) Outlier(score float64, o Options) bool { return o.normality(score) < p.Offset }

// percentile is NumPy's: linear between two values.
func percentile(v []float64, share float64) float64 {
	slices.Sort(v)
	if len(v) == 0 {
		return math.NaN()
	}
	at := float64(share * float64(len(v)-1))
	lo := int(at)
	hi, t := min(lo+1, len(v)-1), at-math.Floor(at)
	a, b := v[lo], v[hi]
	if t >= 0.5 {
		return b - float64((b-a)*(1-t))
	}
	return a + float64((b-a)*t)
}

// Ranks are the places of rows in the order of their scores, 1 of the one farthest out; of equal ones, the first row is
// before. It is 0 of rows without a score.
func Ranks(scores []float64, o Options) []int32 {
	order := make([]int32, 0, len(scores))
	for i, s := range scores {
		if s == s {
			order = append(order, int32(i))
		}
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(o.normality(scores[a]), o.normality(scores[b])), cmp.Compare(a, b))
	})
	ranks := make([]int32, len(scores))
	for i, row := range order {
		ranks[row] = int32(i + 1)
	}
	return ranks
}

// Summary is what a page shows.
type Summary struct {
	Method Method `json:"method"`
	// Outliers is how many rows are beyond the threshold, of Rows, and Offset is that; 0 where there is none.
	Rows     int64   `json:"rows"`
	Outliers int64   `json:"outliers"`
	Offset   float64 `json:"offset"`
	Flags    bool    `json:"threshold"`
	Top      []Row   `json:"top"` // those farthest out, the farthest first
}

// Row is one of them.
type Row struct {
	ID    string  `json:"id"`
	Score float64 `json:"score"`
}

// TopRows is how many rows a summary shows.
const TopRows = 20

// A file of points is the magic, the number of rows, whether there are densities, the offset, the distances, the
// densities, and the CRC-32C of all before it.
const pointsMagic = "BLOUT001"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// MarshalBinary encodes points; UnmarshalBinary reads them back.
func (p *Points) MarshalBinary() ([]byte, error) {
	b := make([]byte, 0, 64+8*(len(p.Distances)+len(p.Densities)))
	b = append(b, pointsMagic...)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(p.Distances)))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(p.Densities)))
	for _, list := range [][]float64{{p.Offset}, p.Distances, p.Densities} {
		for _, v := range list {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)), nil
}

// UnmarshalBinary reads what MarshalBinary writes. It trusts nothing.
func (p *Points) UnmarshalBinary(b []byte) error {
	const head = len(pointsMagic) + 16
	if len(b) < head+12 || string(b[:len(pointsMagic)]) != pointsMagic ||
		crc32.Checksum(b[:len(b)-4], castagnoli) != binary.LittleEndian.Uint32(b[len(b)-4:]) {
		return errPoints
	}
	n, m := binary.LittleEndian.Uint64(b[len(pointsMagic):]), binary.LittleEndian.Uint64(b[len(pointsMagic)+8:])
	body := b[head : len(b)-4]
	if m != 0 && m != n || n > uint64(len(body)) || uint64(len(body)) != 8*(1+n+m) {
		return errPoints
	}
	next := func(n uint64) []float64 {
		list := make([]float64, n)
		for i := range list {
			list[i] = math.Float64frombits(binary.LittleEndian.Uint64(body))
			body = body[8:]
		}
		return list
	}
	p.Offset = next(1)[0]
	p.Distances, p.Densities = next(n), next(m)
	return nil
}

var errPoints = errors.New("no scores of points, or damaged")
