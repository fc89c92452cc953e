package inspect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/profile"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
)

// columns tells what the columns of a table are, and ends with commands for it.
func (p *page) columns(f *found, shown int) {
	t := f.Table
	p.files(t.Files, fmt.Sprintf(": a table: as sgd takes it, and kneighbors and eigen with --encode=auto, %s",
		cli.Count(int64(t.Features), "feature")))
	p.line("size", "%s × %s", cli.Count(t.All, "row"), cli.Count(len(t.Columns), "column"))
	p.read(t.Notes, t.LeftOut, t.All, t.Looked, t.Faulty, t.FirstFault)
	p.repeats("duplicates", "row", &t.Duplicates)
	if t.IDs != nil {
		p.repeats("ids", "id", t.IDs)
	}
	for i := range t.Columns {
		if c := &t.Columns[i]; c.Kind != features.LeftOut {
			p.warnings(oneLine(c.Name), c.Warnings)
		}
	}
	most := max(shown, 1) * 4
	p.table(func(row func(cells ...string)) {
		row("column", "missing", "different", "kind", "")
		for _, c := range t.Columns[:min(len(t.Columns), most)] {
			text := c.Why
			if c.Histogram != nil && len(c.Histogram.Counts) > 1 {
				text = c.Histogram.Blocks() + "  " + text
			}
			frequent := c.Frequent[:min(len(c.Frequent), 3)]
			if c.Kind == features.Boolean || c.Kind == features.LeftOut {
				frequent = nil // which the text says
			}
			for i, v := range frequent {
				between := ", "
				if i == 0 {
					between = "; the most frequent: "
					if c.Sampled {
						between = "; the most frequent, about: "
					}
				}
				text += fmt.Sprintf("%s%s (%s)", between, oneLine(v.Value), share(v.Rows, t.Rows))
			}
			if c.Distinct > int64(len(frequent)) && len(frequent) > 0 {
				text += ", …"
			}
			row(oneLine(c.Name), share(c.Missing, t.Rows), different(&c.Look), string(c.Kind), text)
		}
		if more := len(t.Columns) - most; more > 0 {
			row(fmt.Sprintf("… %d more", more))
		}
	})
	p.commands(f.commands())
}

// different is how many values there are.
func different(l *profile.Look) string {
	if l.Estimated {
		return fmt.Sprintf("≈ %d", l.Distinct)
	}
	return fmt.Sprint(l.Distinct)
}

// share is a part of all rows in percent.
func share(n, of int64) string {
	if n == 0 {
		return "0 %"
	}
	return fmt.Sprintf("%.3g %%", 100*float64(n)/float64(of))
}

// mostClasses is up to how many categories a column may be what one wants to predict.
const mostClasses = 20

// column is a column of the table, or of the vectors.
type column struct {
	*profile.Look
	name string
	kind features.Kind
}

// all are the columns of the table, or of the vectors.
func (f *found) all() []column {
	var all []column
	if f.Table == nil {
		for j := range f.Dataset.Spread {
			all = append(all, column{&f.Dataset.Spread[j].Look, f.Dataset.Spread[j].Name, features.Numeric})
			if all[j].name == "" {
				all[j].name = fmt.Sprint(j)
			}
		}
		return all
	}
	for i := range f.Table.Columns {
		c := &f.Table.Columns[i]
		all = append(all, column{&c.Look, c.Name, c.Kind})
	}
	return all
}

// classes reports whether a column may be a target of classes.
func (c *column) classes() bool {
	return c.kind == features.Boolean || c.kind == features.Categorical && c.Distinct >= 2 && c.Distinct <= mostClasses
}

// learn is the column to be predicted, and the task that it is: that which the user says, or of a table the last that
// has few classes, otherwise the last number.
func (f *found) learn(all []column) (name, task string) {
	for i := range all {
		c := &all[i]
		if f.target == "" || c.name != f.target && fmt.Sprint(i) != f.target {
			continue
		}
		const fewNumbers = 2
		if c.kind == features.Numeric && c.Distinct != fewNumbers {
			return c.name, "regression"
		}
		return c.name, "classification"
	}
	if f.Table == nil {
		return "", ""
	}
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].classes() && !all[i].has("unique") {
			return all[i].name, "classification"
		}
	}
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].kind == features.Numeric && !all[i].has("unique") {
			return all[i].name, "regression"
		}
	}
	return "", ""
}

// has reports whether a column has a warning that begins so.
func (c *column) has(warning string) bool {
	return slices.ContainsFunc(c.Warnings, func(w string) bool { return strings.HasPrefix(w, warning) })
}

// commands are some for the table or the vectors, ready to copy.
func (f *found) commands() []profile.Command {
	var names []string
	for _, file := range f.files {
		if name := strings.ReplaceAll(files.InputOf(file), ",", `\,`); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	input := "--input=" + fault.Shell(strings.Join(names, ","))
	for _, flag := range f.flags {
		flag, value, _ := strings.Cut(flag, "=")
		input += " " + flag + "=" + fault.Shell(value)
	}
	if f.Table == nil && f.Dataset.Sparse != nil {
		return f.sparseCommands(input)
	}
	columns := f.all()
	input += f.forms(columns)
	name, task := f.learn(columns)
	// A column that tells the target is mostly known only afterwards, and one of ids tells nothing.
	without, ids, id := []string{"*"}, "", ""
	for i := range columns {
		c := &columns[i]
		switch {
		case c.name == name:
		case c.has("a near-copy of"), c.has("it tells"), c.has("it determines"):
			without = append(without, "!"+strings.ReplaceAll(c.name, `"`, `""`))
		case c.has("unique") && ids == "" && !f.given("id_column") && c.name != "":
			id, ids = c.name, " --id_column="+fault.Shell(c.name)
		}
	}
	var all []profile.Command
	color := ""
	if name != "" {
		flags := " --target=" + fault.Shell(name) + " --task=" + task + " --standardize"
		if len(without) > 1 && !f.given("columns") {
			flags += " --columns=" + fault.Shell(strings.Join(without, ","))
		}
		if f.Table == nil || f.featuresWithout(id) <= fitting.MaxExactFeatures { // to compare more exact models takes long
			flags += " --alpha=auto"
		}
		all = append(all, profile.Command{What: "to predict " + oneLine(name) + ":", Line: "beamlearn sgd " + input + ids +
			flags + " --output_model=out/model.json"})
		color = " --color=" + fault.Shell(name)
	}
	dense, left := "", 0
	if f.Table != nil {
		dense, left = f.encoded(columns, name, id)
	} else if left = len(columns); name != "" && !f.given("columns") {
		dense = " --columns=" + fault.Shell("*,!"+name)
	}
	neighbors := min(10, f.rows()-1)
	if left == 0 || neighbors < 1 {
		return all
	}
	eigen := dense
	if f.Table == nil {
		eigen += " --standardize"
	}
	return append(all,
		profile.Command{What: "to find what is alike:", Line: "beamlearn kneighbors " + input + ids + dense +
			fmt.Sprintf(" --k=%d --output=out/neighbors.csv", neighbors)},
		profile.Command{What: "to see all of it:", Line: "beamlearn eigen " + input + ids + eigen + color +
			" --report=out/eigen.html"})
}

// forms are the flags by which texts of the table are the dates and the numbers that they look like.
func (f *found) forms(columns []column) (flags string) {
	var dates []string
	thousands := ""
	for i := range columns {
		c := &columns[i]
		if c.DateFormat != "" && !strings.ContainsAny(c.name, ",:") {
			dates = append(dates, c.name+":"+c.DateFormat)
		}
		thousands = cmp.Or(thousands, c.Thousands)
	}
	if thousands != "" && !f.given("thousands") {
		flags += " --thousands=" + fault.Shell(thousands)
	}
	if len(dates) > 0 {
		flags += " --date_format=" + fault.Shell(strings.Join(dates, ","))
	}
	return flags
}

// rows is how many rows the files have.
func (f *found) rows() int64 {
	if f.Table != nil {
		return f.Table.All
	}
	return f.Dataset.Rows
}

// featuresWithout is how many features the table becomes without a column.
func (f *found) featuresWithout(id string) int {
	n := f.Table.Features
	for i := range f.Table.Columns {
		if c := &f.Table.Columns[i]; id != "" && c.Name == id {
			n -= c.Features
		}
	}
	return n
}

// given reports whether a flag of reading was given.
func (f *found) given(name string) bool {
	return slices.ContainsFunc(f.flags, func(flag string) bool { return strings.HasPrefix(flag, "--"+name+"=") })
}

// encoded are the flags by which a table becomes dense vectors, and how many of its columns these have, without the
// target and the id. Hashed columns are too many features for that, and tell little of what is alike.
func (f *found) encoded(columns []column, target, id string) (flags string, left int) {
	var drop []string
	for _, c := range columns {
		switch {
		case id != "" && c.name == id:
		case c.kind == features.Hashed || c.kind == features.Text:
			drop = append(drop, strings.ReplaceAll(c.name, `"`, `""`))
		case c.kind != features.LeftOut && c.name != target:
			left++
		}
	}
	flags = " --encode=auto --standardize"
	if len(drop) > 0 {
		flags += " --drop=" + fault.Shell(strings.Join(drop, ","))
	}
	return flags, left
}

// commands tells them.
func (p *page) commands(all []profile.Command) {
	for _, c := range all {
		fmt.Fprintf(&p.Builder, "  %s %s\n", c.What, c.Line)
	}
}
