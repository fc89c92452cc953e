package results_test

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"beamlearn/model/neighbors"
	"beamlearn/model/results"
	"beamlearn/model/vectors"
)

// Two workers write the answers to two queries each into parts, of which the output is made.
func Example() {
	points, err := vectors.FromFloat64([]float64{0, 1, 3, 7}, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	index, err := neighbors.Fit(points, neighbors.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	format, err := results.Detect("neighbors.csv", "", results.Layout{})
	if err != nil {
		fmt.Println(err)
		return
	}
	layout := results.Layout{K: 1}
	var parts []results.Part
	for _, first := range []int{0, 2} {
		rows := points.Slice(first, first+2)
		found, err := index.KNeighbors(rows, 1, neighbors.Search{Self: true})
		if err != nil {
			fmt.Println(err)
			return
		}
		var file bytes.Buffer
		w := format.NewPart([]io.Writer{&file}, layout)
		if err := w.Write(&results.Chunk{Query: rows.ID, Neighbor: index.ID, Neighbors: found, To: found.Len()}); err != nil {
			fmt.Println(err)
			return
		}
		info, err := w.Close()
		if err != nil {
			fmt.Println(err)
			return
		}
		parts = append(parts, results.Part{Info: info, Open: func(int) (io.ReadCloser, error) {
			return io.NopCloser(&file),
				nil
		}})
	}
	if err := format.Assemble(0, os.Stdout, parts, layout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// query_id,rank,neighbor_id,distance
	// 0,1,1,1
	// 1,1,0,1
	// 2,1,1,2
	// 3,1,2,4
}
