package sgd

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

func benchmark(b *testing.B, c *linear.Chunk, o linear.Options) {
	s, err := NewSGD(o, c.Features)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(c.Entries()) * 8)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if err := s.PartialFit(c); err != nil {
			b.Fatal(err)
		}
		n += c.Len()
	}
	b.ReportMetric(float64(n)/1e6/b.Elapsed().Seconds(), "Mrows/s")
}

// Rows of 20 columns, 1,000 a chunk. Bytes are the values, as float64.
func BenchmarkPartialFit(b *testing.B) {
	two, ten := lineartest.BenchChunk(2), lineartest.BenchChunk(10)
	declared := func(n int) (c linear.Classes) {
		for i := range n {
			c.Numbers = append(c.Numbers, float64(i))
		}
		return c
	}
	for _, loss := range []linear.Loss{linear.Hinge, linear.LogLoss, linear.SquaredError} {
		for _, penalty := range []linear.Penalty{linear.L2, linear.L1, linear.ElasticNet} {
			b.Run(fmt.Sprintf("%s/%s", loss, penalty), func(b *testing.B) {
				benchmark(b, two, linear.Options{Task: linear.Classification, Loss: loss, Penalty: penalty,
					LearningRate: linear.InvScaling, Classes: declared(2)})
			})
		}
	}
	base := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, LearningRate: linear.InvScaling,
		Classes: declared(2)}
	for _, v := range []struct {
		name   string
		chunk  *linear.Chunk
		change func(o *linear.Options)
	}{
		{"float32", lineartest.Narrow(two), func(*linear.Options) {}},
		{"averaged", two, func(o *linear.Options) { o.Average = 1 }},
		{"undeclared", two, func(o *linear.Options) { o.Classes = linear.Classes{} }},
		{"tol", two, func(o *linear.Options) { o.Tol = new(1e-3) }},
		{"ten classes", ten, func(o *linear.Options) { o.Classes = declared(10) }},
	} {
		b.Run("log_loss/l2/"+v.name, func(b *testing.B) {
			o := base
			v.change(&o)
			benchmark(b, v.chunk, o)
		})
	}
}

// Rows of 40 of 2¹⁸ columns, as hashing text makes them.
func BenchmarkPartialFitSparse(b *testing.B) {
	const columns, entries = 1 << 18, 40
	for _, rows := range []int{100, 10000} {
		r := rand.New(rand.NewPCG(1, 2))
		c := &linear.Chunk{Features: columns, Sparse: &linear.CSR{Offsets: []int{0}}}
		for range rows {
			for j := range entries {
				c.Sparse.Indices = append(c.Sparse.Indices, int32(j*columns/entries+r.IntN(columns/entries)))
				c.Sparse.Values = append(c.Sparse.Values, 1)
			}
			c.Sparse.Offsets = append(c.Sparse.Offsets, len(c.Sparse.Indices))
			c.Target = append(c.Target, float64(r.IntN(2)))
		}
		for _, o := range []linear.Options{
			{Task: linear.Classification, Loss: linear.LogLoss, Penalty: linear.L2},
			{Task: linear.Classification, Loss: linear.LogLoss, Penalty: linear.L1},
			{Task: linear.Classification, Loss: linear.LogLoss, Average: 1},
		} {
			o.LearningRate = linear.InvScaling
			o.Classes = linear.Classes{Numbers: []float64{0, 1}}
			b.Run(fmt.Sprintf("%s/average=%d/chunks of %d", o.Penalty, o.Average, rows),
				func(b *testing.B) { benchmark(b, c, o) })
		}
	}
}

func BenchmarkStandardScaler(b *testing.B) {
	c := lineartest.BenchChunk(2)
	b.Run("PartialFit", func(b *testing.B) {
		s := linear.NewStandardScaler(c.Features)
		b.SetBytes(int64(len(c.X)) * 8)
		for b.Loop() {
			if err := s.PartialFit(c, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Transform", func(b *testing.B) {
		s := linear.NewStandardScaler(c.Features)
		b.SetBytes(int64(len(c.X)) * 8)
		for b.Loop() {
			if err := s.Transform(c.X); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkPredictProba(b *testing.B) {
	for _, classes := range []int{2, 10} {
		c := lineartest.BenchChunk(classes)
		s := newSGDFor(b, linear.Options{Task: linear.Classification, Loss: linear.LogLoss}, c.Features)
		lineartest.PartialFit(b, s, c)
		m := lineartest.ModelOf(b, s)
		var dst []float64
		b.Run(fmt.Sprint(classes, " classes"), func(b *testing.B) {
			b.SetBytes(int64(len(c.X)) * 8)
			for b.Loop() {
				var err error
				if dst, err = m.PredictProba(c, dst[:0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
