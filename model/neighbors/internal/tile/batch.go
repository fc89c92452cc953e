package tile

import "unsafe"

// Groups is the most groups of queries that a Batch takes, and block the number of words that AMX multiplies at once.
const (
	Groups = 4
	block  = 16
)

// Batch is what groups that follow each other have in common, which are compared to the same panels. Of their queries
// and panels, those of the first group count; Queries is not read. The assembly knows the offsets.
type Batch struct {
	Args   [Groups]Args
	count  int            // groups
	packed unsafe.Pointer // the rows of the queries: see Packed
	blocks int            // of words
	last   int            // where the last block begins in a panel, in bytes
	sums   *[Groups * Rows * Columns]int32
	config [64]byte // of AMX: the shapes of its registers
}

// Prepare sets the number of groups, and the packed rows of which the first group's are the i-th and those after it, a
// multiple of 32. It is to be called after Words of the first group is set.
func (b *Batch) Prepare(count int, packed []int8, i int) {
	words := b.Args[0].Words
	if b.count = count; b.sums == nil {
		b.sums = new([Groups * Rows * Columns]int32)
	}
	b.packed = unsafe.Pointer(&packed[i*packedWords(words)*4])
	b.blocks = (words + block - 1) / block
	b.last = max(words-block, 0) * Columns * 4
	depth := min(words, block)
	b.config = [64]byte{0: 1}
	for t := range 8 {
		width, height := byte(4*block), byte(16) // of sums
		switch t {
		case 6:
			width = byte(4 * depth) // of queries
		case 7:
			height = byte(depth) // of points
		}
		b.config[16+2*t], b.config[48+t] = width, height
	}
}

// packedWords is the number of words of a packed row.
func packedWords(words int) int { return (words + block - 1) / block * block }

// Packed appends n rows of int8 from row i on, a multiple of 8, to dst as a Batch wants its queries: 32 at a time, and
// of these each block of 16 words together, row by row. The last block ends with the last word, and begins with zeros
// where that leaves it words of the block before, unless there is none before.
func Packed(dst, rows []int8, i, n, words int) []int8 {
	const together = Groups * Rows
	at := len(dst)
	dst = append(dst, make([]int8, (n+together-1)/together*together*packedWords(words)*4)...)
	blocks := (words + block - 1) / block
	for q := range n {
		from := ((i+q)/Columns*Columns*words + (i+q)%Columns) * 4
		to := at + (q/together*blocks*together+q%together)*block*4
		for w := range words {
			b, c := w/block, w%block
			if b == blocks-1 && b > 0 {
				c += blocks*block - words
			}
			copy(dst[to+(b*together*block+c)*4:][:4], rows[from+w*Columns*4:][:4])
		}
	}
	return dst
}

// Pack writes a row of int8 into place i of rows that Packed has made, of as many words.
func Pack(packed, row []int8, i, words int) {
	const together = Groups * Rows
	blocks := (words + block - 1) / block
	to := packed[(i/together*blocks*together+i%together)*block*4:]
	for b := range blocks - 1 {
		copy(to[b*together*block*4:][:4*block], row[b*block*4:])
	}
	last := max(words-block, 0)  // where the last block begins in the row
	from := (blocks - 1) * block // and what it adds to those before
	copy(to[((blocks-1)*together*block+from-last)*4:][:(words-from)*4], row[from*4:])
}

// Found is the number of hits of a group of a batch whose first stands there.
func (a *Args) Found(first *Hit) int {
	return int((uintptr(unsafe.Pointer(a.Hits)) - uintptr(unsafe.Pointer(first))) / unsafe.Sizeof(Hit{}))
}
