package sgd

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/linear/targets"
	"beamlearn/transforms/linear"
)

// learned is the fits of a training: one, or that of each of several targets.
type learned struct {
	fits    []*fitting.Fit
	targets *targets.Fit // nil where there is one target
}

// begin makes the fit of the targets that the dataset of the job has, which is to be trained.
func (c *command) begin(job *linear.Job, options fitting.FitOptions) (*learned, error) {
	d := job.Data
	if d.TargetNames == nil {
		fit, err := fitting.NewFit(options, d.Dim, d.Columns)
		return &learned{fits: []*fitting.Fit{fit}}, err
	}
	fit, err := targets.NewFit(options, c.warmTargets, d.Dim, d.Columns, d.TargetNames)
	return &learned{targets: fit}, err
}

// learnedOf is the fits of several targets.
func learnedOf(fit *targets.Fit) *learned {
	made := &learned{targets: fit}
	for k := range fit.Targets() {
		made.fits = append(made.fits, fit.Of(k))
	}
	return made
}

// save writes the model.
func (l *learned) save(w io.Writer) error {
	if l.targets != nil {
		return l.targets.Model().Save(w)
	}
	return l.fits[0].Model().Save(w)
}

// name is that of target k, "" of the only one.
func (l *learned) name(k int) string {
	if l.targets == nil {
		return ""
	}
	return l.targets.Targets()[k]
}

// scores writes the tables of the cross-validations as JSON, or as CSV: of several targets an object by their names, or
// one table whose first column is the target.
func (l *learned) scores(w io.Writer, asJSON bool) error {
	if l.targets == nil && !asJSON {
		return l.fits[0].CV().WriteCSV(w)
	}
	if asJSON {
		var all any = l.fits[0].CV()
		if l.targets != nil {
			by := map[string]any{}
			for k, fit := range l.fits {
				by[l.name(k)] = fit.CV()
			}
			all = by
		}
		b, err := json.Marshal(all)
		if err != nil {
			return err
		}
		_, err = w.Write(append(b, '\n'))
		return err
	}
	return l.table(w)
}

// table is one of all targets. Its columns are those that any of them has: scores of two classes are not those of
// three.
func (l *learned) table(w io.Writer) error {
	head := []string{"target"}
	var all [][][]string // the lines of each target, the first of which names the columns
	for _, fit := range l.fits {
		var own bytes.Buffer
		if err := fit.CV().WriteCSV(&own); err != nil {
			return err
		}
		lines, err := csv.NewReader(&own).ReadAll()
		if err != nil {
			return err
		}
		all = append(all, lines)
		for _, name := range lines[0] {
			if !slices.Contains(head, name) {
				head = append(head, name)
			}
		}
	}
	out := csv.NewWriter(w)
	errs := []error{out.Write(head)}
	for k, lines := range all {
		for _, line := range lines[1:] {
			row := make([]string, len(head))
			row[0] = l.name(k)
			for i, name := range lines[0] {
				row[slices.Index(head, name)] = line[i]
			}
			errs = append(errs, out.Write(row))
		}
	}
	out.Flush()
	return errors.Join(append(errs, out.Error())...)
}

// found refuses a model to go on from that has another number of targets, which of files of their own is known when
// these are inspected.
func (c *command) found(job *linear.Job, options *fitting.FitOptions) error {
	names := job.Data.TargetNames
	switch {
	case names == nil && c.warmTargets != nil:
		return fmt.Errorf("--warm_start: the model is of the targets %s, and --target has one",
			model.Join(c.warmTargets.Targets))
	case names != nil && options.WarmStart != nil && c.warmTargets == nil:
		return fmt.Errorf("--warm_start: the model is of one target, and --target has %d", len(names))
	}
	return nil
}
