package formats

import (
	"context"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"beamlearn/model/fault"
)

// recordRows is how many rows of a table are decoded at a time.
const recordRows = 8192

// ParquetColumns are the columns of a Parquet file, whatever their types; their Use means nothing.
func ParquetColumns(ctx context.Context, f File) (columns []Column, err error) {
	err = withSchema(ctx, f, func(s *schema.Schema) {
		for _, field := range parquetFields(s) {
			columns = append(columns, Column{Name: field.name, Type: field.plain()})
		}
	})
	return columns, err
}

// ParquetFieldIDs are the numbers of the columns of a Parquet file, -1 of one that has none, and their names.
func ParquetFieldIDs(ctx context.Context, f File) (ids []int32, names []string, err error) {
	err = withSchema(ctx, f, func(s *schema.Schema) {
		for i := range s.Root().NumFields() {
			ids, names = append(ids, s.Root().Field(i).FieldID()), append(names, s.Root().Field(i).Name())
		}
	})
	return ids, names, err
}

// withSchema reads the schema of a Parquet file.
func withSchema(ctx context.Context, f File, do func(*schema.Schema)) (err error) {
	in, err := readFooter(ctx, f)
	if err != nil {
		return err
	}
	defer in.undamaged(&err)
	if footer := in.tail[len(in.tail)-8-in.footer : len(in.tail)-8]; !soundFooter(footer) {
		return in.damaged("lengths in the footer that are beyond it")
	}
	r, err := in.open(parquetTail)
	if err != nil {
		return err
	}
	do(r.MetaData().Schema)
	return nil
}

// EachRecord gives the rows of a Parquet file, those of its columns that are named, some thousands at a time: for
// tables that are no vectors. A record is valid until each returns.
func EachRecord(ctx context.Context, f File, columns []string, each func(arrow.RecordBatch) error) (err error) {
	in, err := readFooter(ctx, f)
	if err != nil {
		return err
	}
	defer in.undamaged(&err)
	if footer := in.tail[len(in.tail)-8-in.footer : len(in.tail)-8]; !soundFooter(footer) {
		return in.damaged("lengths in the footer that are beyond it")
	}
	r, err := in.open(parquetAheadMax)
	if err != nil {
		return err
	}
	var leaves []int
	for _, name := range columns {
		n := len(leaves)
		for i := range r.MetaData().Schema.NumColumns() {
			if r.MetaData().Schema.ColumnRoot(i).Name() == name {
				leaves = append(leaves, i)
			}
		}
		if len(leaves) == n {
			return fault.File(f.Name(), "a column "+fault.Quote(name), "none")
		}
	}
	table, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{BatchSize: recordRows}, memory.DefaultAllocator)
	if err != nil {
		return err
	}
	records, err := table.GetRecordReader(ctx, leaves, nil)
	if err != nil {
		return err
	}
	defer records.Release()
	for {
		record, err := records.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			if ctx.Err() != nil {
				in.err = ctx.Err()
			}
			return err
		}
		if err := each(record); err != nil {
			in.err = err // which is no fault of the file's form
			return err
		}
	}
}
