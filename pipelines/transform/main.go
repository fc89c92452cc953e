// Transform finds out how the columns of tables become numbers, and writes the rows so: files in, files out, as a
// Beam pipeline.
//
//	go run ./pipelines/transform --input=testdata/flights_small.csv --target=delayed --output_encoding=out/encoding.json --output=out/flights.npz
package main

import (
	"beamlearn/pipelines/internal/cli"
	"beamlearn/pipelines/internal/command/transform"
)

func main() { cli.Main(transform.New) }
