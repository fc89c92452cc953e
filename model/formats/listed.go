package formats

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

// Sparse rows of .jsonl and .parquet are lists: the columns in which a row has a number, from 0 on, and these numbers,
// in the same order, as {"indices":[3,17],"values":[0.5,1]}; or one map of the former to the latter, as
// {"vector":{"3":0.5,"17":1}}. The columns of a row may have any order; each is there once.
//
// How many columns there are, nothing says. Where neither Options.Features nor ListedFeatures does, Inspect reads the
// whole file once, by one core, as that of .svm does.
const (
	indicesKey = "indices"
	valuesKey  = "values"
)

// listedSource is a source of such rows, where its listed is true.
type listedSource interface {
	Source
	listed() bool
}

// namedList is a source of such rows that says the names of their columns.
type namedList interface{ listNames() []string }

// hasListNames reports whether a source of lists of columns and numbers has names of the columns, and so says how many
// there are.
func hasListNames(src Source) bool {
	s, ok := src.(namedList)
	return ok && s.listNames() != nil
}

// isListed reports whether the rows of a source are lists of columns and numbers.
func isListed(src Source) bool {
	s, ok := src.(listedSource)
	return ok && s.listed()
}

// listedDim is the number of columns that the options say, or 0.
func (o *Options) listedDim() int {
	if o.Features > 0 {
		return o.Features
	}
	return o.ListedFeatures
}

// indicesFirst brings two columns into the order of columns and numbers, by their names: indices and values, or those
// within one object. It is false of other names.
func indicesFirst(pair []int, name func(column int) string) bool {
	are := func(a, b int) bool {
		way, ok := strings.CutSuffix(name(a), indicesKey)
		return ok && (way == "" || strings.HasSuffix(way, ".")) && name(b) == way+valuesKey
	}
	if are(pair[1], pair[0]) {
		pair[0], pair[1] = pair[1], pair[0]
	}
	return are(pair[0], pair[1])
}

// noTable is the fault of sparse rows that are to be read as those of a table.
func noTable(file, what string) error {
	const expected = "a table: columns of numbers, text or dates (sparse rows are read without the flags of tables)"
	return &tableless{fault.File(file, expected, "sparse rows, %s", what)}
}

// tableless is that fault.
type tableless struct{ error }

func (t *tableless) Unwrap() error { return t.error }

// Tableless reports whether a file was not inspected by [Options.Cells] because its rows are sparse.
func Tableless(err error) bool {
	var t *tableless
	return errors.As(err, &t)
}

// settleListed finds out how many columns a source has, in dim, which the source reads by.
func settleListed(ctx context.Context, src Source, f File, dim *int, o *Options) (err error) {
	if *dim = o.listedDim(); *dim == 0 {
		*dim = maxIndex + 1
		if *dim, err = measureListed(ctx, src); err != nil {
			return err
		}
		if *dim == 0 {
			return unmeasured(f.Name())
		}
	}
	return o.checkColumns(f, int64(*dim))
}

// measureListed is the number of columns that the rows of a source have: one beyond the greatest that a row names. Rows
// at fault do not count. The source must take any column.
func measureListed(ctx context.Context, src Source) (dim int, err error) {
	spans, err := Spans(ctx, src)
	if err != nil {
		return 0, err
	}
	highest := int32(-1)
	for _, span := range spans {
		if err := highestIn(ctx, src, span, &highest); err != nil {
			return 0, err
		}
	}
	return int(highest) + 1, nil
}

// highestIn is that of a span.
func highestIn(ctx context.Context, src Source, span Span, highest *int32) (err error) {
	const rows = 1024
	r, err := src.Read(ctx, span)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	b := &vectors.Block{Dim: src.Dim(), DType: vectors.Float64, Sparse: &vectors.CSR{}}
	for {
		b.Reset()
		err := r.Read(b, rows)
		for _, c := range b.Sparse.Indices {
			*highest = max(*highest, c)
		}
		if err == io.EOF {
			return nil
		}
		if _, ok := fault.IsRow(err); err != nil && !ok {
			return err
		}
	}
}

// unmeasured is the fault of a file of whose rows none has an entry, so that there is no column.
func unmeasured(file string) error {
	return fault.File(file, "a row with a column and its number, or the number of features", "none")
}

// listedRow is the entries of a row of dim columns as they are read. Its faults lack the file, the row and the column.
type listedRow struct {
	entryRow
	dim int64
}

// sayFeatures is what says that there are more columns than the points, or what else rows meet, have shown.
const sayFeatures = ": --features says how many there are"

// add adds an entry.
func (e *listedRow) add(index, value float64) *fault.Fault {
	if index != math.Trunc(index) || index < 0 || index >= float64(e.dim) {
		expected := fmt.Sprintf("a column from 0 to %d", e.dim-1)
		if index >= float64(e.dim) {
			expected += sayFeatures
		}
		if index == math.Trunc(index) && math.Abs(index) < 1<<53 {
			return &fault.Fault{Found: strconv.FormatInt(int64(index), 10), Expected: expected}
		}
		return &fault.Fault{Found: formatFloat(index), Expected: expected}
	}
	c := int32(index)
	if n := len(e.columns); n > 0 && e.columns[n-1] >= c {
		e.sorted = false
	}
	e.columns, e.values = append(e.columns, c), append(e.values, value)
	return nil
}

// end sorts the row.
func (e *listedRow) end() *fault.Fault {
	if e.sorted {
		return nil
	}
	e.ascend()
	for i := 1; i < len(e.columns); i++ {
		if e.columns[i] == e.columns[i-1] {
			return &fault.Fault{Found: fmt.Sprintf("the column %d twice", e.columns[i]), Expected: "each column once"}
		}
	}
	return nil
}

// lengthsFault is the fault of a row that has not as many numbers as columns.
func lengthsFault(columns, values int) *fault.Fault {
	return &fault.Fault{Found: fmt.Sprintf("%d numbers for %d columns", values, columns), Expected: "as many"}
}

// place is how a fault calls an entry of a list.
func place(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }
