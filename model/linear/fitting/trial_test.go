package fitting

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"beamlearn/model/fault"
	"beamlearn/model/linear"
	"beamlearn/model/linear/folds"
	"beamlearn/model/vectors"
)

// sampledFit learns from c, of whose rows a sample has the first n, in three parts that cross the wire, and gives the
// stages.
func sampledFit(t *testing.T, o FitOptions, c *linear.Chunk, n int) (*Fit, []string, error) {
	t.Helper()
	const parts = 3
	var stages []string
	f, err := NewFit(o, c.Features, nil)
	if err != nil {
		t.Fatal(err)
	}
	for !f.Done() {
		p := f.Pass()
		name := stageName(f.stage)
		if p.Sample {
			name = "sample"
		}
		if p.First {
			name += " first"
		}
		stages = append(stages, name)
		b, err := EncodeFit(f)
		if err != nil {
			t.Fatal(err)
		}
		if f, err = DecodeFit(b); err != nil {
			t.Fatal(err)
		}
		sum := linear.NewSum(parts)
		for part := range parts {
			lo, hi := part*c.Len()/parts, (part+1)*c.Len()/parts
			q := f.Partial(part, parts)
			if p.Sample {
				lo, hi = min(lo, n), min(hi, n)
				f.Skip(q, int64((part+1)*c.Len()/parts-part*c.Len()/parts-(hi-lo)))
			}
			for ; lo < hi; lo += p.Batch {
				end := min(lo+p.Batch, hi)
				k := &linear.Chunk{Features: c.Features, X: c.X[lo*c.Features : end*c.Features], Labels: c.Labels[lo:end],
					Weights: c.Weights[lo:end], Numbers: c.Numbers[lo:end]}
				if err := q.PartialFit(k); err != nil {
					return nil, stages, err
				}
			}
			b, err := q.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			q = f.Partial(part, parts)
			if err := q.UnmarshalBinary(b); err != nil {
				t.Fatal(err)
			}
			if err := sum.Add(linear.Node{Index: part}, q); err != nil {
				t.Fatal(err)
			}
		}
		total, err := sum.Total()
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Advance(total); err != nil {
			return nil, stages, err
		}
	}
	return f, stages, nil
}

// A sample is enough to begin with where it has all classes; otherwise everything begins anew with all rows, and
// comes to the model that it would have come to without.
func TestSample(t *testing.T) {
	const rows, sample = 3000, 300
	r := rand.New(rand.NewPCG(8, 8))
	c := &linear.Chunk{Features: 3}
	for i := range rows {
		x := []float64{r.NormFloat64(), r.NormFloat64(), r.NormFloat64()}
		label := "a"
		if x[0]+0.3*r.NormFloat64() > 0 {
			label = "b"
		}
		c.X, c.Labels, c.Numbers = append(c.X, x...), append(c.Labels, label), append(c.Numbers, int64(i))
		c.Weights = append(c.Weights, 1)
	}
	base := FitOptions{Options: linear.Options{Task: linear.Classification, Loss: linear.Hinge}, Solver: SolverSGD,
		Epochs: 2, Parts: 3}
	model := func(f *Fit) string {
		var b strings.Builder
		if err := f.Model().Save(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for _, v := range []struct {
		name    string
		change  func(o *FitOptions, c *linear.Chunk)
		stages  string
		same    bool // as without a sample
		message string
	}{
		{"enough", func(o *FitOptions, _ *linear.Chunk) { o.Options.PowerT = new(0.5) }, "sample, sgd first, sgd", false, ""},
		{"a class late", func(_ *FitOptions, c *linear.Chunk) { c.Labels[2900] = "c" }, "sample, sgd first, survey, sgd, sgd",
			true, ""},
		{"one class in the sample", func(_ *FitOptions, c *linear.Chunk) {
			for i := range sample {
				c.Labels[i] = "b"
			}
		}, "sample, survey first, sgd, sgd", true, ""},
		{"one class", func(_ *FitOptions, c *linear.Chunk) {
			for i := range rows {
				c.Labels[i] = "b"
			}
		}, "sample, survey first", true, "rows of at least two classes"},
		{"a weight at fault", func(_ *FitOptions, c *linear.Chunk) { c.Weights[1000] = -1 }, "sample, sgd first", false,
			"a weight from 0 on"},
		{"balanced", func(o *FitOptions, _ *linear.Chunk) { o.Options.ClassWeight.Balanced = true }, "survey first, sgd, sgd",
			true, ""},
		{"standardised", func(o *FitOptions, _ *linear.Chunk) { o.Standardize = true }, "survey first, sgd, sgd", true, ""},
		{"a slope without bound", func(o *FitOptions, _ *linear.Chunk) { o.Options.Loss = linear.SquaredHinge },
			"survey first, sgd, sgd", true, ""},
		{"weights that overflow", func(o *FitOptions, _ *linear.Chunk) {
			o.Options.LearningRate, o.Options.Eta0 = linear.Constant, 1e305
			for i := 1000; i < rows*3; i++ {
				c.X[i] *= 1e10
			}
		}, "sample, sgd first, survey, sgd", true, "finite weights"},
	} {
		k, o := *c, base
		k.Labels, k.Weights = append([]string(nil), c.Labels...), append([]float64(nil), c.Weights...)
		v.change(&o, &k)
		want, _, wantErr := sampledFit(t, o, &k, 0)
		o.Sample = true
		got, stages, err := sampledFit(t, o, &k, sample)
		if s := strings.Join(stages, ", "); s != v.stages {
			t.Errorf("%s: stages %s, want %s", v.name, s, v.stages)
		}
		var bad *fault.Fault
		if v.message != "" {
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), v.message) ||
				v.same && (wantErr == nil || wantErr.Error() != err.Error()) {
				t.Errorf("%s: %v, want %s, as without a sample: %v", v.name, err, v.message, wantErr)
			}
			continue
		}
		if err != nil || wantErr != nil {
			t.Errorf("%s: %v; %v", v.name, err, wantErr)
			continue
		}
		if s := got.Survey(); s.Rows != rows || (s.Sampled == sample) != !v.same {
			t.Errorf("%s: a survey of %d of %d rows", v.name, s.Sampled, s.Rows)
		}
		if n := got.Model().Training.Rows; n != rows {
			t.Errorf("%s: learned from %d rows", v.name, n)
		}
		if (model(got) == model(want)) != v.same {
			t.Errorf("%s: the model without a sample is the same: %v", v.name, !v.same)
		}
	}
}

// Rows of one id are in one fold.
func TestFoldsByID(t *testing.T) {
	fold := folds.ByNumber(3, 5)
	c := &linear.Chunk{Features: 1}
	for i := range 200 {
		c.IDs.Append(vectors.ParseID([]string{"a", "b", "7", "x y"}[i%4]))
	}
	folds := map[int]bool{}
	for i := range 200 {
		k := fold(c.FoldKey(i, int64(i)))
		if k != fold(c.FoldKey(i%4, 0)) {
			t.Fatalf("row %d is in fold %d, another of its id in %d", i, k, fold(c.FoldKey(i%4, 0)))
		}
		folds[k] = true
	}
	if len(folds) < 2 || fold(c.FoldKey(2, 0)) != fold(7) {
		t.Errorf("folds %v", folds)
	}
	c.IDs.Reset()
	if c.FoldKey(5, 17) != 17 {
		t.Error("without ids the number tells the fold")
	}
}
