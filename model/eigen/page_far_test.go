package eigen

import (
	"math"
	"strconv"
	"testing"

	"beamlearn/model/report"
)

// TestPageFarPoints checks that a few far points do not make one spot of the others: beyond the fences they stand at
// the edge, and the numbers of the points stay.
func TestPageFarPoints(t *testing.T) {
	p := &PCA{Rows: 1000, Mean: []float64{0, 0}, Components: [][]float64{{1, 0}, {0, 1}},
		ExplainedVariance: []float64{4, 1}, TotalVariance: 5}
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

// TestPageWithoutLabel checks that points without a label are a group of their own, the last one, and have no place
// in a range of numbers.
func TestPageWithoutLabel(t *testing.T) {
	p := &PCA{Rows: 40, Mean: []float64{0}, Components: [][]float64{{1}}, ExplainedVariance: []float64{1},
		TotalVariance: 1}
	view := func(values int) *pageData {
		v := &View{Rows: 40, Color: "c"}
		for i := range 40 {
			label := strconv.Itoa(i % values)
			if i == 3 {
				label = ""
			}
			v.Sample = append(v.Sample, Point{Number: int64(i), Values: []float64{float64(i)}, Label: label})
		}
		return p.data(v)
	}
	if d := view(2); len(d.Groups) != 3 || d.Groups[0] != "0" || d.Groups[1] != "1" || d.Groups[2] != "(none)" ||
		d.Group[3] != 2 || d.Labels[3] != "(none)" {
		t.Errorf("groups %q, the point's is %d, %q", d.Groups, d.Group[3], d.Labels[3])
	}
	d := view(40)
	if d.Groups != nil || len(d.Value) != 40 || d.Value[0] != 0 || d.Value[39] != 1 {
		t.Fatalf("groups %q, values %v", d.Groups, d.Value)
	}
	if v := d.Value[3]; v == v {
		t.Errorf("the point without a label stands at %v", v)
	}
}

// As many rows are drawn as were asked for, and not many more.
func TestSampleRank(t *testing.T) {
	for _, total := range []int64{1, 4000, 5000, 1_000_000} {
		const sample = 4000
		bound, n := SampleRank(sample, total), 0
		for i := range total {
			if Rank(i) <= bound {
				n++
			}
		}
		if want := int(min(sample, total)); n < want || float64(n) > math.Max(float64(want)*1.2, 100) {
			t.Errorf("%d of %d rows drawn", n, total)
		}
	}
}
