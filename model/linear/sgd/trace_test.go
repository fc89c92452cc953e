package sgd

import (
	"reflect"
	"testing"

	"beamlearn/model/linear"
)

// A trace has all rows in their order, in few points of about the same size, however it is cut, merged and sent.
func TestTrace(t *testing.T) {
	t.Parallel()
	const blocks = 5000 // of 100 rows: the loss of each is its number
	p, second := NewProgressive(linear.Regression, 0), NewProgressive(linear.Regression, 0)
	for i := range blocks {
		to := p
		if i >= 4000 {
			to = second
		}
		to.trace.add(TracePoint{100, 100, float64(i)})
	}
	if err := p.Merge(second); err != nil {
		t.Fatal(err)
	}
	b, err := p.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	read := NewProgressive(linear.Regression, 0)
	if err := read.UnmarshalBinary(b); err != nil || !reflect.DeepEqual(read.trace, p.trace) {
		t.Fatal("another trace was read", err)
	}
	points := p.Trace()
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
	if rows != 100*blocks || loss != blocks*(blocks-1)/2 {
		t.Errorf("%d rows, loss %v", rows, loss)
	}
	few := NewProgressive(linear.Regression, 0)
	few.trace.add(TracePoint{256, 256, 1})
	few.trace.add(TracePoint{3, 3, 1})
	if got := few.Trace(); len(got) != 1 || got[0].Rows != 259 {
		t.Errorf("a short rest is a point of its own: %v", got)
	}
}
