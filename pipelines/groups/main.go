// Groups makes groups of near-duplicates, and says which row of each stays: files in, files out, as a Beam pipeline.
//
//	go run ./pipelines/groups --input=testdata/words.npy --metric=cosine --radius=0.2 --output=out/groups.csv
package main

import (
	"beamlearn/pipelines/internal/cli"
	"beamlearn/pipelines/internal/command/groups"
)

func main() { cli.Main(groups.New) }
