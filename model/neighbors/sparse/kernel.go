package sparse

import (
	"os"

	"beamlearn/model/internal/simd"
)

//go:generate go -C ../_asm run ./sparse -out ../sparse/scan_amd64.s -stubs ../sparse/stubs_amd64.go -pkg sparse

// chunkRows is how many rows a kernel takes at a time.
const chunkRows = 64

// scan is a query's passage through rows, chunk by chunk. Assembly knows its layout.
type scan struct {
	sums       *float32 // of the rows: what other columns have added
	thresholds *float32 // of the rows
	dense      *float32 // of each chunk, chunkRows values of each column
	stride     int      // bytes from a chunk of dense to the next
	terms      *term    // the query's, in columns of dense
	n          int      // of those
	least      *float32 // by the chunk
	most       *float32 // by the chunk: norm times that is the most that dense columns can add to a sum
	chunks     int      // at least 1
	rows       *int32   // room for all
	found      *float32 // room for all
	norm       float32
}

// term is one of a product with a chunk of dense.
type term struct {
	value  float32
	column int32 // bytes from the beginning of a chunk to the column
}

// kernel is the arithmetic of one level of instructions.
type kernel struct {
	name string
	// scan finds the rows whose sums, with the products of the dense columns, reach their own threshold or the least of
	// their chunk. It writes their numbers and sums, returns how many there are, and clears all sums. Where sums of a
	// chunk cannot reach either, the products are not looked at.
	scan func(*scan) int
	// A column is dense from this share of the rows on, if it is among so many.
	share   float64
	columns int
}

// generic is plain Go. There a dense column pays where most rows have it.
var generic = kernel{"generic", scanGeneric, 1.0 / 4, 16}

// best is the fastest level that this machine has, unless the environment asks for generic.
var best = choose()

func choose() *kernel {
	all := levels()
	if os.Getenv(simd.Environment) == generic.name {
		return all[0]
	}
	return all[len(all)-1]
}

// levels are those that this machine has, the fastest last.
func levels() []*kernel { return append([]*kernel{&generic}, assembly()...) }
