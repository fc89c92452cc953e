// Package tile holds the kernels of the certified filter of exact nearest neighbours: tiles of bounds on the scores of
// 8 queries × 48 points, in int8 or float32, and the float64 recomputation of single pairs.
//
// # Layout
//
// Rows are cut into panels of 48. A row is Words words of four bytes, four int8 components or one float32, padded by
// zeros. A panel holds word 0 of its 48 rows, then word 1, and so on. A group of 8 rows that starts at a multiple of 8
// within a panel can serve as queries.
//
// # Scores
//
// With S the dot product of the rows as stored, times their scales (int8 only), the score of query i and point j is
//
//	S − Halves[j] + max(limit of i, limit of j)
//	limit of i = QA[i] + QB[i]·E + QC[i]·F   with E, F of Margins, of the panel of j
//	limit of j =  A[j] +  B[j]·E +  C[j]·F   with E, F of QMargin, of the queries
//
// in float32, and the pair is a hit unless the score is less than QHalves[i]. What a NaN comes of is a hit.
// The int8 score is made in this order: the sum of products, exact; to float32; times Scales[j]; times QScales[i] minus
// Halves[j], fused; plus the limit. The float32 score is a chain of fused multiply-adds, then minus Halves[j], then plus
// the limit. Limits are chains of two fused multiply-adds.
package tile

import (
	"fmt"
	"os"
	"unsafe"
)

//go:generate go -C ../../_asm run ./tile -out ../internal/tile/kernel_amd64.s -stubs ../internal/tile/stubs_amd64.go -pkg tile

// The shape of a tile.
const (
	Rows    = 8
	Columns = 48
)

// Args are the arguments of a tile kernel, one query group against NPanels panels. The assembly knows the offsets.
type Args struct {
	Queries  unsafe.Pointer // first word of the group
	Panels   unsafe.Pointer // first word of the first panel
	Words    int            // at least 1
	NPanels  int            // at least 1
	Scales   *float32       // of the panels' rows
	Halves   *float32       // of the panels' rows
	A, B, C  *float32       // of the panels' rows
	Margins  *float32       // E and F of each panel
	Hits     *Hit           // NPanels+1 of them
	Best     *float32       // Rows × Columns
	QOffsets [Rows]int32    // −128 times the sum of a query's components
	QScales  [Rows]float32
	QHalves  [Rows]float32
	QA       [Rows]float32
	QB       [Rows]float32
	QC       [Rows]float32
	QMargin  [2]float32 // E and F of the group
	limits   [Rows]float32
}

// Hit is a tile with a hit: bit j of Masks[i] says that query i and row j of the panel are one.
type Hit struct {
	Panel int64
	Masks [Rows]uint64
}

// Pairs is a float64 kernel: out[p] is the reduced value of query q and point j where pairs[p] = j<<32 | q. Row q of x
// begins at q·dim, row j of y at j·dim. The pairs' number must be a multiple of 4. Scales is used by ScaledSquares only:
// Σ(x − scale·y)², with the point's scale.
type Pairs[X, Y float32 | float64] func(x []X, y []Y, dim int, scales []float64, pairs []uint64, out []float64)

// PairKernels are those of one type of queries and one of points.
type PairKernels[X, Y float32 | float64] struct {
	Squares, Products Pairs[X, Y]
	ScaledSquares     Pairs[X, Y] // of float64 queries only
}

// Kernels are those of one level of instructions.
type Kernels struct {
	Name string
	// Bytes and Float32s write the hits in the order of the panels and return their number. Bytes is nil where int8 is
	// no faster than float32.
	Bytes, Float32s func(*Args) int
	// BytesBest and Float32sBest raise Best[i·Columns+j] to the highest of S − Halves over the rows j of the panels.
	BytesBest, Float32sBest func(*Args)
	// Screen is Σ(x−y)² in float32, within a relative (dim+4)·2⁻²⁴ of its exact value and dim·2⁻¹⁴⁹ of underflow; +Inf
	// and NaN say nothing. The arguments are those of Pairs.
	Screen     func(x, y []float32, dim int, pairs []uint64, out []float32)
	Pairs32    PairKernels[float32, float32]
	Pairs64x32 PairKernels[float64, float32]
	Pairs64    PairKernels[float64, float64]
}

// Generic is plain Go: the definition of the others, which are far faster.
var Generic = Kernels{
	Name: "generic", Bytes: bytesGeneric, Float32s: float32sGeneric, BytesBest: bytesBestGeneric, Float32sBest: float32sBestGeneric,
	Screen:     screenGeneric,
	Pairs32:    genericPairs[float32, float32](),
	Pairs64x32: genericPairs[float64, float32](),
	Pairs64:    genericPairs[float64, float64](),
}

// Levels are those that this machine has, the fastest last; the first is Generic.
func Levels() []*Kernels { return append([]*Kernels{&Generic}, assembly()...) }

// Environment names the variable that forces a level: generic, avx2 or avx512. One that the machine lacks, or another
// word, is an error of the process's environment and panics.
const Environment = "BEAMLEARN_SIMD"

// Best is the fastest level, or the one that the environment forces.
func Best() *Kernels { return best }

var best = choose(os.Getenv(Environment))

func choose(name string) *Kernels {
	levels := Levels()
	if name == "" {
		return levels[len(levels)-1]
	}
	var have []string
	for _, l := range levels {
		if l.Name == name {
			return l
		}
		have = append(have, l.Name)
	}
	panic(fmt.Sprintf("%s=%s: this machine has %v", Environment, name, have))
}
