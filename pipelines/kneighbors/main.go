// Kneighbors finds the k nearest neighbours of every point, exactly or most of them: files in, files out, as a Beam
// pipeline.
//
//	go run ./pipelines/kneighbors --input=testdata/digits.csv --id_column=id --columns='pixel_*' --k=10 --output=out/neighbors.csv
//
// With --index it asks an index that the command index has built:
//
//	go run ./pipelines/kneighbors --index=out/digits.index --queries=testdata/digits.csv --columns='pixel_*' --k=10 --output=out/neighbors.csv
package main

import (
	"beamlearn/pipelines/internal/cli"
	"beamlearn/pipelines/internal/command/kneighbors"
)

func main() { cli.Main(kneighbors.New) }
