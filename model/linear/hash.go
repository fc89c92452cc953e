package linear

// splitMix is SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
func splitMix(x uint64) uint64 {
	z := x + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// rowFold tells the fold of a row of a cross-validation by its number, or its id: see [Chunk].
func rowFold(seed uint64, folds int) func(int64) int {
	s := splitMix(seed)
	return func(number int64) int { return int(splitMix(s^uint64(number)) % uint64(folds)) }
}
