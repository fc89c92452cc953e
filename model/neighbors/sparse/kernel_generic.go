package sparse

import "unsafe"

// scanGeneric is the definition of scan.
func scanGeneric(a *scan) (out int) {
	n := a.chunks * chunkRows
	sums, thresholds := unsafe.Slice(a.sums, n), unsafe.Slice(a.thresholds, n)
	least, most := unsafe.Slice(a.least, a.chunks), unsafe.Slice(a.most, a.chunks)
	rows, found, terms := unsafe.Slice(a.rows, n), unsafe.Slice(a.found, n), unsafe.Slice(a.terms, a.n)
	for c, tau := range least {
		first := c * chunkRows
		s, t := (*[chunkRows]float32)(sums[first:]), (*[chunkRows]float32)(thresholds[first:])
		bound, reached := a.norm*most[c], false
		for r, sum := range s {
			if sum+bound >= min(t[r], tau) {
				reached = true
				break
			}
		}
		if reached {
			for _, t := range terms {
				column := (*[chunkRows]float32)(unsafe.Add(unsafe.Pointer(a.dense), c*a.stride+int(t.column)))
				for r, v := range column {
					s[r] += t.value * v
				}
			}
			for r, sum := range s {
				if sum >= min(t[r], tau) {
					rows[out], found[out] = int32(first+r), sum
					out++
				}
			}
		}
		clear(s[:])
	}
	return out
}
