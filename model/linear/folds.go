package linear

import "beamlearn/model/internal/splitmix"

// RowFold tells the fold of a row of a cross-validation by its number, or its id: see [Chunk].
func RowFold(seed uint64, folds int) func(int64) int {
	s := splitmix.Mix(seed)
	return func(number int64) int { return int(splitmix.Mix(s^uint64(number)) % uint64(folds)) }
}
