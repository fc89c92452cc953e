// Index builds an index of points, once, for kneighbors --index: files in, one file out, as a Beam pipeline.
//
//	go run ./pipelines/index --input=testdata/digits.csv --id_column=id --columns='pixel_*' --index=out/digits.index
package main

import (
	"beamlearn/pipelines/internal/cli"
	"beamlearn/pipelines/internal/command/index"
)

func main() { cli.Main(index.New) }
