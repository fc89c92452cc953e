package eigen

import (
	"strconv"
	"testing"

	"beamlearn/model/report"
)

// TestPageFarPoints checks that a few far points do not make one spot of the others: beyond the fences they stand at
// the edge, and the numbers of the points stay.
func TestPageFarPoints(t *testing.T) {
	p := &PCA{Rows: 1000, Mean: []float64{0, 0}, Components: [][]float64{{1, 0}, {0, 1}}, ExplainedVariance: []float64{4, 1}, TotalVariance: 5}
	v := &View{Rows: 1000}
	for i := range 1000 {
		x := float64(i%100)/50 - 1
		if i == 7 {
			x = 1e6
		}
		v.Sample = append(v.Sample, Point{Number: int64(i), ID: strconv.Itoa(i), Values: []float64{x, float64(i % 10)}})
	}
	d := p.data(v)
	if lo, hi := d.Shown[0][0], d.Shown[0][1]; lo != -1 || hi < 1 || hi > 2 {
		t.Errorf("the first component is shown from %v to %v", lo, hi)
	}
	if d.Shown[1] != [2]report.Number{0, 9} {
		t.Errorf("the second component is shown from %v", d.Shown[1])
	}
	if d.Points[0][7] != 1e6 || d.Points[0][0] != -1 {
		t.Errorf("points %v, %v", d.Points[0][7], d.Points[0][0])
	}
}
