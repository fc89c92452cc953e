package exact

import (
	"bytes"
	"encoding/json"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

func rat(v float64) *big.Rat { return new(big.Rat).SetFloat64(v) }

// sets are numbers of all magnitudes, and such as cancel.
func sets() [][]float64 {
	rng := rand.New(rand.NewPCG(3, 4))
	sets := [][]float64{{}, {1}, {0.1, 0.2, 0.3}, {-5}, {1e308, 1e308, -1e308}, {5e-324, 1e-320, 0},
		{1e16, 1, -1e16, 1}, {math.MaxFloat64, math.MaxFloat64}, {-math.MaxFloat64, 5e-324},
		{1, math.Copysign(0, -1), -1}, slices.Repeat([]float64{1<<53 - 1}, additions+5),
		slices.Repeat([]float64{-(1 << 32), 1<<32 - 1}, 3*additions), {1 << 40, -1 << 40, 3}}
	for range 10 {
		set := make([]float64, 1+rng.IntN(400))
		scale := rng.IntN(600) - 300
		for i := range set {
			set[i] = math.Ldexp(rng.NormFloat64(), scale+rng.IntN(200))
		}
		sets = append(sets, set)
	}
	return sets
}

// A sum, one of squares and one of products are those of arithmetic without rounding, in any order and in any parts, and
// have the same bytes and the same text.
func TestSum(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	for _, set := range sets() {
		want := [3]*big.Rat{new(big.Rat), new(big.Rat), new(big.Rat)}
		terms := func(i int, v float64) (x, y float64) {
			return v, []float64{1, v, 0.3}[i]
		}
		for _, v := range set {
			for i := range want {
				x, y := terms(i, v)
				want[i].Add(want[i], new(big.Rat).Mul(rat(x), rat(y)))
			}
		}
		for i := range want {
			var first []byte
			for range 3 {
				parts := make([]Sum, 1+rng.IntN(3))
				for _, v := range set {
					s := &parts[rng.IntN(len(parts))]
					switch x, y := terms(i, v); i {
					case 0:
						s.Add(x)
					case 1:
						s.AddSquare(x)
					default:
						s.AddProduct(x, y)
					}
				}
				rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
				all := &parts[0]
				for j := range parts[1:] {
					all.Merge(&parts[1+j])
				}
				value, _ := want[i].Float64()
				if all.Rat().Cmp(want[i]) != 0 || all.Value() != value || all.IsZero() != (want[i].Sign() == 0) {
					t.Fatalf("%d numbers, sum %d: %v, want %v", len(set), i, all.Value(), value)
				}
				b := all.Append(nil)
				if first == nil {
					first = b
				}
				var read Sum
				rest, err := read.Cut(append(slices.Clone(b), 7))
				if err != nil || !bytes.Equal(rest, []byte{7}) || !bytes.Equal(b, first) || read.Rat().Cmp(want[i]) != 0 {
					t.Fatalf("%d numbers, sum %d: bytes %x, %x, %v", len(set), i, b, first, err)
				}
			}
		}
		checkText(t, set, want[0])
	}
}

// checkText checks the JSON of a sum, which begins with the value.
func checkText(t *testing.T, set []float64, want *big.Rat) {
	t.Helper()
	var s, again Sum
	for _, v := range set {
		s.Add(v)
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if v := s.Value(); math.IsInf(v, 0) {
		if string(b) != "null" {
			t.Errorf("a sum beyond float64 is %s", b)
		}
		return
	}
	var list []float64
	if err := json.Unmarshal(b, &list); err != nil || len(list) > 0 && list[0] != s.Value() {
		t.Errorf("%v: %s, %v", s.Value(), b, err)
	}
	if err := json.Unmarshal(b, &again); err != nil || again.Rat().Cmp(want) != 0 {
		t.Errorf("%s: %v, want %v, %v", b, again.Value(), s.Value(), err)
	}
}

// What is not finite stays so, through merges, bytes and texts.
func TestNotFinite(t *testing.T) {
	t.Parallel()
	for _, add := range []func(s *Sum){func(s *Sum) { s.Add(math.Inf(-1)) }, func(s *Sum) { s.Add(math.NaN()) },
		func(s *Sum) { s.AddProduct(0, math.Inf(1)) }, func(s *Sum) { s.AddSquare(math.NaN()) }} {
		var s, all, read, told Sum
		add(&s)
		all.Add(1)
		all.Merge(&s)
		b, err := json.Marshal(all)
		if err != nil || string(b) != "null" || json.Unmarshal(b, &told) != nil || read.UnmarshalBinary(all.Append(nil)) != nil {
			t.Fatalf("%s, %v", b, err)
		}
		for _, s := range []*Sum{&all, &read, &told} {
			if v := s.Value(); s.Finite() || v == v || s.IsZero() {
				t.Errorf("the sum is %v", v)
			}
		}
	}
}

// The spread is that of the numbers around their weighted mean, where squares would cancel.
func TestSpread(t *testing.T) {
	t.Parallel()
	var weights, values, squares Sum
	for i := range 10 {
		v := 1e15 + float64(i)
		weights.Add(2)
		values.AddProduct(2, v)
		squares.AddProduct(2*v, v)
	}
	if got, _ := Spread(weights.Rat(), values.Rat(), squares.Rat()).Float64(); got != 2*82.5 {
		t.Errorf("the spread is %v, want 165", got)
	}
	if got := Spread(new(big.Rat), new(big.Rat), new(big.Rat)); got.Sign() != 0 {
		t.Errorf("of nothing it is %v", got)
	}
}

// Bins have the sums of their weights, whole or not, in any order and in any parts.
func TestWeights(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 8))
	const bins = 5
	var want [bins]Sum
	parts := []*Weights{NewWeights(bins), NewWeights(bins), NewWeights(bins)}
	for i := range 300 {
		bin, w := rng.IntN(bins-1), []float64{1, 3, 0.1, rng.Float64(), 1 << 52, 1e300, 0}[i%7]
		want[bin].Add(w)
		parts[rng.IntN(3)].Add(bin, w)
	}
	for i, p := range parts {
		b, err := p.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		parts[i] = NewWeights(bins)
		if err := parts[i].UnmarshalBinary(b); err != nil {
			t.Fatal(err)
		}
		if err := NewWeights(bins - 1).UnmarshalBinary(b); err == nil {
			t.Error("bytes of other bins are read")
		}
	}
	parts[0].Merge(parts[1])
	parts[2].Merge(parts[0])
	for i, v := range parts[2].Values() {
		if v != want[i].Value() {
			t.Errorf("bin %d: %v, want %v", i, v, want[i].Value())
		}
	}
}

// What is read is written as the same bytes, and nothing else is read.
func FuzzSum(f *testing.F) {
	for _, set := range sets() {
		var s Sum
		for _, v := range set {
			s.Add(v)
		}
		f.Add(s.Append(nil))
	}
	f.Add([]byte{nanSum, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Sum
		rest, err := s.Cut(b)
		if err != nil {
			return
		}
		if again := append(s.Append(nil), rest...); !bytes.Equal(again, b) {
			t.Errorf("%x is written as %x", b, again)
		}
		s.Value()
		var t2 Sum
		t2.Merge(&s)
		s.Merge(&t2)
	})
}

func FuzzWeights(f *testing.F) {
	const bins = 4
	w := NewWeights(bins)
	for i := range 10 {
		w.Add(i%3, float64(i)/2)
	}
	b, err := w.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		w := NewWeights(bins)
		if w.UnmarshalBinary(b) != nil {
			return
		}
		again, err := w.MarshalBinary()
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x is written as %x, %v", b, again, err)
		}
		w.Values()
	})
}
