// Package lanes holds the kernels of many linear models that learn side by side by stochastic gradient descent, each
// in a lane of its own, and those of the products of columns that exact solvers sum up, with a lane for a column.
// Every level of instructions gives the bits of plain Go: no sum and product is fused, a lane's sums have the order
// of package linear's for a single model, and exp and log are polynomials of their own.
//
// Weights are feature-major: that of column j in lane i is w[j·stride+i], so that a row takes for each of its values
// one broadcast, and as many products as there are lanes. The number of lanes is a multiple of [Width].
package lanes

import (
	"unsafe"

	"beamlearn/model/internal/simd"
)

//go:generate go -C ../../_asm run ./lanes -out ../internal/lanes/lanes_amd64.s -stubs ../internal/lanes/stubs_amd64.go -pkg lanes

// Width is the number of lanes of a group.
const Width = 8

// Group is the state of as many models. Its weights are Scale times those stored, and the mean of its weights
// (MeanA·w + mean)/MeanB. The assembly knows the offsets.
type Group struct {
	Scale, Intercept            [Width]float64
	Alpha                       [Width]float64 // of the penalty
	T0                          [Width]float64 // of steps 1/(alpha·(T0+t−1))
	L2, L1                      [Width]float64 // shares of the penalty
	Due                         [Width]float64 // l1 penalty so far
	MeanA, MeanB, MeanIntercept [Width]float64
}

// MinScale is the scale below which weights must be multiplied by it.
const MinScale = 1e-9

// MaxSlope bounds the slope of a loss.
const MaxSlope = 1e12

// The losses, as Decide and Value are indexed. y is ±1 in all but the last four.
const (
	Hinge = iota // with Threshold: that of a perceptron is 0
	LogLoss
	ModifiedHuber
	SquaredHinge
	SquaredError
	Huber
	EpsilonInsensitive
	SquaredEpsilonInsensitive
	Losses
)

// Row is the arguments of the kernels for one row: lists of a value for each lane, by their first. The assembly knows
// the offsets.
type Row struct {
	Groups     *Group
	N          int      // groups, at least 1
	Dot        *float64 // Σxw of the weights as stored
	P          *float64 // predictions
	Y          *float64 // targets, YStep bytes from one group to the next: 64, or 0 where they are the same in all lanes
	YStep      int
	Weight     *float64 // to be multiplied by RowWeight; as Y
	WeightStep int
	Eta        *float64 // in: step sizes, 0 where the lane does not learn; with Optimal: t, or +Inf
	Update     *float64
	MeanUpdate *float64
	M, Q       *float64 // numbers of rows averaged, or +Inf; 1 − 1/M, or 1
	RowWeight  float64
	Intercept  float64 // what the intercept's steps are multiplied by
	Threshold  float64 // of Hinge
	Epsilon    float64
	Optimal    int // 1: step sizes follow from t
	// Of LogisticSums: what losses and slopes are added to.
	Losses, Slopes *float64
}

// Kernels are those of one level of instructions.
type Kernels struct {
	Name string
	// Dot is out[i] = Σ_j x[j]·w[j·stride+i], in eight sums. DotSparse has x[j] in column idx[j], and four sums.
	Dot       func(x, w []float64, stride int, out []float64)
	DotSparse func(idx []int32, x, w []float64, stride int, out []float64)
	// Add is w[j·stride+i] += s[i]·x[j].
	Add       func(x, s, w []float64, stride int)
	AddSparse func(idx []int32, x, s, w []float64, stride int)
	// AddDot is Add, and then Dot of the next row, as long, with the weights as they are now.
	AddDot func(x, s, w []float64, stride int, next, out []float64)
	// Truncate moves the weights of so many columns towards zero by the l1 penalty that they have not had yet; q is what
	// each has had. Lanes whose eta is 0 keep theirs.
	Truncate       func(groups []Group, eta, w, q []float64, stride, columns int)
	TruncateSparse func(groups []Group, eta []float64, idx []int32, w, q []float64, stride int)
	// Decide makes P and Update = −eta·slope·weight, and lets the penalty shrink Scale and raise Due. It reports by 1
	// whether a Scale is below MinScale.
	Decide [Losses]func(*Row) int
	// Step makes of Update what is to be added to the weights as stored, in place, and moves the intercepts. StepMean
	// averages, too, and writes MeanUpdate.
	Step, StepMean func(*Row)
	// Value writes the losses of the predictions P into Update.
	Value [Losses]func(*Row)
	// Products is t[4i+j] = Σ_r a[4r+i]·b[4r+j], of two groups of four columns, in the order of the rows, as many as b
	// has. FourProducts is t[16i+4g+j] of four groups, group g of which stands from b[g·step] on, of as many rows as a
	// has.
	Products     func(a, b []float64, t *[16]float64)
	FourProducts func(a, b []float64, step int, t *[64]float64)
	// Centre32 is out[4r+j] = x[r·stride+j] − m[j] of four columns of x, and sums[j] = Σ_r out[4r+j] in the order of the
	// rows, as many as out has room for. Centre64 is the same of float64.
	Centre32 func(x []float32, stride int, m *[4]float64, out []float64, sums *[4]float64)
	Centre64 func(x []float64, stride int, m *[4]float64, out []float64, sums *[4]float64)
	// Subtract is x[4r+j] −= m[j].
	Subtract func(x []float64, m *[4]float64)
	// DotRows is dst[r] += (x[4r]·w[0] + x[4r+1]·w[1]) + (x[4r+2]·w[2] + x[4r+3]·w[3]), of as many rows as dst has.
	DotRows func(x []float64, w *[4]float64, dst []float64)
	// WeighRows is out[4r+j] = weights[r]·x[4r+j], of as many rows as there are weights.
	WeighRows func(x, weights, out []float64)
	// Sigmoid is out[i] = 1/(1+exp(−p[i])); lengths are multiples of Width.
	Sigmoid func(p, out []float64)
	// Exponentials makes p[i] = exp(p[i]−top), where p[i] is not above top, or 0 where that is below exp(−708), and
	// sums[i%8] the sums of these; the length is a multiple of Width.
	Exponentials func(p []float64, top float64, sums *[Width]float64)
	// Logistic is the loss of log_loss, log(1+exp(−p·y)) for y = ±1, with its slope and its second derivative in p;
	// lengths are multiples of Width.
	Logistic func(p, y, value, slope, curvature []float64)
	// LogisticSums is Logistic of a row by many models, of predictions Dot + Intercept. It makes Update of the slopes
	// times the weights, and adds them to Slopes and the losses times these to Losses, where Eta is not 0; elsewhere
	// Update is 0.
	LogisticSums func(*Row)
	// WeighLosses multiplies slopes and second derivatives of rows by their weights, and makes sums[i%8], [8+i%8] and
	// [16+i%8] those of the losses times the weights, the slopes and the second derivatives; lengths are multiples of
	// Width.
	WeighLosses func(weights, value, slope, curvature []float64, sums *[3 * Width]float64)
	// SumRows is sums[j] = Σ_r s[r]·x[4r+j], of as many rows as s has, in four sums by r%4. WeighSums is WeighRows, too,
	// and sums[4+j] that of what it writes.
	SumRows   func(x, s []float64, sums *[4]float64)
	WeighSums func(x, s, weights, out []float64, sums *[8]float64)
}

// Generic is plain Go: the definition of the others.
var Generic = Kernels{
	Name: "generic", Dot: dot, DotSparse: dotSparse, Add: add, AddSparse: addSparse, AddDot: addDot,
	Truncate: truncate, TruncateSparse: truncateSparse, Step: step, StepMean: stepMean, Sigmoid: sigmoids,
	Exponentials: exponentials, Logistic: logistics,
	Products: products, FourProducts: fourProducts,
	Centre32: centre[float32], Centre64: centre[float64], Subtract: subtract,
	DotRows: dotRows, WeighRows: weighRows, LogisticSums: logisticSums, WeighLosses: weighLosses, SumRows: sumRows,
	WeighSums: weighSums,
	Decide: [Losses]func(*Row) int{
		decide(hingeSlope, false), decide(logSlope, false), decide(modifiedHuberSlope, true), decide(squaredHingeSlope, true),
		decide(squaredErrorSlope, true), decide(huberSlope, true), decide(epsilonSlope, false),
		decide(squaredEpsilonSlope, true),
	},
	Value: [Losses]func(*Row){
		value(hingeValue), value(logValue), value(modifiedHuberValue), value(squaredHingeValue),
		value(squaredErrorValue), value(huberValue), value(epsilonValue), value(squaredEpsilonValue),
	},
}

// Padded is n, or the next multiple of Width.
func Padded(n int) int { return (n + Width - 1) / Width * Width }

// Make is a list of n zeros that begins with a line of the cache, so that no register of it takes two.
func Make(n int) []float64 {
	x := make([]float64, n+Width-1)
	from := int(-uintptr(unsafe.Pointer(unsafe.SliceData(x))) % 64 / 8)
	return x[from : from+n : from+n]
}

// Levels are those that this machine has, the fastest last; the first is Generic.
func Levels() []*Kernels { return append([]*Kernels{&Generic}, assembly()...) }

// Best is the fastest level, or the one that BEAMLEARN_SIMD in the environment names: generic, avx2, avxvnni (avx2
// here) or avx512. See simd.Choose.
func Best() *Kernels { return best }

var best = choose()

func choose() *Kernels {
	levels := Levels()
	var names []string
	for _, l := range levels {
		names = append(names, l.Name)
	}
	return levels[simd.Choose(names, false)]
}
