package lanes

import "unsafe"

// Fetch asks the processor to bring the places idx of a table into its cache, of so many elements each and no longer
// than a line of the cache, and does not wait for them: call it for a row while the row before is worked on. All places
// must be in the table. Where there is no instruction for it, nothing is done.
func Fetch[T any](table []T, elements int, idx []int32) {
	if len(table) > 0 {
		fetch((*byte)(unsafe.Pointer(&table[0])), elements*int(unsafe.Sizeof(table[0])), idx)
	}
}
