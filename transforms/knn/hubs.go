package knn

import (
	"sync"
	"sync/atomic"

	"beamlearn/model/neighbors/overview"
	"beamlearn/model/vectors"
)

// hubs has, by run, how often each point was found in this process: *counter. [Clean] drops it.
var hubs sync.Map

type counter struct {
	counts []atomic.Uint32 // by position
	id     func(int32) vectors.ID
}

// countHubs counts the neighbours that were found among so many points.
func countHubs(run string, points int, positions []int32, id func(int32) vectors.ID) {
	c, ok := hubs.Load(run)
	if !ok {
		c, _ = hubs.LoadOrStore(run, &counter{counts: make([]atomic.Uint32, points), id: id})
	}
	counts := c.(*counter).counts
	for _, p := range positions {
		counts[p].Add(1)
	}
}

// HubsOf says how often each point is a neighbour, in a run that asked for an overview and is not cleaned yet; nil
// where the work was done in other processes, or no process had all points.
func HubsOf(o *Options) *overview.Hubs {
	c, ok := hubs.Load(o.RunID)
	if !ok {
		return nil
	}
	all := c.(*counter)
	counts := make([]uint32, len(all.counts))
	for i := range counts {
		counts[i] = all.counts[i].Load()
	}
	return overview.HubsOf(counts, all.id)
}
