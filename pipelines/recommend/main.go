// Recommend recommends items to users by what they had: files in, files out, as a Beam pipeline.
//
//	go run ./pipelines/recommend --input=testdata/ratings.csv --row=user --column=item --value=rating --k=20 --top=10 --output=out/recommendations.csv
package main

import (
	"beamlearn/pipelines/internal/cli"
	"beamlearn/pipelines/internal/command/recommend"
)

func main() { cli.Main(recommend.New) }
