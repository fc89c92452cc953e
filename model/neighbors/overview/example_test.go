package overview_test

import (
	"fmt"

	"beamlearn/model/neighbors/overview"
	"beamlearn/model/vectors"
)

// Of five points, the last is a neighbour of four queries, and two are of none.
func ExampleHubsOf() {
	hubs := overview.HubsOf([]uint32{0, 1, 0, 2, 4}, func(i int32) vectors.ID { return vectors.ID{Int: int64(i)} })
	for _, h := range hubs.Top[:2] {
		fmt.Printf("point %v: %d times\n", h.ID, h.Count)
	}
	fmt.Println("points by how often:", hubs.Counts)
	// Output:
	// point 4: 4 times
	// point 3: 2 times
	// points by how often: [2 1 1 0 1]
}
