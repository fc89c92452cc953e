package screening_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"beamlearn/model/linear"
	"beamlearn/model/linear/screening"
)

// passed is a learner after its first pass over four rows of three columns.
func passed(t *testing.T) *screening.Optimizer {
	t.Helper()
	o := linear.Options{Task: linear.Regression, Penalty: linear.L1, Alpha: new(0.01)}
	l, err := screening.NewOptimizer(o, 3)
	if err != nil {
		t.Fatal(err)
	}
	p := l.Partial(0, 1)
	x := []float64{1, 2, 3, 4, 5, 7, -1, 0, 2, 3, 3, 1}
	if err := p.PartialFit(&linear.Chunk{Features: 3, X: x, Target: []float64{1, 2, 0, 5}}); err != nil {
		t.Fatal(err)
	}
	if err := l.Advance(p); err != nil {
		t.Fatal(err)
	}
	return l
}

// Each field of a state that cannot be is refused by itself; the state itself comes back as it is.
func TestDamagedStates(t *testing.T) {
	t.Parallel()
	state, err := json.Marshal(passed(t))
	if err != nil {
		t.Fatal(err)
	}
	var again screening.Optimizer
	if err := json.Unmarshal(state, &again); err != nil {
		t.Fatal(err)
	}
	if b, err := json.Marshal(&again); err != nil || !bytes.Equal(b, state) {
		t.Fatalf("it comes back as %s, %v", b, err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(state, &fields); err != nil {
		t.Fatal(err)
	}
	many := make([]int32, screening.MaxSet+1)
	for field, damaged := range map[string][]any{
		"features": {0, 2, 4, -1, 1 << 40}, "point": {[]float64{1, 2, 3}, []float64{1, 2, 3, 4, 5}},
		"trial": {[]float64{1, 2, 3}, []float64{1, 2, 3, 4, 5}}, "passes": {-1}, "rows": {-1}, "weight": {-0.5},
		"set": {[]int32{2, 1}, []int32{1, 1}, []int32{-1}, []int32{3}, many},
	} {
		if fields[field] == nil {
			t.Fatalf("no field %s in %s", field, state)
		}
		for _, v := range damaged {
			changed := map[string]any{}
			for name, is := range fields {
				changed[name] = is
			}
			changed[field] = v
			b, err := json.Marshal(changed)
			if err != nil {
				t.Fatal(err)
			}
			if err := new(screening.Optimizer).UnmarshalJSON(b); err == nil {
				t.Errorf("%s %v is read", field, v)
			}
		}
	}
	fields["set"] = json.RawMessage("[0,2]")
	if b, err := json.Marshal(fields); err != nil || new(screening.Optimizer).UnmarshalJSON(b) != nil {
		t.Errorf("the set 0, 2: %v", err)
	}
}

// Sums of rows without weight cross the wire as others do, and a weight below 0 does not.
func TestWeightOfSums(t *testing.T) {
	t.Parallel()
	l := passed(t)
	sums := func(weight float64) []byte {
		p := l.Partial(0, 1)
		err := p.PartialFit(&linear.Chunk{Features: 3, X: []float64{1, 2, 3}, Target: []float64{1},
			Weights: []float64{weight}})
		if err != nil {
			t.Fatal(err)
		}
		b, err := p.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, weight := range []float64{0, 1} {
		if err := l.Partial(0, 1).UnmarshalBinary(sums(weight)); err != nil {
			t.Errorf("weight %v: %v", weight, err)
		}
	}
	one := binary.LittleEndian.AppendUint64(nil, math.Float64bits(1))
	below := binary.LittleEndian.AppendUint64(nil, math.Float64bits(-1))
	err := l.Partial(0, 1).UnmarshalBinary(bytes.Replace(sums(1), one, below, 1)) // the first 1 is the weight
	if err == nil || !strings.Contains(err.Error(), "a weight that is not negative") {
		t.Errorf("a weight below 0: %v", err)
	}
}

// An exact solver with balanced classes must know how many rows they have.
func TestBalancedNeedsSizes(t *testing.T) {
	t.Parallel()
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Penalty: linear.L1, Alpha: new(0.01),
		Classes: linear.Classes{Numbers: []float64{0, 1}}}
	o.ClassWeight.Balanced = true
	l, err := screening.NewOptimizer(o, 1)
	if err != nil {
		t.Fatal(err)
	}
	c := &linear.Chunk{Features: 1, X: []float64{1, 2, 3}, Target: []float64{0, 1, 1}}
	if err := l.Partial(0, 1).PartialFit(c); err == nil || !strings.Contains(err.Error(), "must know the rows") {
		t.Errorf("without the sizes: %v", err)
	}
	l.ClassSizes = []float64{1, 2}
	if err := l.Partial(0, 1).PartialFit(c); err != nil {
		t.Errorf("with the sizes: %v", err)
	}
}
