// Package entries reads what most entries of sparse rows look like: a space, an index of up to eight digits, a colon,
// and a value of a minus or none and up to eight digits with a point or none. Others are for the caller to read.
package entries

//go:generate go -C ../../_asm run ./entries -out ../internal/entries/entries_amd64.s -stubs ../internal/entries/stubs_amd64.go -pkg entries

// Parse reads entries from line[i] on, as long as they are ordinary, as many as columns and values have room for.
// Their indices ascend, from next to last. It gives each index less base, and each value with the bits of
// strconv.ParseFloat; the number of entries, and the place behind the last. What the line has capacity for behind its
// end is looked at, and not used.
//
// Without assembly there are none.
func Parse(line []byte, i int, next, last, base int64, columns []int32, values []float64) (n, at int) {
	return parse(line, i, next, last, base, columns, values)
}
