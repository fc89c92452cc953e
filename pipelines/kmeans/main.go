// Kmeans finds clusters of rows that need not fit into memory: files in, a model, the clusters of the rows and a page
// out, as a Beam pipeline.
//
//	go run ./pipelines/kmeans --input=testdata/digits.csv --id_column=id --columns='pixel_*' --n_clusters=10 --output_model=out/kmeans.json
package main

import (
	"beamlearn/pipelines/internal/cli"
	"beamlearn/pipelines/internal/command/kmeans"
)

func main() { cli.Main(kmeans.New) }
