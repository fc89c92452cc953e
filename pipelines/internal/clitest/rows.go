package clitest

import (
	"compress/gzip"
	"encoding/csv"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"

	"beamlearn/model/vectors"
)

// Rows are the rows of a .csv or .csv.gz whose first row names the columns, as encoding/csv reads them: it shares no
// code with the commands. The features are the columns that match a pattern of path.Match, but for the target, which
// is a number, Target, and also given as it stands, the labels. Names are those of the features, and rows are numbered
// from 0 on.
func Rows(t testing.TB, name, target, pattern string) (names []string, rows *vectors.Block, labels []string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	lines, err := csv.NewReader(r).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var features []int
	at := -1
	for j, column := range lines[0] {
		if column == target {
			at = j
		} else if ok, err := path.Match(pattern, column); err != nil {
			t.Fatal(err)
		} else if ok {
			features, names = append(features, j), append(names, column)
		}
	}
	if at < 0 || len(features) == 0 {
		t.Fatalf("%s: columns %q", name, lines[0])
	}
	rows = &vectors.Block{Dim: len(features)}
	row := make([]float64, len(features))
	for i, line := range lines[1:] {
		for k, j := range features {
			row[k] = number(t, line[j])
		}
		rows.Append(row, int64(i))
		rows.Target, labels = append(rows.Target, number(t, line[at])), append(labels, line[at])
	}
	return names, rows, labels
}

// SparseRows are the rows of a .svm whose columns are numbered from 1 on, as a dense block of so many columns.
func SparseRows(t testing.TB, name string, columns int) *vectors.Block {
	t.Helper()
	rows := &vectors.Block{Dim: columns}
	for line := range strings.Lines(Read(t, name)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		row := make([]float64, columns)
		fields := strings.Fields(line)
		for _, field := range fields[1:] {
			column, value, _ := strings.Cut(field, ":")
			if column == "qid" {
				continue
			}
			j, err := strconv.Atoi(column)
			if err != nil || j < 1 || j > columns {
				t.Fatalf("%s: row %d, column %q", name, rows.Len(), column)
			}
			row[j-1] = number(t, value)
		}
		rows.Append(row, int64(rows.Len()))
		rows.Target = append(rows.Target, number(t, fields[0]))
	}
	return rows
}

func number(t testing.TB, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
