package vectorio

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/passert"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/transforms/files/gcstest"
	"beamlearn/transforms/placement"
)

const (
	gcsRows = 400_000
	gcsDim  = 4
)

// gcsValue is a number of a large file: of six digits, of which float32 keeps all.
func gcsValue(row, column int) float32 { return 1 + float32((row*gcsDim+column)*7919%999_983)/(1<<20) }

// gcsFile is a file of gcsRows in a format.
func gcsFile(t *testing.T, format string) []byte {
	t.Helper()
	var b []byte
	row := func(begin, between, end string) {
		for i := range gcsRows {
			b = append(b, begin...)
			for c := range gcsDim {
				if c > 0 {
					b = append(b, between...)
				}
				b = fmt.Appendf(b, "%v", gcsValue(i, c))
			}
			b = append(b, end...)
		}
	}
	switch format {
	case "csv":
		row("", ",", "\n")
	case "jsonl":
		row(`{"vector":[`, ",", "]}\n")
	case "npy":
		header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }\n", gcsRows, gcsDim)
		b = append(append(append(b, "\x93NUMPY\x01\x00"...), byte(len(header)), 0), header...)
		fallthrough
	case "fvecs":
		for i := range gcsRows {
			if format == "fvecs" {
				b = binary.LittleEndian.AppendUint32(b, gcsDim)
			}
			for c := range gcsDim {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(gcsValue(i, c)))
			}
		}
	case "parquet":
		var fields []arrow.Field
		for c := range gcsDim {
			fields = append(fields, arrow.Field{Name: fmt.Sprint("c", c), Type: arrow.PrimitiveTypes.Float32})
		}
		builder := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
		for i := range gcsRows {
			for c := range gcsDim {
				builder.Field(c).(*array.Float32Builder).Append(gcsValue(i, c))
			}
		}
		record := builder.NewRecordBatch()
		table := array.NewTableFromRecords(record.Schema(), []arrow.RecordBatch{record})
		var out bytes.Buffer
		properties := parquet.NewWriterProperties(parquet.WithDictionaryDefault(false))
		if err := pqarrow.WriteTable(table, &out, gcsRows/100, properties, pqarrow.DefaultWriterProps()); err != nil {
			t.Fatal(err)
		}
		b = out.Bytes()
	}
	return b
}

// forget empties the cache of headers, as a worker that has just begun.
func forget() {
	inspected.Lock()
	defer inspected.Unlock()
	inspected.sources = nil
}

// A worker that needs a hundredth of a file is sent a hundredth of it, and its header; counting a hundredth is the
// same.
func TestGCSBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies formats and files")
	}
	ctx := context.Background()
	for _, c := range []struct {
		format string
		header int64 // the most that the header may cost
	}{{"npy", 16 << 10}, {"fvecs", 1 << 10}, {"csv", 64 << 10}, {"jsonl", 64 << 10}, {"parquet", 80 << 10}} {
		t.Run(c.format, func(t *testing.T) {
			content := gcsFile(t, c.format)
			s := gcstest.Start(t, map[string][]byte{"x." + c.format: content})
			o := Options{ChunkRows: gcsRows / 100}
			d, err := Inspect(ctx, []string{"gs://bucket/x." + c.format}, o)
			if err != nil {
				t.Fatal(err)
			}
			if n := s.Sent(); n > c.header+sampleBytes+32<<10 {
				t.Errorf("inspected by %d bytes", n)
			}
			hundredth := int64(len(content)) / 100
			src, err := inspect(ctx, d.Files[0], o.Formats)
			if err != nil {
				t.Fatal(err)
			}
			var spans []formats.Span
			if counter, ok := src.(formats.Counter); ok {
				var counts []formats.Count
				for _, r := range counter.Ranges(hundredth) {
					before := s.Sent()
					n, err := counter.Count(ctx, r)
					if err != nil {
						t.Fatal(err)
					}
					if sent := s.Sent() - before; sent > hundredth+16<<10+1 {
						t.Errorf("%d bytes to count %d", sent, r.Length)
					}
					counts = append(counts, n)
				}
				if spans, err = counter.Resolve(counts); err != nil {
					t.Fatal(err)
				}
			} else {
				spans = formats.CutSource(src, gcsRows/100, gcsRows/100)
			}
			for _, i := range []int{0, len(spans) / 2, len(spans) - 1} {
				span := spans[i]
				forget()
				before := s.Sent()
				r, err := Open(ctx, Chunk{Info: d.Files[0], Span: span, Total: gcsRows}, Options{ChunkRows: int(span.Rows)},
					func(*fault.Fault) {})
				if err != nil {
					t.Fatal(err)
				}
				b := o.NewBlock(gcsDim)
				err = r.Read(b)
				if e := r.Read(o.NewBlock(gcsDim)); e != io.EOF {
					t.Errorf("at the end of the chunk: %v", e)
				}
				if e := r.Close(); err != nil || e != nil {
					t.Fatal(err, e)
				}
				rows := b.Len()
				values := make([]float64, gcsDim)
				for k := range rows {
					if v := float32(b.Row(k, values)[1]); v != gcsValue(int(span.First)+k, 1) {
						t.Fatalf("row %d: %v", int(span.First)+k, v)
					}
				}
				share := int64(float64(len(content)) * float64(rows) / gcsRows)
				if sent := s.Sent() - before; int64(rows) != span.Rows || sent > share+share/50+c.header {
					t.Errorf("chunk %d: %d bytes for %d rows of %d bytes", i, sent, rows, share)
				}
			}
		})
	}
}

// The whole of many objects, read by a pipeline through 503s and connections that break, is what it is.
func TestGCSPipeline(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: TestPipeline reads files on disk so")
	}
	objects := map[string][]byte{}
	var want []any
	for f := range 7 {
		var b strings.Builder
		for i := range 500 + 10*f {
			want = append(want, fmt.Sprint(len(want), []int{f*100_000 + i}))
			fmt.Fprintln(&b, f*100_000+i)
		}
		objects[fmt.Sprintf("in/x-%d.csv", f)] = []byte(b.String())
	}
	s := gcstest.Start(t, objects)
	ctx := context.Background()
	o := Options{ChunkRows: 100}
	d, err := Inspect(ctx, []string{"gs://bucket/in/*.csv"}, o)
	if err != nil {
		t.Fatal(err)
	}
	forget()
	s.Fail("GET media", 3, 503)
	s.Cut("GET media", 5, 1_007)
	p, scope := beam.NewPipelineWithRoot()
	passert.Equals(scope, beam.ParDo(scope, &rowsFn{Options: o, Dim: d.Dim}, Chunks(scope, d, placement.Remote)), want...)
	if err := ptest.Run(p); err != nil {
		t.Error(err)
	}
	broken := 0
	for _, r := range s.Requests() {
		if strings.HasPrefix(r, "GET media") {
			broken++
		}
	}
	if broken < 7+8 {
		t.Errorf("%d requests", broken)
	}
}
