package inspect

import (
	"fmt"
	"strings"

	"beamlearn/model/features"
	"beamlearn/model/linear/fitting"
)

// columns tells what the columns of a table are, and ends with commands for it.
func (p *page) columns(f *found, shown int) {
	t := f.Table
	what := fmt.Sprintf("a table: as sgd takes it, and kneighbors and eigen with --encode=auto, %s", count(int64(t.Features), "feature"))
	if len(f.files) == 1 {
		p.title(f.files[0].Name(), what)
	} else {
		p.title(fmt.Sprintf("%s, … (%d files)", f.files[0].Name(), len(f.files)), what)
	}
	if t.Faulty > 0 {
		p.line("faulty", "%s", count(t.Faulty, "row"))
	}
	p.table(func(row func(cells ...string)) {
		row("column", "missing", "kind", "")
		for _, c := range t.Columns[:min(len(t.Columns), max(shown, 1)*4)] {
			text := c.Why
			for i, v := range c.Frequent[:min(len(c.Frequent), 3)] {
				between := ", "
				if i == 0 {
					between = "; the most frequent: "
				}
				text += between + oneLine(v.Value) + " " + share(v.Rows, t.Rows)
			}
			if c.Distinct > 3 {
				text += ", …"
			}
			row(oneLine(c.Name), share(c.Missing, t.Rows), string(c.Kind), text)
		}
	})
	p.commands(f)
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

// target is a column that may be what one wants to predict, and the task that it would be: the last that has few classes, otherwise the
// last number.
func (f *found) target() (name, task string) {
	for i := len(f.Table.Columns) - 1; i >= 0; i-- {
		c := &f.Table.Columns[i]
		if c.Kind == features.Boolean || c.Kind == features.Categorical && c.Distinct >= 2 && c.Distinct <= mostClasses {
			return c.Name, "classification"
		}
	}
	for i := len(f.Table.Columns) - 1; i >= 0; i-- {
		if c := &f.Table.Columns[i]; c.Kind == features.Numeric {
			return c.Name, "regression"
		}
	}
	return "", ""
}

// commands are some for the table, ready to copy.
func (p *page) commands(f *found) {
	var all []string
	for _, file := range f.files {
		all = append(all, strings.ReplaceAll(file.Name(), ",", `\,`))
	}
	input := "--input=" + quoted(strings.Join(all, ","))
	name, task := f.target()
	color := ""
	if name != "" {
		alpha := " --alpha=auto"
		if f.Table.Features > fitting.MaxExactFeatures {
			alpha = "" // to compare that many exact models takes long
		}
		p.line("to predict", "%s: beamlearn sgd %s --target=%s --task=%s%s --output_model=out/model.json", oneLine(name), input, quoted(name), task, alpha)
		color = " --color=" + quoted(name)
	}
	// Hashed columns are too many features for dense vectors, and tell little of what is alike.
	var drop []string
	left := 0
	for _, c := range f.Table.Columns {
		switch {
		case c.Kind == features.Hashed || c.Kind == features.Text:
			drop = append(drop, strings.ReplaceAll(c.Name, `"`, `""`))
		case c.Kind != features.LeftOut && c.Name != name:
			left++
		}
	}
	if left == 0 {
		return
	}
	dense := input + " --encode=auto --standardize"
	if len(drop) > 0 {
		dense += " --drop=" + quoted(strings.Join(drop, ","))
	}
	p.line("to find", "what is alike: beamlearn kneighbors %s --k=10 --output=out/neighbors.csv", dense)
	p.line("to see", "all of it: beamlearn eigen %s%s --report=out/eigen.html", dense, color)
}

// quoted is a value for a shell.
func quoted(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool {
		return !(r == '/' || r == '.' || r == '-' || r == '_' || r == ',' || r == ':' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z')
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
