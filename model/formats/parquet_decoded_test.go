package formats

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"beamlearn/model/fault"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// wideParquet is a .parquet of an id, so many columns of numbers, the second of which may be of integers, a target,
// and a text, 1000 rows in a row group; row 1500 may lack a number.
func wideParquet(t *testing.T, rows, columns int, integers, null bool) string {
	t.Helper()
	fields := []arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}}
	ids := array.NewInt64Builder(memory.DefaultAllocator)
	target, text := array.NewFloat64Builder(memory.DefaultAllocator), array.NewStringBuilder(memory.DefaultAllocator)
	for i := range rows {
		text.Append(fmt.Sprint("t", i%9))
		ids.Append(int64(7 * i))
		target.Append(float64(i) / 2)
	}
	arrays := []arrow.Array{ids.NewArray()}
	for j := range columns {
		if j == 1 && integers {
			b := array.NewInt32Builder(memory.DefaultAllocator)
			for i := range rows {
				b.Append(int32(i - 5))
			}
			fields = append(fields, arrow.Field{Name: fmt.Sprint("c", j), Type: arrow.PrimitiveTypes.Int32})
			arrays = append(arrays, b.NewArray())
			continue
		}
		b := array.NewFloat32Builder(memory.DefaultAllocator)
		for i := range rows {
			if null && i == 1500 && j == columns-1 {
				b.AppendNull()
			} else {
				b.Append(float32(i) + float32(j)/64)
			}
		}
		fields = append(fields, arrow.Field{Name: fmt.Sprint("c", j), Type: arrow.PrimitiveTypes.Float32, Nullable: true})
		arrays = append(arrays, b.NewArray())
	}
	fields = append(fields, arrow.Field{Name: "y", Type: arrow.PrimitiveTypes.Float64},
		arrow.Field{Name: "name", Type: arrow.BinaryTypes.String})
	schema := arrow.NewSchema(fields, nil)
	record := array.NewRecordBatch(schema, append(arrays, target.NewArray(), text.NewArray()), int64(rows))
	var b bytes.Buffer
	table := array.NewTableFromRecords(schema, []arrow.RecordBatch{record})
	err := pqarrow.WriteTable(table, &b, 1000, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A row group that is decoded as a whole has the rows, ids, targets and faults of one that is read row by row, whatever
// the spans and however many read it at a time, and nothing of it stays when all of its rows have been read.
func TestDecodedGroup(t *testing.T) {
	const rows, columns = 2300, 37 // two bands and a part of one
	for _, c := range []struct{ integers, null, missing bool }{{}, {integers: true}, {null: true},
		{integers: true, null: true, missing: true}} {
		src, err := inspectText(wideParquet(t, rows, columns, c.integers, c.null), "x.parquet",
			Options{IDColumn: "id", TargetColumn: "y", Missing: c.missing})
		if err != nil {
			t.Fatal(err)
		}
		s := src.(*parquetSource)
		read := func(span Span, decoded bool) (b *vectors.Block, faults []string) {
			b = &vectors.Block{Dim: columns, DType: vectors.Float64, Missing: c.missing}
			r, err := s.Read(t.Context(), span)
			if err != nil {
				t.Error(err)
				return b, nil
			}
			if !decoded {
				r.(*parquetReader).wanted = 0
			}
			for {
				err := r.Read(b, 100)
				if f, ok := fault.IsRow(err); ok {
					faults = append(faults, f.Error())
				} else if err != nil {
					break
				}
			}
			refused := c.null && !c.missing // by the second group, after which all are read row by row
			got := r.(*parquetReader).values != nil
			if second := (span.First+span.Rows-1)/1000 == 1; got != decoded && !refused || got && refused && second {
				t.Errorf("%+v, %+v: decoded as a whole: %v", c, span, got)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			return b, faults
		}
		want, faults := read(Span{Rows: rows}, false)
		if n := len(faults); want.Len()+n != rows || (n == 1) != (c.null && !c.missing) {
			t.Fatalf("%+v: %d rows, %q", c, want.Len(), faults)
		}
		var readers sync.WaitGroup
		spans := Cut(rows, 70)
		parts, found := make([]*vectors.Block, len(spans)), make([][]string, len(spans))
		for i, span := range spans {
			readers.Go(func() { parts[i], found[i] = read(span, true) })
		}
		readers.Wait()
		got := &vectors.Block{Dim: columns, DType: vectors.Float64, Missing: c.missing}
		for _, b := range parts {
			got.AppendBlock(b)
		}
		same := func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }
		if !slices.EqualFunc(got.F64, want.F64, same) || !slices.Equal(got.Numbers, want.Numbers) ||
			!slices.Equal(got.Target, want.Target) || !slices.Equal(got.IDs.Ints, want.IDs.Ints) {
			t.Errorf("%+v: other rows than row by row", c)
		}
		if !slices.Equal(slices.Concat(found...), faults) {
			t.Errorf("%+v: faults %q, want %q", c, slices.Concat(found...), faults)
		}
		leftGroups.dropIf(func(g *parquetGroups) bool { return g.s == s })
		decodedGroups.Lock()
		for key := range decodedGroups.of {
			if key.s == s {
				t.Errorf("%+v: row group %d stays", c, key.group)
			}
		}
		decodedGroups.Unlock()
	}
}

// So are the numbers of a table, whose other columns are read row by row.
func TestDecodedGroupOfTable(t *testing.T) {
	t.Parallel()
	const rows = 2300
	src, err := inspectText(wideParquet(t, rows, 5, true, true), "x.parquet",
		Options{Cells: true, IDColumn: "id", TargetColumn: "y"})
	if err != nil {
		t.Fatal(err)
	}
	s := src.(*parquetSource)
	read := func(span Span, open int64) *vectors.Block {
		for i := range s.groups {
			s.groups[i].open = open
		}
		b := &vectors.Block{Cells: tables.New(s.Fields())}
		r, err := s.Read(t.Context(), span)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			err = r.Read(b, 100)
		}
		if got := r.(*parquetCells).values != nil; err != io.EOF || got != (open >= decodedOpen) {
			t.Errorf("%v; decoded as a whole: %v", err, got)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		return b
	}
	want := read(Span{Rows: rows}, decodedOpen-1)
	for _, size := range []int64{rows, 430} {
		at := 0
		for _, span := range Cut(rows, size) {
			got := read(span, decodedOpen)
			for j := range got.Cells.Columns {
				one, other := &got.Cells.Columns[j], &want.Cells.Columns[j]
				for i := range got.Len() {
					if one.Type == tables.Text {
						if !bytes.Equal(one.Text(i), other.Text(at+i)) {
							t.Fatalf("row %d: %q, want %q", at+i, one.Text(i), other.Text(at+i))
						}
					} else if math.Float64bits(one.Numbers[i]) != math.Float64bits(other.Numbers[at+i]) {
						t.Fatalf("row %d, column %d: %v, want %v", at+i, j, one.Numbers[i], other.Numbers[at+i])
					}
				}
			}
			if !slices.Equal(got.Target, want.Target[at:at+got.Len()]) || got.Numbers[0] != int64(at) {
				t.Error("other targets or numbers")
			}
			at += got.Len()
		}
		if at != rows {
			t.Errorf("%d rows", at)
		}
	}
}

// Who wants few rows of a group reads them alone, and who wants most of a small one reads row by row.
func TestDecodedGroupOfFewRows(t *testing.T) {
	t.Parallel()
	src, err := inspectText(wideParquet(t, 1000, 3, false, false), "x.parquet", Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := src.(*parquetSource)
	for wanted, want := range map[int64]bool{7: false, 8: true, 250: true, 251: false} {
		d := s.decoded(t.Context(), 0, wanted)
		if (d != nil) != want {
			t.Errorf("%d of 1000 rows: %v", wanted, d != nil)
		}
		if d != nil {
			s.release(0, d)
		}
	}
}
