package neighbors

import "math"

//go:generate go -C _asm run ./screen -out ../screen_amd64.s -stubs ../screen_stubs_amd64.go -pkg neighbors

// screenKernel writes, for the row x and each of some rows of as many columns, a value near the distance of canberra
// or braycurtis, or near the mean of the squares of nan_euclidean. The number of columns is a multiple of
// screenColumns, and that of rows one of screenRows.
type screenKernel func(x, rows, values []float32)

const (
	screenColumns = 16
	screenRows    = 4
)

// nothing is added where one may divide by 0. It is lost in sums of values of rows that are screened.
const nothing = 0x1p-50

// tree32 is the order in which the kernels add lanes up.
func tree32(l *[8]float32) float32 {
	return ((l[0] + l[1]) + (l[2] + l[3])) + ((l[4] + l[5]) + (l[6] + l[7]))
}

func abs32(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1 << 31)) }

// screenCanberra is Σ|x−y|/(|x|+|y|). It divides the sum of two terms at a time: a/b + c/d = (ad+cb)/(bd).
func screenCanberra(x, rows, values []float32) {
	for i := range values {
		var l [8]float32
		y := rows[i*len(x) : (i+1)*len(x)]
		for j := 0; j < len(x); j += 16 {
			for k := range 8 {
				a, b := j+k, j+k+8
				da, db := abs32(x[a]-y[a]), abs32(x[b]-y[b])
				sa, sb := (abs32(x[a])+nothing)+abs32(y[a]), (abs32(x[b])+nothing)+abs32(y[b])
				l[k] += (float32(da*sb) + float32(db*sa)) / float32(sa*sb)
			}
		}
		values[i] = tree32(&l)
	}
}

// screenBrayCurtis is Σ|x−y|/Σ|x+y|.
func screenBrayCurtis(x, rows, values []float32) {
	for i := range values {
		var l, m [8]float32
		y := rows[i*len(x) : (i+1)*len(x)]
		for j, a := range x {
			l[j%8] += abs32(a - y[j])
			m[j%8] += abs32(a + y[j])
		}
		values[i] = tree32(&l) / (tree32(&m) + nothing)
	}
}

// screenNaN is the mean of (x−y)² over the columns where neither is NaN, or NaN where there is none.
func screenNaN(x, rows, values []float32) {
	for i := range values {
		var l [8]float32
		count := 0
		y := rows[i*len(x) : (i+1)*len(x)]
		for j, a := range x {
			if d := a - y[j]; d == d {
				l[j%8] += float32(d * d)
				count++
			}
		}
		values[i] = tree32(&l) / float32(count)
	}
}
