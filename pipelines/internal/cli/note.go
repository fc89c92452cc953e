package cli

import (
	"fmt"
	"os"

	"beamlearn/transforms/vectorio"
)

// Note tells, on a line each, what a user may want to know of how the files of the datasets were read, of which some may be
// nil: see [vectorio.Dataset.Notes].
func (a *App) Note(datasets ...*vectorio.Dataset) {
	if *a.quiet {
		return
	}
	told := map[string]bool{}
	for _, d := range datasets {
		if d == nil {
			continue
		}
		for _, line := range d.Notes() {
			if !told[line] {
				fmt.Fprintf(os.Stderr, "%s: %s\n", a.name, line)
			}
			told[line] = true
		}
	}
}
