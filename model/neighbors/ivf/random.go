package ivf

import "beamlearn/model/internal/splitmix"

// random is a sequence of SplitMix64.
type random uint64

func (r *random) next() uint64 {
	v := splitmix.Mix(uint64(*r))
	*r += splitmix.Gamma
	return v
}

// fork is another sequence, named by v.
func (r random) fork(v uint64) random {
	f := r ^ random(v*0xd1342543de82ef95)
	return random(f.next())
}

// sample is m ≤ n different places below n, ascending, one of each of m equal parts.
func (r *random) sample(n, m int, dst []int32) []int32 {
	for i := range m {
		lo, hi := uint64(i)*uint64(n)/uint64(m), uint64(i+1)*uint64(n)/uint64(m)
		dst = append(dst, int32(lo+r.next()%(hi-lo)))
	}
	return dst
}
