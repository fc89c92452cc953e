package newton

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// Dense rows of a softmax have the same sums, bit for bit, in blocks where they stand and one by one.
func TestSoftmaxFlatBits(t *testing.T) {
	t.Parallel()
	const rows, classes = 150, 5
	for _, features := range []int{flatFeatures + 5, maxNewtonFeatures + 3} { // with products of columns, and without
		full, _ := threeClasses(rows, features, classes, 11)
		r := rand.New(rand.NewPCG(5, 5))
		weights, narrow := make([]float64, rows), make([]float32, len(full.X))
		for i := range weights {
			weights[i] = float64(r.IntN(3))
		}
		for i, v := range full.X {
			narrow[i] = float32(v)
		}
		scaler := linear.NewStandardScaler(features)
		if err := scaler.PartialFit(full, nil); err != nil {
			t.Fatal(err)
		}
		weighted := *full
		weighted.Weights = weights
		of32 := linear.Chunk{Features: features, X32: narrow, Target: full.Target}
		for name, c := range map[string]*linear.Chunk{"float64": full, "float32": &of32, "weighted": &weighted} {
			for _, s := range []*linear.StandardScaler{nil, scaler} {
				flat, single := softmaxSums(t, c, s, true), softmaxSums(t, c, s, false)
				if !reflect.DeepEqual(flat, single) {
					t.Errorf("%s, %d columns, scaled %v: other sums in blocks than one by one", name, features, s != nil)
				}
			}
		}
	}
}

// softmaxSums is what the second pass of L-BFGS sums up of these rows, in blocks or one by one.
func softmaxSums(t *testing.T, c *linear.Chunk, scaler *linear.StandardScaler, blocks bool) [][]float64 {
	t.Helper()
	const classes = 5
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, MultiClass: linear.Multinomial,
		Classes: lineartest.Numbered(classes)}
	p := optimizerFor(t, o, c.Features)
	p.newton, p.sample, p.Scaler = false, 0, scaler
	lineartest.Pass(t, p, 1, c)
	p.problems[0].Diagonal, p.problems[0].Along = nil, true // that the products of columns are summed up again
	s := p.partial(0, 1)
	if err := s.encode(c); err != nil {
		t.Fatal(err)
	}
	if err := s.weigh(p.sizes()); err != nil {
		t.Fatal(err)
	}
	d := s.sums[0]
	if blocks {
		s.addFlat(d, c, s.places)
	} else {
		s.addRows(c, s.places)
	}
	if len(s.open) > 0 {
		s.addGram(d, c, s.places)
	}
	d.seal(p)
	return [][]float64{{d.loss}, d.shorter[:], d.gradient, d.second, s.open}
}
