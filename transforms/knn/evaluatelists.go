package knn

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/registry"
)

func init() {
	registry.DoFns(&foundListsFn{})
}

// inspectLists finds files of .parquet that have a row for each query, with the columns id and neighbors, which are
// lists. It is nil of other files.
func inspectLists(ctx context.Context, patterns []string) (*TargetsJob, error) {
	infos, err := files.List(ctx, patterns)
	if err != nil || len(infos) == 0 || slices.ContainsFunc(infos, func(i files.Info) bool {
		return !strings.HasSuffix(strings.ToLower(i.Name), ".parquet")
	}) {
		return nil, err
	}
	columns, err := formats.ParquetColumns(ctx, files.Open(infos[0]))
	if err != nil {
		return nil, err
	}
	for _, name := range foundColumns[1] {
		if !slices.ContainsFunc(columns, func(c formats.Column) bool { return c.Name == name }) {
			return nil, nil
		}
	}
	return &TargetsJob{rows: foundNeighbors, lists: infos}, nil
}

// findLists adds to a pipeline what reads such files.
func (j *TargetsJob) findLists(s beam.Scope) beam.PCollection {
	numbers := make([]int64, len(j.lists))
	for i := range numbers {
		numbers[i] = int64(i)
	}
	return beam.ParDo(s, &foundListsFn{Options: j.Options, Files: j.lists},
		beam.Reshuffle(s, beam.CreateList(s, numbers)))
}

// foundListsFn reads one of the files, by its number.
type foundListsFn struct {
	Options Options
	Files   []files.Info
}

func (f *foundListsFn) ProcessElement(ctx context.Context, number int64, emit func(targetsPart)) error {
	info := f.Files[number]
	part := &foundPart{file: info.Name}
	err := formats.EachRecord(ctx, files.Open(info), foundColumns[1][:], part.addRecord)
	if err != nil {
		return fault.Mark(err)
	}
	b, err := part.MarshalBinary()
	if err != nil {
		return err
	}
	p := targetsPart{Order: number}
	if p.Path, err = f.Options.createOf(ctx, fmt.Sprintf("part-%08d", number), b); err != nil {
		return err
	}
	emit(p)
	return nil
}

// addRecord adds some rows of such a file.
func (p *foundPart) addRecord(record arrow.RecordBatch) error {
	a := &p.answers
	if len(a.Offsets) == 0 {
		a.Offsets = append(a.Offsets, 0)
	}
	wrong := func(row int, column, found, expected string) error {
		return &fault.Fault{File: p.file, Row: int64(row), Column: column, Found: found, Expected: expected}
	}
	at := func(name string) arrow.Array { return record.Column(record.Schema().FieldIndices(name)[0]) }
	ids := at(foundColumns[1][0])
	lists, ok := at(foundColumns[1][1]).(array.ListLike)
	if !ok || !isID(lists.ListValues().DataType()) {
		return fault.File(p.file, `lists of ids in the column "neighbors": integers or strings`, "%s",
			at(foundColumns[1][1]).DataType())
	}
	if !isID(ids.DataType()) {
		return fault.File(p.file, `ids in the column "id": integers or strings`, "%s", ids.DataType())
	}
	values := lists.ListValues()
	for i := range int(record.NumRows()) {
		row := len(a.Numbers)
		if ids.IsNull(i) {
			return wrong(row, "id", "null", "an id")
		}
		if lists.IsNull(i) {
			return wrong(row, "neighbors", "null", "a list of ids")
		}
		var list []vectors.ID
		from, to := lists.ValueOffsets(i)
		for j := int(from); j < int(to); j++ {
			if values.IsNull(j) {
				return wrong(row, "neighbors", "a null in the list", "ids")
			}
			list = append(list, vectors.ParseID(values.ValueStr(j)))
		}
		a.Numbers = append(a.Numbers, int64(row))
		a.IDs.Append(vectors.ParseID(ids.ValueStr(i)))
		p.append(list)
	}
	a.Distances = make([]float64, len(a.Neighbors))
	return nil
}

// isID reports whether values of a type are ids.
func isID(t arrow.DataType) bool {
	return arrow.IsInteger(t.ID()) || arrow.IsBaseBinary(t.ID()) && t.ID() != arrow.BINARY && t.ID() != arrow.LARGE_BINARY
}
