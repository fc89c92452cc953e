package linear

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

const benchRows, benchFeatures = 1000, 20

func benchChunk(classes int) *Chunk {
	r := rand.New(rand.NewPCG(1, 2))
	c := &Chunk{Features: benchFeatures}
	for range benchRows {
		sum := 0.0
		for range benchFeatures {
			v := r.NormFloat64()
			c.X = append(c.X, v)
			sum += v
		}
		c.Target = append(c.Target, float64(min(max(int(sum/8+float64(classes)/2), 0), classes-1)))
	}
	return c
}

func narrow(c *Chunk) *Chunk {
	n := &Chunk{Features: c.Features, Target: c.Target}
	for _, v := range c.X {
		n.X32 = append(n.X32, float32(v))
	}
	return n
}

func benchmark(b *testing.B, c *Chunk, o Options) {
	s, err := NewSGD(o, c.Features)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(c.entries()) * 8)
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
	two, ten := benchChunk(2), benchChunk(10)
	declared := func(n int) (c Classes) {
		for i := range n {
			c.Numbers = append(c.Numbers, float64(i))
		}
		return c
	}
	for _, loss := range []Loss{Hinge, LogLoss, SquaredError} {
		for _, penalty := range []Penalty{L2, L1, ElasticNet} {
			b.Run(fmt.Sprintf("%s/%s", loss, penalty), func(b *testing.B) {
				benchmark(b, two, Options{Task: Classification, Loss: loss, Penalty: penalty, LearningRate: InvScaling, Classes: declared(2)})
			})
		}
	}
	base := Options{Task: Classification, Loss: LogLoss, LearningRate: InvScaling, Classes: declared(2)}
	for _, v := range []struct {
		name   string
		chunk  *Chunk
		change func(o *Options)
	}{
		{"float32", narrow(two), func(*Options) {}},
		{"averaged", two, func(o *Options) { o.Average = 1 }},
		{"undeclared", two, func(o *Options) { o.Classes = Classes{} }},
		{"tol", two, func(o *Options) { o.Tol = new(1e-3) }},
		{"ten classes", ten, func(o *Options) { o.Classes = declared(10) }},
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
		c := &Chunk{Features: columns, Sparse: &CSR{Offsets: []int{0}}}
		for range rows {
			for j := range entries {
				c.Sparse.Indices = append(c.Sparse.Indices, int32(j*columns/entries+r.IntN(columns/entries)))
				c.Sparse.Values = append(c.Sparse.Values, 1)
			}
			c.Sparse.Offsets = append(c.Sparse.Offsets, len(c.Sparse.Indices))
			c.Target = append(c.Target, float64(r.IntN(2)))
		}
		for _, o := range []Options{
			{Task: Classification, Loss: LogLoss, Penalty: L2}, {Task: Classification, Loss: LogLoss, Penalty: L1},
			{Task: Classification, Loss: LogLoss, Average: 1},
		} {
			o.LearningRate = InvScaling
			o.Classes = Classes{Numbers: []float64{0, 1}}
			b.Run(fmt.Sprintf("%s/average=%d/chunks of %d", o.Penalty, o.Average, rows), func(b *testing.B) { benchmark(b, c, o) })
		}
	}
}

func BenchmarkStandardScaler(b *testing.B) {
	c := benchChunk(2)
	b.Run("PartialFit", func(b *testing.B) {
		s := NewStandardScaler(c.Features)
		b.SetBytes(int64(len(c.X)) * 8)
		for b.Loop() {
			if err := s.PartialFit(c, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Transform", func(b *testing.B) {
		s := NewStandardScaler(c.Features)
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
		c := benchChunk(classes)
		s := newSGDFor(b, Options{Task: Classification, Loss: LogLoss}, c.Features)
		partialFit(b, s, c)
		m := modelOf(b, s)
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
