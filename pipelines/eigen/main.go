// Eigen finds the principal components of rows that need not fit into memory, projects the rows onto them, and draws
// a page to look at them: files in, files out, as a Beam pipeline.
//
//	go run ./pipelines/eigen --input=testdata/digits.csv --id_column=id --columns='pixel_*' --color=target --components=10 --output=out/digits_pca.csv --report=out/eigen.html
package main

import (
	"beamlearn/pipelines/internal/cli"
	"beamlearn/pipelines/internal/command/eigen"
)

func main() { cli.Main(eigen.New) }
