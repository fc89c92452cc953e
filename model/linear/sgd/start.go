package sgd

import (
	"math"
	"slices"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
)

// StartRows is how many rows [SGD.Start] wants of a sample: at least eight for each of the columns that [Curves]
// allows, and few enough for 16 MB.
const StartRows = 4096

// mostStarts is how many Newton steps there are on a sample, and mostHalvings how often one is halved that leads up.
// Steps end where they would win a share of startGain of the objective.
const (
	mostStarts   = 40
	mostHalvings = 20
	startGain    = 1e-9
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

// begin moves vector k to the least objective of the sample, by Newton's steps that are halved while they lead up.
func (t *start) begin(v *vector, k int) {
	r, first := &t.s.rule, v.intercept
	value := t.value(v, k)
	for range mostStarts {
		x := t.quadratic(v, k).least(r)
		from, old := slices.Clone(v.w), v.intercept
		better := false
		for step, halvings := 1.0, 0; halvings < mostHalvings; halvings, step = halvings+1, step/2 {
			for j := range v.w {
				v.w[j] = from[j] + float64(step*(x[j]-from[j]))
			}
			if r.Intercept {
				v.intercept = old + float64(step*(x[len(from)]-old))
			}
			if next := t.value(v, k); next < value {
				better = value-next > float64(startGain*value)
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
	if !(value < math.Inf(1)) { // nothing that could be learned from
		clear(v.w)
		v.intercept, v.curved.past = first, nil
		return
	}
	v.curved.past = t.quadratic(v, k)
	v.curved.past.part = t.total
}

// value is the objective on the sample, times the rows that it stands for.
func (t *start) value(v *vector, k int) float64 {
	r := &t.s.rule
	rows := linear.NewRows(t.c, t.s.Scaler, nil)
	sum := 0.0
	for i := range t.c.Len() {
		y, weight := t.row(i, k)
		sum += float64(weight * r.Loss.Value(rows.At(i).Dot(v.w)+v.intercept, y))
	}
	if r.Penalty {
		squares, _ := kernel.Row{}.Norms(v.w)
		sum += float64(r.Alpha / 2 * t.total * squares)
	}
	return sum
}

// quadratic is the sample's quadratic function at the weights of v.
func (t *start) quadratic(v *vector, k int) *quadratic {
	s, sum := t.s, newCurved(t.s.features)
	rows := linear.NewRows(t.c, s.Scaler, nil)
	block := newRowBlock(s.features)
	at := &vector{w: v.w, intercept: v.intercept, curved: sum}
	rule := s.rule
	rule.Track = false
	for i := range t.c.Len() {
		y, weight := t.row(i, k)
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
