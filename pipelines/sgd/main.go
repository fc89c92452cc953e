// Sgd learns a linear model from rows that need not fit into memory, with scikit-learn's hyperparameters: files in, a
// model out, as a Beam pipeline.
//
//	go run ./pipelines/sgd --input=testdata/breast_cancer.csv --target=target --task=classification --standardize --model=out/model.json
package main

import (
	"beamlearn/pipelines/internal/cli"
	"beamlearn/pipelines/internal/command/sgd"
)

func main() { cli.Main(sgd.New) }
