// Beamlearn is all commands in one program, which is also the worker of each.
//
//	go run ./pipelines/beamlearn kneighbors --input=testdata/digits.csv --id_column=id --columns='pixel_*' --k=10 --output=out/neighbors.csv
//	go run ./pipelines/beamlearn help
package main

import (
	"beamlearn/pipelines/internal/cli"
	"beamlearn/pipelines/internal/command/bayes"
	"beamlearn/pipelines/internal/command/eigen"
	"beamlearn/pipelines/internal/command/expansion"
	"beamlearn/pipelines/internal/command/groups"
	"beamlearn/pipelines/internal/command/index"
	"beamlearn/pipelines/internal/command/inspect"
	"beamlearn/pipelines/internal/command/kmeans"
	"beamlearn/pipelines/internal/command/kneighbors"
	"beamlearn/pipelines/internal/command/predict"
	"beamlearn/pipelines/internal/command/recommend"
	"beamlearn/pipelines/internal/command/sgd"
	"beamlearn/pipelines/internal/command/transform"
)

func main() {
	cli.Commands(inspect.New, kneighbors.New, index.New, sgd.New, predict.New, eigen.New, kmeans.New, bayes.New,
		transform.New, groups.New, recommend.New, expansion.New)
}
