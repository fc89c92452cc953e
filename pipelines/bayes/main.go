// Bayes learns a naive Bayes classifier from rows that need not fit into memory, in one pass: files in, a model out, as
// a Beam pipeline.
//
//	go run ./pipelines/bayes --kind=gaussian --input=testdata/breast_cancer.csv --target=target --output_model=out/bayes.json
package main

import (
	"beamlearn/pipelines/internal/cli"
	"beamlearn/pipelines/internal/command/bayes"
)

func main() { cli.Main(bayes.New) }
