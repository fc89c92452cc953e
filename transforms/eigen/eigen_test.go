package eigen

import (
	"math"
	"testing"

	model "beamlearn/model/eigen"
	"beamlearn/model/linear"
)

func FuzzSummand(f *testing.F) {
	for _, s := range []Summand{{}, {linear.Node{Level: 3, Index: 7}, []byte("sums")}} {
		b, err := encodeSummand(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeSummand(b)
		if err != nil {
			return
		}
		again, err := encodeSummand(s)
		if err != nil {
			t.Fatal(err)
		}
		u, err := decodeSummand(again)
		if err != nil || u.Node != s.Node || string(u.Partial) != string(s.Partial) {
			t.Errorf("%+v became %+v, %v", s, u, err)
		}
	})
}

// As many rows are drawn as were asked for, and not many more.
func TestDrawn(t *testing.T) {
	for _, total := range []int64{1, 4000, 5000, 1_000_000} {
		const sample = 4000
		bound, n := drawn(sample, total), 0
		for i := range total {
			if model.Rank(i) <= bound {
				n++
			}
		}
		if want := int(min(sample, total)); n < want || float64(n) > math.Max(float64(want)*1.2, 100) {
			t.Errorf("%d of %d rows drawn", n, total)
		}
	}
}
