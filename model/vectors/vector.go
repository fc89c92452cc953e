package vectors

// Vector is a row on its own, for whom rows are elements of a collection, and not rows of a [Block].
type Vector struct {
	// ID is an integer, as it prints, or any other text; not empty.
	ID     string
	Values []float32
}
