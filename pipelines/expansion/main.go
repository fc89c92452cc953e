// Expansion serves transforms to Beam pipelines in other languages: it is an expansion service.
//
//	go run ./pipelines/expansion --port=8097
package main

import (
	"beamlearn/pipelines/internal/cli"
	"beamlearn/pipelines/internal/command/expansion"
)

func main() { cli.Main(expansion.New) }
