package ivf

import (
	"math"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

const (
	// centreRounds is how often leaders move to the middle of their points (Lloyd's iterations), and centreRows the points
	// of each, on average, by which they do.
	centreRounds = 6
	centreRows   = 128
)

// centre moves leaders, which are some of the rows, to the middle of the rows that they are the nearest leader of.
// Parts around such leaders are more alike in size than those around points, and fewer pairs of neighbours stand on
// two sides of a border: a third less in clusters.
func (p *partsPlanner) centre(leaders *vectors.Block, rows []int32, seed random) error {
	some := seed.sample(len(rows), min(len(rows), centreRows*leaders.Len()), nil)
	for i, at := range some {
		some[i] = rows[at]
	}
	b, all := take(p.forLeaders, some), except(len(some), nil)
	for range centreRounds {
		lists, err := assignTo(b, leaders, all, Node{Fanout: 1}, p.o.exactly(), p.threads)
		if err != nil {
			return err
		}
		neighbors.Parallel(len(lists), 1, p.threads, func() func(lo, hi int) {
			m := newMiddle(p.o.Metric, b.Dim)
			return func(lo, hi int) {
				for l := lo; l < hi; l++ {
					m.of(b, lists[l], leaders, l)
				}
			}
		})
	}
	return nil
}

// middle finds the middle of rows: that which has the least sum of squared distances in the metric's [space].
type middle struct {
	metric   neighbors.Metric
	row, sum []float64
	unit     []float32
}

func newMiddle(m neighbors.Metric, dim int) *middle {
	return &middle{metric: m, row: make([]float64, dim), sum: make([]float64, dim), unit: make([]float32, dim)}
}

// of puts the middle of some rows of a block into the place of leader l, which stays where it is where there are no
// rows, or where their sum overflows.
func (m *middle) of(b *vectors.Block, rows []int32, leaders *vectors.Block, l int) {
	if len(rows) == 0 {
		return
	}
	if m.metric == neighbors.Hamming {
		m.ofBits(b, rows)
	} else {
		m.mean(b, rows)
	}
	most := math.MaxFloat32
	if leaders.Wide() {
		most = math.MaxFloat64
	}
	for _, v := range m.sum {
		if !(math.Abs(v) <= most) {
			return
		}
	}
	for j, v := range m.sum {
		if at := l*leaders.Dim + j; leaders.Wide() {
			leaders.F64[at] = v
		} else {
			leaders.F32[at] = float32(v)
		}
	}
}

// mean leaves the mean of rows in sum: for the cosine and the correlation of what they are on the unit sphere.
func (m *middle) mean(b *vectors.Block, rows []int32) {
	clear(m.sum)
	for _, i := range rows {
		x := b.Row(int(i), m.row)
		switch m.metric {
		case neighbors.Cosine:
			if length := norm(x); length > 0 {
				for j, v := range x {
					m.sum[j] += float64(v / length)
				}
			}
		case neighbors.Correlation:
			if unitCentred(m.unit, x) {
				for j, v := range m.unit {
					m.sum[j] += float64(v)
				}
			}
		default:
			for j, v := range x {
				m.sum[j] += v
			}
		}
	}
	for j := range m.sum {
		m.sum[j] /= float64(len(rows))
	}
}

// ofBits leaves in sum the bytes whose bits most of the rows have.
func (m *middle) ofBits(b *vectors.Block, rows []int32) {
	counts := make([]int, 8*b.Dim)
	for _, i := range rows {
		for j, v := range b.Row(int(i), m.row) {
			for bit := range 8 {
				counts[8*j+bit] += int(uint8(v) >> bit & 1)
			}
		}
	}
	for j := range m.sum {
		v := 0
		for bit := range 8 {
			if 2*counts[8*j+bit] > len(rows) {
				v |= 1 << bit
			}
		}
		m.sum[j] = float64(v)
	}
}
