package inspect

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/formats"
	"beamlearn/model/profile"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
)

// Kinds of outputs of other commands.
const (
	predictions = "predictions"
	projections = "projected rows"
)

// outputSummary is what a file of predictions, or of projected rows, holds.
type outputSummary struct {
	Kind    string                `json:"kind"`
	Files   []profile.File        `json:"files"`
	Rows    int64                 `json:"rows"`
	Faulty  int64                 `json:"faulty_rows,omitempty"`
	Columns []profile.TableColumn `json:"columns"` // but the id
}

// outputKind tells by the names of its columns what command has written a file, and "" of others.
func outputKind(ctx context.Context, f formats.File) string {
	if !formats.IsTabular(f.Name(), "") {
		return ""
	}
	src, err := formats.Inspect(ctx, f, formats.Options{Cells: true, Unlabelled: true})
	if err != nil {
		return "" // which is told when its rows are read
	}
	names := src.Columns()
	all := func(from int, is func(i int, name string) bool) bool {
		for i, name := range names[from:] {
			if !is(i, name) {
				return false
			}
		}
		return len(names) > from
	}
	switch {
	case len(names) < 2:
	case strings.HasSuffix(f.Name(), ".csv") && names[0] == "alpha" && strings.HasPrefix(names[len(names)-1], "split"):
		return "scores"
	case names[0] != "id":
	case names[1] == "prediction" && all(1, func(i int, name string) bool {
		return i == 0 || name == "decision" || strings.HasPrefix(name, "proba_") || strings.HasPrefix(name, "decision_")
	}):
		return predictions
	case all(1, func(i int, name string) bool { return name == "pca"+strconv.Itoa(i) }):
		return projections
	}
	return ""
}

// outputOf summarizes the files of one output.
func outputOf(ctx context.Context, o profile.Options, all []formats.File) (*outputSummary, error) {
	o.Formats, o.Target, o.Head = formats.Options{Unlabelled: true}, "", 0
	s := &outputSummary{Kind: outputKind(ctx, all[0])}
	t, err := profile.TableOf(ctx, o, all)
	if err != nil {
		return nil, err
	}
	// The id is read as a column like others, as that of a row at fault may be missing.
	s.Files, s.Rows, s.Faulty, s.Columns = t.Files, t.Rows, t.Faulty, t.Columns[1:]
	return s, nil
}

// output tells of one.
func (p *page) output(s *outputSummary, columns int) {
	var bytes int64
	for _, f := range s.Files {
		bytes += f.Bytes
	}
	name := s.Files[0].Name
	if len(s.Files) > 1 {
		name = fmt.Sprintf("%s, … (%d files)", name, len(s.Files))
	}
	by := "predict"
	if s.Kind == projections {
		by = "eigen"
	}
	p.title(name, fmt.Sprintf("%s, as %s writes them, %s", s.Kind, by, files.Bytes(bytes)))
	if s.Kind == projections {
		p.line("size", "%s × %s", cli.Count(s.Rows, "row"), cli.Count(int64(len(s.Columns)), "component"))
	} else {
		p.line("size", "%s", cli.Count(s.Rows, "row"))
		if c := &s.Columns[0]; c.Missing > 0 {
			p.line("without", "%s: of rows at fault, which NAME.rejected.jsonl lists", cli.Count(c.Missing, "prediction"))
		}
	}
	for _, c := range s.Columns[:min(len(s.Columns), columns)] {
		text := oneLine(c.Name) + ": "
		switch {
		case c.Kind == features.Categorical || c.Histogram == nil || c.Distinct <= shownFiles && !c.Estimated:
			var parts []string
			for _, v := range c.Frequent {
				parts = append(parts, fmt.Sprintf("%s (%s)", oneLine(v.Value), share(v.Rows, s.Rows)))
			}
			text += strings.Join(parts, ", ")
		case c.Min != nil:
			text += number(*c.Min) + " to " + number(*c.Max) + "  " + c.Histogram.Blocks()
		default:
			text += c.Why + "  " + c.Histogram.Blocks()
		}
		p.line("", "%s", text)
	}
	if n := len(s.Columns); n > columns {
		p.line("", "… and %d more columns", n-columns)
	}
}

// scoresSummary is what a table of cross-validation holds.
type scoresSummary struct {
	File         string `json:"file"`
	Combinations int    `json:"combinations"`
	Folds        int    `json:"folds"`
	Best         string `json:"best"` // in words
	BestLine     int    `json:"best_row"`
}

// scoresOf reads a table of cross-validation, NAME.cv.csv.
func scoresOf(ctx context.Context, f formats.File) (s *scoresSummary, err error) {
	r, err := f.OpenRange(ctx, 0, -1)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	s = &scoresSummary{File: f.Name(), Combinations: len(rows) - 1, BestLine: -1}
	place := map[string]int{}
	for i, name := range rows[0] {
		place[name] = i
		if rest, ok := strings.CutPrefix(name, "split"); ok {
			fold, _, _ := strings.Cut(rest, "_")
			if n, err := strconv.Atoi(fold); err == nil {
				s.Folds = max(s.Folds, n+1)
			}
		}
	}
	rank, ok := place["rank"]
	if !ok {
		return nil, fault.File(f.Name(), "a column rank, as in the scores of cross-validation", "none")
	}
	for i, row := range rows[1:] {
		if row[rank] != "1" || s.BestLine >= 0 {
			continue
		}
		s.BestLine = i
		var parts []string
		for j, name := range rows[0] {
			if name == "alpha" || name == "l1_ratio" && row[j] != "" || strings.HasPrefix(name, "mean_test_") {
				parts = append(parts, name+" "+row[j])
			}
		}
		s.Best = strings.Join(parts, ", ")
	}
	return s, nil
}
