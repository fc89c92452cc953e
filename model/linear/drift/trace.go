package drift

import "beamlearn/model/internal/wire"

const (
	// traceRows is how many rows a point of a trace has at the least, but for the last.
	traceRows = 256
	// tracePoints bounds a trace: with more, two neighbours become one point.
	tracePoints = 1024
)

// TracePoint is some rows that were judged one after the other.
type TracePoint struct {
	Rows   int64
	Weight float64
	Loss   float64 // the sum of weight·loss
}

// Trace is how the loss went, in the order of the rows, in equal steps: at most 1,024 points of about as many rows
// each, 256 at the least. The zero value has no rows.
type Trace struct {
	doublings int // of traceRows
	points    []TracePoint
}

// Add adds rows that come after all others.
func (t *Trace) Add(p TracePoint) {
	if n := len(t.points); n > 0 && t.points[n-1].Rows < traceRows<<t.doublings {
		t.points[n-1].join(p)
		return
	}
	if len(t.points) == tracePoints {
		t.halve()
	}
	t.points = append(t.points, p)
}

func (p *TracePoint) join(o TracePoint) {
	p.Rows += o.Rows
	p.Weight += o.Weight
	p.Loss += o.Loss
}

// halve makes one point of two.
func (t *Trace) halve() {
	t.doublings++
	joined := t.points[:0]
	for i, p := range t.points {
		if i%2 == 0 {
			joined = append(joined, p)
		} else {
			joined[i/2].join(p)
		}
	}
	t.points = joined
}

// Merge adds the rows of another, which come after all others.
func (t *Trace) Merge(o *Trace) {
	for t.doublings < o.doublings {
		t.halve()
	}
	for _, p := range o.points {
		t.Add(p)
	}
}

// Fields are those of the state.
func (t *Trace) Fields(c *wire.Codec) {
	c.Int(&t.doublings)
	c.Check(t.doublings < 46, "a trace of fewer doublings")
	n := c.Len(len(t.points), 1+2*8)
	c.Check(n <= tracePoints, "a trace of 1024 points")
	if !c.OK() {
		return
	}
	if c.Reading() {
		t.points = make([]TracePoint, n)
	}
	for i := range t.points {
		c.Count(&t.points[i].Rows)
		c.Float(&t.points[i].Weight, &t.points[i].Loss)
	}
}

// Points are those of the trace, oldest first. A short rest at the end is in the last point.
func (t *Trace) Points() []TracePoint {
	points := append([]TracePoint(nil), t.points...)
	if n := len(points); n > 1 && points[n-1].Rows < traceRows<<t.doublings/2 {
		points[n-2].join(points[n-1])
		points = points[:n-1]
	}
	return points
}
