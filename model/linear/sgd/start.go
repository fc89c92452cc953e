package sgd

import (
	"math"
	"slices"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
)

// StartRows is how many rows of so many columns [SGD.Start] wants of a sample: so many for each that its optimum is
// near that of all, even where classes can be told apart nearly without a fault, and few enough for 64 MB.
func StartRows(features int) int {
	return max(leastStart, min(startRows*features, startValues/features))
}

const (
	leastStart  = 4096
	startRows   = 64
	startValues = 8 << 20
)

// mostStarts is how many Newton steps there are on a sample, and mostHalvings how often one is halved that leads up.
// Steps end where they would win a share of startGain of the objective.
const (
	mostStarts   = 40
	mostHalvings = 20
	startGain    = 1e-9
	roughGain    = 1e-2 // where a part of the sample's rows says where to begin
)

// Start lets weights begin with the least objective of a sample, by Newton only, before PartialFit; the classes must
// be declared, and Scaler and Progressive be set. The weights of the sample's rows are those of all that each stands
// for, which are rows in sum; counts are those of the classes among all. What the sample adds up to stands for all
// rows, and each row that is learned from in the first epoch takes a part of its place.
func (s *SGD) Start(c *linear.Chunk, rows float64, counts []int64) error {
	st, err := s.newStart(c, rows, counts)
	if err != nil {
		return err
	}
	if s.Progressive != nil {
		s.unbegun = s.clone()
	}
	for k, v := range s.vectors {
		st.begin(v, k)
	}
	return nil
}

func (s *SGD) newStart(c *linear.Chunk, rows float64, counts []int64) (*start, error) {
	if err := c.Check(s.options.Task, s.features, s.Scaler); err != nil {
		return nil, err
	}
	st := &start{s: s, c: c, total: rows, weights: c.Weights}
	if s.options.Task == linear.Classification {
		st.places = make([]int32, c.Len())
		unknown, err := s.classes.Encode(st.places, c)
		if err != nil {
			return nil, err
		}
		if unknown.Len() > 0 {
			return nil, c.Undeclared(st.places)
		}
		st.classes = s.options.ClassWeight.Weights(&s.classes, counts)
	}
	return st, nil
}

// start is a sample that weight vectors begin with.
type start struct {
	s       *SGD
	c       *linear.Chunk
	total   float64 // rows that it stands for
	weights []float64
	places  []int32   // of the rows' classes
	classes []float64 // their weights
}

// row is the target and weight of row i for vector k: see [SGD.learnClass].
func (t *start) row(i, k int) (y, weight float64) {
	weight = t.weights[i]
	if t.places == nil {
		return t.c.Target[i], weight
	}
	place := int(t.places[i])
	if len(t.classes) == 2 {
		return kernel.Sign(place == 1), float64(weight * t.classes[place])
	}
	if place == k {
		weight = float64(weight * t.classes[place])
	}
	return kernel.Sign(place == k), weight
}

// begin moves vector k to the least objective of the sample, of which a part says where about that is.
func (t *start) begin(v *vector, k int) {
	first := v.intercept
	if every := t.c.Len() / leastStart; every > 1 {
		t.descend(v, k, every, roughGain)
	}
	if value := t.descend(v, k, 1, startGain); !(value < math.Inf(1)) { // nothing that could be learned from
		clear(v.w)
		v.intercept, v.curved.past = first, nil
		return
	}
	v.curved.past = t.quadratic(v, k, 1)
	v.curved.past.part = t.total
}

// descend makes Newton's steps by one row in so many, which are halved while they lead up, until one wins less than
// this share of the objective, and gives that.
func (t *start) descend(v *vector, k, every int, gain float64) float64 {
	r, value := &t.s.rule, t.value(v, k, every)
	for range mostStarts {
		x := t.quadratic(v, k, every).least(r)
		from, old := slices.Clone(v.w), v.intercept
		better := false
		for step, halvings := 1.0, 0; halvings < mostHalvings; halvings, step = halvings+1, step/2 {
			for j := range v.w {
				v.w[j] = from[j] + float64(step*(x[j]-from[j]))
			}
			if r.Intercept {
				v.intercept = old + float64(step*(x[len(from)]-old))
			}
			if next := t.value(v, k, every); next < value {
				better = value-next > float64(gain*value)
				value = next
				break
			}
			copy(v.w, from)
			v.intercept = old
		}
		if !better {
			break
		}
	}
	return value
}

// value is the objective on the sample by one row in so many, times the rows that it stands for.
func (t *start) value(v *vector, k, every int) float64 {
	r := &t.s.rule
	rows := linear.NewRows(t.c, t.s.Scaler, nil)
	sum := 0.0
	for i := 0; i < t.c.Len(); i += every {
		y, weight := t.row(i, k)
		weight *= float64(every)
		sum += float64(weight * r.Loss.Value(rows.At(i).Dot(v.w)+v.intercept, y))
	}
	if r.Penalty {
		squares, _ := kernel.Row{}.Norms(v.w)
		sum += float64(r.Alpha / 2 * t.total * squares)
	}
	return sum
}

// quadratic is the sample's quadratic function at the weights of v, by one row in so many.
func (t *start) quadratic(v *vector, k, every int) *quadratic {
	s, sum := t.s, newCurved(t.s.features)
	rows := linear.NewRows(t.c, s.Scaler, nil)
	block := newRowBlock(s.features)
	at := &vector{w: v.w, intercept: v.intercept, curved: sum}
	rule := s.rule
	rule.Track = false
	for i := 0; i < t.c.Len(); i += every {
		y, weight := t.row(i, k)
		weight *= float64(every)
		x := rows.At(i)
		at.bend(&rule, x, y, weight)
		block.x.PackRow(block.n, x)
		if block.n++; block.n == firstRows {
			sum.take(block, s.features, false)
			block.n = 0
		}
	}
	if block.n > 0 {
		sum.take(block, s.features, false)
	}
	sum.now.rows = t.total
	return sum.now
}
