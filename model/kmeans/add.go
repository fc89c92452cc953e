package kmeans

//go:generate go -C ../neighbors/_asm run ./sums -out ../../kmeans/add_amd64.s -stubs ../../kmeans/add_stubs_amd64.go -pkg kmeans

// addTo adds a row, weighted, to as many values of into.
func addTo[T float32 | float64](into []float64, row []T, weight float64) {
	into = into[:len(row)]
	n := addFours(into, row, weight)
	addGeneric(into[n:], row[n:], weight)
}

// addGeneric is the reference.
func addGeneric[T float32 | float64](into []float64, row []T, weight float64) {
	for len(row) >= 4 {
		x, y := (*[4]T)(row), (*[4]float64)(into)
		y[0] += float64(float64(x[0]) * weight)
		y[1] += float64(float64(x[1]) * weight)
		y[2] += float64(float64(x[2]) * weight)
		y[3] += float64(float64(x[3]) * weight)
		row, into = row[4:], into[4:]
	}
	for j, v := range row {
		into[j] += float64(float64(v) * weight)
	}
}
