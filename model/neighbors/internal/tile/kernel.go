// Package tile holds the kernels of the certified filter of exact nearest neighbours: tiles of bounds on the scores of
// 8 queries × 48 points, in int8 or float32, and the float64 computation of single pairs.
//
// # Layout
//
// Rows are cut into panels of 48. A row is Words words of four bytes, four int8 components or one float32, padded by
// zeros; in dot products no int8 is −128. A panel holds word 0 of its 48 rows, then word 1, and so on. A group of 8
// rows that starts at a multiple of 8 within a panel can serve as queries.
//
// # Scores
//
// A score is made of a sum S. In [Kernels.Bytes] and [Kernels.Float32s] it is the dot product of the rows as stored,
// times their scales (int8 only); in the others it is the Manhattan, Chebyshev or Hamming distance of the rows of int8,
// times the query's scale. The score of query i and point j is
//
//	S − Halves[j] + max(limit of i, limit of j)
//	limit of i = QA[i] + QB[i]·E + QC[i]·F   with E, F of Margins, of the panel of j
//	limit of j =  A[j] +  B[j]·E +  C[j]·F   with E, F of QMargin, of the queries
//
// in float32, and the pair is a hit unless the score is less than QHalves[i]. What a NaN comes of is a hit. The int8
// score is made in this order: the sum of products, exact; to float32; times Scales[j]; times QScales[i] minus
// Halves[j], fused; plus the limit. That of a distance is made in the same order, without Scales. The float32 score
// is a chain of fused multiply-adds, then minus Halves[j], then plus the limit. Limits are chains of two fused
// multiply-adds.
package tile

import (
	"unsafe"

	"beamlearn/model/internal/simd"
)

//go:generate go -C ../../_asm run ./tile -out ../internal/tile/kernel_amd64.s -stubs ../internal/tile/stubs_amd64.go -pkg tile
//go:generate go -C ../../_asm run ./tilearm64 -out ../internal/tile/kernel_arm64.s -stubs ../internal/tile/stubs_arm64.go -pkg tile

// The shape of a tile.
const (
	Rows    = 8
	Columns = 48
)

// PanelBits is how many of the lowest bits of a score give way to the number of a panel: they say less than what int8
// rounds off.
const PanelBits = 10

// Args are the arguments of a tile kernel, one query group against NPanels panels. The assembly knows the offsets.
type Args struct {
	Queries  unsafe.Pointer // first word of the group
	Panels   unsafe.Pointer // first word of the first panel
	Words    int            // at least 1
	NPanels  int            // at least 1
	Scales   *float32       // of the panels' rows, for dot products of int8
	Halves   *float32       // of the panels' rows
	A, B, C  *float32       // of the panels' rows
	Margins  *float32       // E and F of each panel
	Hits     *Hit           // NPanels+1 of them
	Best     *float32       // Rows × Columns; of Scored for each hit and one more, and it is left after the last
	QOffsets [Rows]int32    // −128 times the sum of a query's components, for dot products of int8
	QScales  [Rows]float32
	QHalves  [Rows]float32
	QA       [Rows]float32
	QB       [Rows]float32
	QC       [Rows]float32
	QMargin  [2]float32 // E and F of the group
	limits   [Rows]float32
	Number   int // of the first panel, for BestPanel
}

// Hit is a tile with a hit: bit j of Masks[i] says that query i and row j of the panel are one.
type Hit struct {
	Panel int64
	Masks [Rows]uint64
}

// Pairs is a float64 kernel: out[p] is the reduced value of query q and point j where pairs[p] = j<<32 | q. Row q of
// x begins at q·dim, row j of y at j·dim. The pairs' number must be a multiple of 4. Scales is used by ScaledSquares
// only: Σ(x − scale·y)², with the point's scale.
type Pairs[X, Y float32 | float64] func(x []X, y []Y, dim int, scales []float64, pairs []uint64, out []float64)

// PairKernels are those of one type of queries and one of points.
type PairKernels[X, Y float32 | float64] struct {
	Squares, Products             Pairs[X, Y]
	ScaledSquares                 Pairs[X, Y] // of float64 queries only
	Manhattan, Chebyshev, Hamming Pairs[X, Y]
}

// Tile is a kernel of tiles.
type Tile struct {
	// FindBatch is Find for each group, which writes Hits of each and leaves Hits after the last. BestBatch is Best for
	// each, and BestPanelBatch is BestPanel. Without them groups are to be taken one by one. Only [Kernels.Bytes] may
	// have them.
	FindBatch, BestBatch, BestPanelBatch func(*Batch)
	// Find writes the hits in the order of the panels and returns their number.
	Find func(*Args) int
	// Best raises Best[i·Columns+j] to the highest of S − Halves over the rows j of the panels. Hamming has none.
	Best func(*Args)
	// BestPanel is Best, of scores whose lowest PanelBits are the number of the panel: Number, which is below
	// 1<<PanelBits as those of all panels are, of the first. It passes infinite scores over but for those of the panel 0.
	// Only [Kernels.Bytes] has it.
	BestPanel func(*Args)
	// Scored is Find, and writes S − Halves of the tiles that have a hit to Best. Only [Kernels.Bytes] has it.
	Scored func(*Args) int
}

// Kernels are those of one level of instructions.
type Kernels struct {
	Name                          string
	Bytes, Float32s               *Tile
	Manhattan, Chebyshev, Hamming *Tile
	// Screen is Σ(x−y)² in float32, within a relative (dim+4)·2⁻²⁴ of its exact value and dim·2⁻¹⁴⁹ of underflow; +Inf
	// and NaN say nothing. The arguments are those of Pairs.
	Screen func(x, y []float32, dim int, pairs []uint64, out []float32)
	// Centre is y = x·factor − centre, where the products are rounded, and the bits of the greatest magnitude in y, of
	// which NaN is greatest. To a multiple of 16 components, which y must have room for, it is 0. A row as long as x
	// from next on is fetched meanwhile: the one that is to come soon.
	Centre func(x, centre []float32, factor float32, y []float32, next *float32) (most uint32)
	// Round makes of y·inverse, which is at most 127.5, the nearest integers, to even ones from the middle, of
	// magnitudes up to 127. The length is a multiple of 16, and at least that.
	Round func(y []float32, inverse float32, q []int8) (sum, squares int32)
	// Missing is Σ(y − scale·q)² and Σy², in float32, each within a relative (len(y)+4)·2⁻²⁴ of its exact value and
	// len(y)·2⁻¹⁴⁹ of underflow. The length is a multiple of 16, and at least that.
	Missing func(y []float32, scale float32, q []int8) (miss, squares float32)
	// Widen is y = x, of which y has the room.
	Widen func(x []float32, y []float64)
	// Centre64 is y = (x − centre)·factor, rounded after either, and the bits of the greatest magnitude in y, of which NaN
	// is greatest. To a multiple of 8 components, which y must have room for, it is 0.
	Centre64 func(x, centre []float64, factor float64, y []float64) (most uint64)
	// Round64 is Round and Missing of float64: |y·inverse| is less than 2³¹, and what is beyond 127 becomes 127. The
	// length is a multiple of 8, and at least that. All levels give the same bits: nothing is fused, component j is
	// added to lane j mod 8, and the lanes are added up as those of pairs.
	Round64    func(y []float64, inverse, scale float64, q []int8) (sum, squares int32, miss, square float64)
	Pairs32    PairKernels[float32, float32]
	Pairs64x32 PairKernels[float64, float32]
	Pairs64    PairKernels[float64, float64]
}

// Generic is plain Go: the definition of the others, which are far faster.
var Generic = Kernels{
	Name:      "generic",
	Bytes:     genericBytes(byteScores),
	Float32s:  genericTile(float32Scores),
	Manhattan: genericTile(distanceScores(func(sum, difference int32) int32 { return sum + difference })),
	Chebyshev: genericTile(distanceScores(func(most, difference int32) int32 { return max(most, difference) })),
	Hamming: &Tile{Find: genericTile(
		distanceScores(func(n, difference int32) int32 { return n + min(difference, 1) })).Find},
	Screen:     screenGeneric,
	Centre:     centreGeneric,
	Round:      roundGeneric,
	Missing:    missingGeneric,
	Widen:      widenGeneric,
	Centre64:   centre64Generic,
	Round64:    round64Generic,
	Pairs32:    genericPairs[float32, float32](),
	Pairs64x32: genericPairs[float64, float32](),
	Pairs64:    genericPairs[float64, float64](),
}

// Levels are those that this machine has, the fastest last; the first is Generic.
func Levels() []*Kernels { return append([]*Kernels{&Generic}, assembly()...) }

// Best is the fastest level, or the one that the environment forces.
func Best() *Kernels { return best }

var best = choose()

func choose() *Kernels {
	levels := Levels()
	var names []string
	for _, l := range levels {
		names = append(names, l.Name)
	}
	return levels[simd.Choose(names, true)]
}
