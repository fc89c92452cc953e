// Predict applies a linear model to any number of rows, and judges it where the rows have targets: files in, files
// out, as a Beam pipeline.
//
//	go run ./pipelines/predict --model=out/model.json --input=testdata/breast_cancer.csv --target=target --proba --output=out/predictions.csv
package main

import (
	"beamlearn/pipelines/internal/cli"
	"beamlearn/pipelines/internal/command/predict"
)

func main() { cli.Main(predict.New) }
