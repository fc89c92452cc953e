package drift

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

// naive is ADWIN by its definition, over all numbers of the window as they are, which it cuts where the buckets of a
// Window end. It gives the same changes.
type naive struct {
	numbers []float64
	rows    float64 // that each is a mean of
}

// cut is after how many numbers it cuts: where the means differ by most beyond chance; 0: nowhere.
func (n *naive) cut(ends []int) (at int) {
	most := 0.0
	all := n.numbers
	var mean, variance float64
	for _, x := range all {
		mean += x / float64(len(all))
	}
	for _, x := range all {
		variance += (x - mean) * (x - mean) / float64(len(all))
	}
	confidence := math.Log(2 * math.Log(float64(len(all))) / Delta)
	for _, e := range ends {
		if e < least || len(all)-e < least {
			continue
		}
		var a, b float64
		for i, x := range all {
			if i < e {
				a += x / float64(e)
			} else {
				b += x / float64(len(all)-e)
			}
		}
		m := 1/float64(e) + 1/float64(len(all)-e)
		chance := math.Sqrt(2*m*variance*confidence) + 2*m*math.Sqrt(variance/n.rows)*confidence/3
		if beyond := math.Abs(a-b) - chance; beyond > most {
			at, most = e, beyond
		}
	}
	return at
}

// ends are after how many numbers each bucket ends, but the last.
func ends(w *Window) (all []int) {
	at := 0
	for _, b := range w.Buckets[:len(w.Buckets)-1] {
		at += int(b.Numbers)
		all = append(all, at)
	}
	return all
}

func TestWindowIsADWIN(t *testing.T) {
	t.Parallel()
	for _, rows := range []int64{1, 64} {
		r := rand.New(rand.NewPCG(1, 2))
		var w Window
		n := naive{rows: float64(rows)}
		var told []int
		for i := range 1200 {
			level := 0.3
			if i >= 500 && i < 900 {
				level = 0.6
			}
			x := level * (0.8 + 0.4*r.Float64())
			n.numbers = append(n.numbers, x)
			before := w.Clone()
			before.Buckets = append(before.Buckets, Bucket{Numbers: 1, Rows: rows, Mean: x})
			before.compress()
			want := n.cut(ends(&before))
			got := w.Add(x, rows)
			var count int64
			for _, b := range w.Buckets {
				count += b.Numbers
			}
			if dropped := len(n.numbers) - int(count); (dropped > 0) != (got != nil) {
				t.Fatalf("number %d: %d dropped, change %v", i, dropped, got)
			} else if dropped > 0 {
				told = append(told, i)
				if got.Rose() != (i < 900) || got.BeforeRows+got.AfterRows != rows*int64(len(n.numbers)) {
					t.Errorf("number %d of %d: %+v", i, len(n.numbers), got)
				}
				if at := int(got.BeforeRows / rows); at != want || !(math.Abs(got.Before-mean(n.numbers[:at])) <= 1e-12) ||
					!(math.Abs(got.After-mean(n.numbers[at:])) <= 1e-12) {
					t.Errorf("number %d: %+v, after %d numbers, want after %d", i, got, at, want)
				}
				n.numbers = n.numbers[dropped:]
			}
			if n.cut(ends(&w)) != 0 {
				t.Fatalf("number %d: the definition cuts a window that is left", i)
			}
		}
		if len(told) < 2 || told[0] < 500 || told[0] > 540 {
			t.Errorf("of %d rows each, the changes at 500 and 900 were told at %d", rows, told)
		}
	}
}

func mean(x []float64) (sum float64) {
	for _, v := range x {
		sum += v / float64(len(x))
	}
	return sum
}

// Of numbers that do not change nothing is told, memory is logarithmic, and a state that was written goes on the same.
func TestWindowStays(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	var w Window
	const numbers = 10_000
	for i := range numbers {
		var loss float64
		for range 16 {
			loss += r.ExpFloat64() / 16
		}
		if c := w.Add(loss, 16); c != nil {
			t.Fatalf("number %d: %+v", i, c)
		}
	}
	if most := (perLevel + 1) * 16; len(w.Buckets) > most {
		t.Errorf("%d buckets, expected at most %d", len(w.Buckets), most)
	}
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	var again Window
	if err := json.Unmarshal(text, &again); err != nil || again.Check() != nil {
		t.Fatal(err, again.Check())
	}
	for range 1000 {
		x := 1.3 * r.ExpFloat64()
		a, b := w.Add(x, 1), again.Add(x, 1)
		if !reflect.DeepEqual(a, b) || !reflect.DeepEqual(w, again) {
			t.Fatal("a state that was written goes on in another way")
		}
	}
	for _, x := range []float64{math.Inf(1), 1e308, 0} {
		w.Add(x, 1)
		if err := w.Check(); err != nil {
			t.Errorf("after %v: %v", x, err)
		}
	}
	for _, bad := range []Window{
		{[]Bucket{{Numbers: 3, Mean: 1}}}, {[]Bucket{{Numbers: 1}, {Numbers: 2}}}, {[]Bucket{{Numbers: 1, Mean: -1}}},
		{[]Bucket{{Numbers: 1, M2: math.NaN()}}},
	} {
		if bad.Check() == nil {
			t.Errorf("%+v passes", bad)
		}
	}
}
