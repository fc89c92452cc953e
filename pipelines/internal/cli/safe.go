package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"beamlearn/transforms/files"
	"beamlearn/transforms/output"
)

// Streams says that what cannot be replaced, as a FIFO, a device or standard output, can be the value of a flag for
// an output, as it is written in one go.
func (p *Path) Streams() *Path {
	p.streams = true
	return p
}

// Byproducts is Writes of files that nobody has asked for, as they belong to others: these never replace a file that
// is not this program's.
func (a *App) Byproducts(of func() []files.Named) {
	a.byproducts = append(a.byproducts, of)
	a.Writes(of)
}

// checkSafe says what of the files that a job is to write cannot be, or must not be replaced.
func (a *App) checkSafe(ctx context.Context) error {
	var errs []error
	for _, p := range a.paths {
		if p.kind != writes || p.Path() == "" || !files.IsStream(p.Path()) {
			continue
		}
		if !p.streams {
			errs = append(errs, fmt.Errorf("--%s=%s: this is a device, a pipe or standard output: give the name of a file",
				p.flag.Name, p.value))
		} else if bad := a.flags.Lookup("on_error"); bad != nil && bad.Value.String() == "skip" && !p.here &&
			!(a.follows != nil && a.follows()) {
			errs = append(errs, fmt.Errorf(
				"--on_error=skip lists rows beside the output, where %s has no place: give the name of a file", p.value))
		}
	}
	for _, of := range a.byproducts {
		for _, by := range of() {
			err := output.CheckByproduct(ctx, by)
			if err != nil && a.Explaining() { // perhaps the store cannot be asked from here: a plan says what a job would lack
				a.missing, err = append(a.missing, err.Error()), nil
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// sweep removes what runs that were killed have left beside the outputs of this one, under their names or, as runs that
// write no rows do, under none.
func (a *App) sweep(ctx context.Context) error {
	var names []string
	for _, p := range a.paths {
		switch {
		case p.Path() == "":
		case p.kind == writes:
			names = append(names, p.Path())
		case p.kind == keeps:
			names = append(names, files.Join(p.Path(), ""))
		}
	}
	for _, of := range a.byproducts {
		for _, by := range of() {
			names = append(names, by.Name)
		}
	}
	for _, name := range names {
		if dir, _ := files.Split(name); !slices.Contains(names, dir) {
			names = append(names, dir)
		}
	}
	return files.Sweep(ctx, names...)
}
