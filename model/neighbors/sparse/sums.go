package sparse

import (
	"math"

	"beamlearn/model/internal/elementary"
)

// Row is a row by its entries: columns that ascend, and their values.
type Row struct {
	Columns []int32
	Values  []float64
}

// Sums over the components of two rows, as package neighbors defines them of dense rows: component j is summed in lane
// j mod 8, in ascending order, the lanes end in a fixed tree, and no product is fused into a sum. A component that both
// rows lack adds 0 to its lane there, which changes no bit; so here it is left out. O(entries).

func tree(l *[8]float64) float64 {
	return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

// SqEuclidean is Σ(x−s·y)². Which of the rows has the next column is as good as random, so that nothing branches on it,
// unless one of them is much longer.
func SqEuclidean(x, y Row, s float64) float64 {
	var l [8]float64
	xc, xv, yc, yv := x.Columns, x.Values[:len(x.Columns)], y.Columns, y.Values[:len(y.Columns)]
	i, j := 0, 0
	switch {
	case len(yc) > 3*len(xc):
		for ; i < len(xc); i++ {
			a, d := xc[i], xv[i]
			for ; j < len(yc) && yc[j] < a; j++ {
				t := float64(yv[j] * s)
				l[yc[j]&7] += float64(t * t)
			}
			if j < len(yc) && yc[j] == a {
				d -= float64(yv[j] * s)
				j++
			}
			l[a&7] += float64(d * d)
		}
	case len(xc) > 3*len(yc):
		for ; j < len(yc); j++ {
			b, d := yc[j], -float64(yv[j]*s)
			for ; i < len(xc) && xc[i] < b; i++ {
				l[xc[i]&7] += float64(xv[i] * xv[i])
			}
			if i < len(xc) && xc[i] == b {
				d += xv[i]
				i++
			}
			l[b&7] += float64(d * d)
		}
	}
	for i < len(xc) && j < len(yc) {
		a, b := int64(xc[i]), int64(yc[j])
		notX, notY := (b-a)>>63, (a-b)>>63 // −1 or 0: a column that x or y lacks has 0 in it
		d := math.Float64frombits(math.Float64bits(xv[i])&^uint64(notX)) -
			math.Float64frombits(math.Float64bits(float64(yv[j]*s))&^uint64(notY))
		l[min(a, b)&7] += float64(d * d)
		i += int(1 + notX)
		j += int(1 + notY)
	}
	for ; i < len(xc); i++ {
		l[xc[i]&7] += float64(xv[i] * xv[i])
	}
	for ; j < len(yc); j++ {
		d := float64(yv[j] * s)
		l[yc[j]&7] += float64(d * d)
	}
	return tree(&l)
}

// Dot is Σxy.
func Dot(x, y Row) float64 {
	var l [8]float64
	i, j := 0, 0
	for i < len(x.Columns) && j < len(y.Columns) {
		a, b := x.Columns[i], y.Columns[j]
		if a == b {
			l[a&7] += float64(x.Values[i] * y.Values[j])
		}
		if a <= b {
			i++
		}
		if b <= a {
			j++
		}
	}
	return tree(&l)
}

// union calls each with the components that either row has.
func union(x, y Row, each func(column int32, a, b float64)) {
	i, j := 0, 0
	for i < len(x.Columns) || j < len(y.Columns) {
		switch {
		case j == len(y.Columns) || i < len(x.Columns) && x.Columns[i] < y.Columns[j]:
			each(x.Columns[i], x.Values[i], 0)
			i++
		case i == len(x.Columns) || y.Columns[j] < x.Columns[i]:
			each(y.Columns[j], 0, y.Values[j])
			j++
		default:
			each(x.Columns[i], x.Values[i], y.Values[j])
			i, j = i+1, j+1
		}
	}
}

// Manhattan is Σ|x−y|.
func Manhattan(x, y Row) float64 {
	var l [8]float64
	union(x, y, func(c int32, a, b float64) { l[c&7] += math.Abs(a - b) })
	return tree(&l)
}

// Chebyshev is max|x−y|.
func Chebyshev(x, y Row) float64 {
	most := 0.0
	union(x, y, func(_ int32, a, b float64) {
		if d := math.Abs(a - b); d > most {
			most = d
		}
	})
	return most
}

// Powers is Σ|x−y|ᵖ.
func Powers(x, y Row, p float64) float64 {
	var l [8]float64
	union(x, y, func(c int32, a, b float64) { l[c&7] += elementary.Pow(math.Abs(a-b), p) })
	return tree(&l)
}

// Unequal counts the components that differ.
func Unequal(x, y Row) float64 {
	n := 0
	union(x, y, func(_ int32, a, b float64) {
		if a != b {
			n++
		}
	})
	return float64(n)
}

// Size counts the components that are not 0.
func Size(x Row) (n int) {
	for _, v := range x.Values {
		if v != 0 {
			n++
		}
	}
	return n
}

// Both counts the components that are 0 in neither row.
func Both(x, y Row) (n int) {
	for i, j := 0, 0; i < len(x.Columns) && j < len(y.Columns); {
		a, b := x.Columns[i], y.Columns[j]
		if a == b && x.Values[i] != 0 && y.Values[j] != 0 {
			n++
		}
		if a <= b {
			i++
		}
		if b <= a {
			j++
		}
	}
	return n
}
