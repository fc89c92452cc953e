// Inspect takes a glance at files: at vectors (how many, of which columns, what is wrong with them), at neighbours,
// models and indexes.
//
//	go run ./pipelines/inspect testdata/digits.csv --id_column=id --columns='pixel_*'
//
// It is no Beam pipeline: one pass, as fast as the files can be read on the cores of one machine, whose result is
// small.
package main

import (
	"beamlearn/pipelines/internal/cli"
	"beamlearn/pipelines/internal/command/inspect"
)

func main() { cli.Main(inspect.New) }
