package recommend

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/triples"
)

// Packed weights give the bits that unpacked ones give: those of the same weights times a power of two, which is too
// small for them to be packed. Some are below 0, so that sums cancel on the way, and ties abound.
func TestPacked(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	for _, c := range []struct {
		unit        float64
		least, most int
		packed      bool
	}{
		{1, 1, 5, true}, {0.5, 1, 10, true}, {1, -3, 3, true}, {0.0625, -127, 127, true}, {1, 0, 128, false},
		{0.1, 1, 5, false}, {0.03125, 1, 5, false}, {1, 2, 2, true},
	} {
		var rows []row
		for range 1500 {
			rows = append(rows, row{number(float64(rng.IntN(90))), number(math.Floor(math.Pow(60, rng.Float64()))),
				c.unit * float64(c.least+rng.IntN(c.most-c.least+1)), 0})
		}
		rows = append(rows, row{number(0), number(999), c.unit * float64(c.most), 0})
		const small = 0x1p-40
		x := gather(t, rows, 100, false, triples.Last)
		y := gather(t, rows, 100, false, triples.Last)
		for e := range y.Value {
			y.Value[e] *= small
		}
		for _, o := range []Options{{K: 3}, {K: 60, Shrinkage: 3}, {K: 5, Similarity: InnerProduct},
			{K: 5, Similarity: InnerProduct, Shrinkage: 2}} {
			o.EnsureDefaults()
			m := newMatrix(x, &o, 1)
			if constant := c.least == c.most && o.Similarity != InnerProduct; (m.packed != nil) != c.packed ||
				(newMatrix(y, &o, 1).packed != nil) != constant {
				t.Errorf("%+v, %+v: packed %v", c, o, m.packed != nil)
			}
			a, err := Fit(t.Context(), x, o, 2)
			b, err2 := Fit(t.Context(), y, o, 2)
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
			if o.Similarity == InnerProduct {
				for i := range b.Similarity {
					b.Similarity[i] /= small * small
				}
			}
			if len(a.Neighbor) == 0 || !slices.Equal(a.Offsets, b.Offsets) || !slices.Equal(a.Neighbor, b.Neighbor) ||
				!slices.Equal(a.Similarity, b.Similarity) {
				t.Errorf("%+v, %+v: packed weights make a difference", c, o)
			}
		}
	}
}

// Sums that 31 bits do not hold are not packed.
func TestPackedBound(t *testing.T) {
	t.Parallel()
	x := &Interactions{Offsets: []int64{0}}
	const users = 140_000 // 127²·users > 2³¹
	for u := range users {
		x.Users.Append(number(float64(u)))
		x.Item, x.Value, x.Offsets = append(x.Item, 0, 1), append(x.Value, 127, 126), append(x.Offsets, int64(2*u+2))
	}
	x.Items.Append(number(0))
	x.Items.Append(number(1))
	o := Options{K: 1, Similarity: InnerProduct}
	o.EnsureDefaults()
	if m := newMatrix(x, &o, 1); m.packed != nil {
		t.Error("sums of 127² of 140,000 users are packed")
	}
	m, err := Fit(t.Context(), x, o, 1)
	if want := 127.0 * 126 * users; err != nil || !slices.Equal(m.Similarity, []float64{want, want}) {
		t.Errorf("%v, %v, expected %g", m, err, want)
	}
}
