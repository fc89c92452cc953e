package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestLargest(t *testing.T) {
	for _, v := range []struct {
		x    []float64
		want float64
	}{{nil, 0}, {[]float64{-3}, 3}, {[]float64{1, -7, 2}, 7}, {[]float64{math.Copysign(0, -1), 0}, 0},
		{[]float64{1, math.Inf(-1)}, math.Inf(1)}, {[]float64{math.Inf(1), 1, math.NaN()}, math.NaN()}} {
		if got := Largest(v.x); got != v.want && !(math.IsNaN(got) && math.IsNaN(v.want)) {
			t.Errorf("%v: %v", v.x, got)
		}
	}
}

// The sums have the order that kernel.go says.
func TestKernels(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 70 {
		x, w := make([]float64, n), make([]float64, n)
		idx := make([]int32, n)
		wide := make([]float64, 2*n)
		var lanes [8]float64
		var four [4]float64
		for j := range n {
			x[j], w[j] = r.NormFloat64(), r.NormFloat64()
			idx[j] = int32(2*j + r.IntN(2))
			wide[idx[j]] = w[j]
			lanes[j%8] += float64(x[j] * w[j])
			k := j % 4
			if j >= n/4*4 {
				k = 0
			}
			four[k] += float64(x[j] * w[j])
		}
		if got, want := Dot(x, w), ((lanes[0]+lanes[4])+(lanes[2]+lanes[6]))+
			((lanes[1]+lanes[5])+(lanes[3]+lanes[7])); got != want {
			t.Errorf("dot of %d: got %v, want %v", n, got, want)
		}
		if got, want := (Row{idx, x}).Dot(wide), (four[0]+four[2])+(four[1]+four[3]); n > 0 && got != want {
			t.Errorf("sparse dot of %d: got %v, want %v", n, got, want)
		}
		sum, narrow, widened := slices.Clone(w), make([]float32, n), make([]float64, n)
		Add(0.3, x, sum)
		AddSparse(0.3, idx, x, wide)
		for j := range n {
			if want := w[j] + float64(0.3*x[j]); sum[j] != want || wide[idx[j]] != want {
				t.Errorf("add, %d of %d: got %v and %v, want %v", j, n, sum[j], wide[idx[j]], want)
			}
			narrow[j] = float32(x[j])
		}
		Widen(widened, narrow)
		for j, v := range widened {
			if v != float64(narrow[j]) {
				t.Errorf("widen, %d of %d: %v", j, n, v)
			}
		}
	}
}
