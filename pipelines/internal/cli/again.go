package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"syscall"

	"beamlearn/transforms/files"
)

// prismFault is how Prism fails where it asks for the progress of a stage that it does itself, as grouping, and which
// no worker has: on a machine that is busy, some 100 ms may pass between the end of such a stage and the look at it.
// (Beam 2.77, runners/prism/internal/stage.go: Execute calls Progress with the worker of no environment, nil.)
var prismFault = regexp.MustCompile(
	`panic in stage\.Execute bundle processing goroutine: runtime error: invalid memory address[^\n]*envID: `)

// isPrismFault reports whether a job has failed by that fault of its runner's, which has nothing to do with the job.
func isPrismFault(err error) bool {
	var run *runError
	return errors.As(err, &run) && prismFault.MatchString(run.Error())
}

// againName is the variable that says how often the program has begun again.
const againName = "BEAMLEARN_AGAIN"

// mostAgain bounds how often the program begins again.
const mostAgain = 5

// mayBeginAgain reports whether a job that its runner has failed can be done again from the start, and how often that
// was so before: not where it has put an output in place, or where what it has read or written was a stream.
func (a *App) mayBeginAgain(ctx context.Context, err error) (before int, may bool) {
	if ctx.Err() != nil || !isPrismFault(err) || len(a.inPlace()) > 0 || a.answered != "" {
		return 0, false
	}
	for _, p := range a.paths {
		for _, name := range p.names() {
			if files.IsStream(name) {
				return 0, false
			}
		}
	}
	before, _ = strconv.Atoi(os.Getenv(againName))
	return before, before < mostAgain
}

// beginAgain does not return: the program begins again in its own process, which has tidied up. Where the system
// cannot do that, it gives the error.
func (a *App) beginAgain(before int) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	a.Tell("Apache Beam's runner has failed by a fault of its own; the job begins again")
	return syscall.Exec(program, os.Args, append(os.Environ(), fmt.Sprintf("%s=%d", againName, before+1)))
}
