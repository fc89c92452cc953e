// Package splitmix is SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), for hashes and for sequences that are the same
// everywhere.
package splitmix

// Gamma is the step of the sequence: its numbers are Mix(seed), Mix(seed+Gamma), Mix(seed+2·Gamma), ….
const Gamma = 0x9e3779b97f4a7c15

// Mix is the number that follows the state x.
func Mix(x uint64) uint64 {
	z := x + Gamma
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
