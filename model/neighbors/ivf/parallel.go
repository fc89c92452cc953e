package ivf

import (
	"sync"
	"sync/atomic"

	"beamlearn/model/internal/splitmix"
)

// parallel runs work over [0, n) in runs of size, taken by goroutines as they get free. Each calls setup once, for
// memory of its own.
func parallel(n, size, threads int, setup func() func(lo, hi int)) {
	threads = min(threads, (n+size-1)/size)
	var next atomic.Int64
	run := func() {
		work := setup()
		for {
			lo := int(next.Add(int64(size))) - size
			if lo >= n {
				return
			}
			work(lo, min(lo+size, n))
		}
	}
	var wg sync.WaitGroup
	for range threads - 1 {
		wg.Go(run)
	}
	if n > 0 {
		run()
	}
	wg.Wait()
}

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
