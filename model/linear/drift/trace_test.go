package drift

import (
	"reflect"
	"testing"
)

// A trace has all rows in their order, in few points of about the same size, however it is cut, merged and sent.
func TestTrace(t *testing.T) {
	t.Parallel()
	const blocks = 5000 // of 100 rows: the loss of each is its number
	var p, second Judged
	for i := range blocks {
		to := &p
		if i >= 4000 {
			to = &second
		}
		to.Add(TracePoint{100, 100, float64(i)}, 50)
	}
	p.Merge(&second)
	b, err := p.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var read Judged
	if err := read.UnmarshalBinary(b); err != nil || !reflect.DeepEqual(read, p) {
		t.Fatal("another judgement was read", err)
	}
	points := p.Trace.Points()
	if n := len(points); n > tracePoints || n < tracePoints/4 {
		t.Errorf("%d points", n)
	}
	var rows int64
	var loss, last float64
	for i, q := range points {
		rows += q.Rows
		loss += q.Loss
		if mean := q.Loss / float64(q.Rows); mean <= last && i > 0 {
			t.Fatalf("point %d is out of order", i)
		} else {
			last = mean
		}
		if i+1 < len(points) && q.Rows < traceRows {
			t.Errorf("point %d has %d rows", i, q.Rows)
		}
	}
	if rows != 100*blocks || loss != blocks*(blocks-1)/2 || p.Rows != rows || p.Loss != loss || p.Right != 50*blocks {
		t.Errorf("%d rows, loss %v, %+v", rows, loss, p)
	}
	var few Trace
	few.Add(TracePoint{256, 256, 1})
	few.Add(TracePoint{3, 3, 1})
	if got := few.Points(); len(got) != 1 || got[0].Rows != 259 {
		t.Errorf("a short rest is a point of its own: %v", got)
	}
}

func FuzzJudged(f *testing.F) {
	var j Judged
	for i := range 700 {
		j.Add(TracePoint{200, 150, float64(i)}, 3)
	}
	b, err := j.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Judged
		if p.UnmarshalBinary(b) != nil {
			return
		}
		if again, err := p.MarshalBinary(); err != nil || string(again) != string(b) {
			t.Errorf("%v: other bytes", err)
		}
	})
}
