package tests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	"beamlearn/model/results"
	"beamlearn/model/tables"
	model "beamlearn/model/triples"
	"beamlearn/model/vectors"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/triples"
)

// tripleRows runs a job of several files, and gives its outputs, its columns and its report.
func tripleRows(t *testing.T, dir, name string, o triples.Options, chunkRows int) (out string, r *triples.Report) {
	t.Helper()
	ctx := t.Context()
	o.Destination = output.Destination{Output: filepath.Join(dir, name), NumShards: 2}
	j := &triples.Job{Columns: triples.Columns{Row: "u", Column: "i", Value: "v"}, Options: o}
	j.Options.EnsureDefaults()
	j.Reading.ChunkRows, j.Reading.SkipFaults = chunkRows, true
	var err error
	if j.Data, err = triples.Inspect(ctx, []string{filepath.Join(dir, "x-*.csv")}, &j.Columns, &j.Reading); err != nil {
		t.Fatal(err)
	}
	p, s := beam.NewPipelineWithRoot()
	if err := triples.Rows(s, j); err != nil {
		t.Fatal(err)
	}
	result, err := ptest.RunWithMetrics(p)
	if err != nil {
		t.Fatal(err)
	}
	if r, err = j.Report(ctx); err != nil {
		t.Fatal(err)
	}
	columns := filepath.Join(dir, "columns.json")
	if err := j.WriteColumns(ctx, columns); err != nil {
		t.Fatal(err)
	}
	if err := j.Clean(ctx); err != nil {
		t.Fatal(err)
	}
	counted := map[string]int64{}
	for _, c := range result.Metrics().AllMetrics().Counters() {
		counted[c.Name()] += c.Result()
	}
	for counter, want := range map[string]int64{"rows_written": r.Rows, "rows_read": r.Triples,
		"rows_rejected": r.Rejected} {
		if counted[counter] != want || want == 0 {
			t.Errorf("the counter %s is %d, expected %d", counter, counted[counter], want)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	for _, name := range append(append(r.OutputFiles, r.RejectedFiles...), columns) {
		out += read(t, name)
	}
	return out, r
}

// Triples become the rows that a map of them has, with the same bytes at any size of chunks, runs and pieces, by
// workers in this process or others.
func TestTriples(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies sizes of chunks, runs and pieces")
	}
	dir := t.TempDir()
	sums := map[string]map[string]float64{}
	for file := range 3 {
		var b strings.Builder
		b.WriteString("u,i,v\n")
		for i := range 300 {
			user, item, value := fmt.Sprintf("user%d", i*i%41), fmt.Sprint((i*7+file)%29*(i%3)), i%6-2
			fmt.Fprintf(&b, "%s,%s,%d\n", user, item, value)
			if sums[user] == nil {
				sums[user] = map[string]float64{}
			}
			sums[user][item] += float64(value)
		}
		b.WriteString("user1,2,bad\n")
		write(t, dir, fmt.Sprintf("x-%d.csv", file), b.String())
	}
	for _, d := range model.AllDuplicates {
		for _, name := range []string{"r.jsonl", "r.npz", "r.svm", "r.parquet"} {
			if d != model.Sum && name != "r.jsonl" {
				continue
			}
			o := triples.Options{Duplicates: d, ID: "u", Workers: placement.InProcess}
			want, report := tripleRows(t, dir, name, o, 0)
			if report.Triples != 900 || report.Rejected != 3 || report.Rows != int64(len(sums)) || report.Merged == 0 {
				t.Errorf("report %+v", report)
			}
			for _, c := range []triples.Options{
				{RunTriples: 13, PieceTriples: 17, Workers: placement.Remote},
				{RunTriples: 100, PieceTriples: 1, Workers: placement.InProcess, Threads: 3},
			} {
				c.Duplicates, c.ID = d, "u"
				if got, _ := tripleRows(t, dir, name, c, 11); got != want {
					t.Errorf("%s, %s: other bytes with %+v", d, name, c)
				}
			}
			if d == model.Sum && name == "r.jsonl" {
				checkTriples(t, want, sums)
			}
		}
	}
}

// The report counts what was written; and columns that are not known are counted, and left out.
func TestTripleColumns(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies formats")
	}
	t.Parallel()
	for _, c := range []struct {
		columns      []string
		want, others string // the columns that are found, and columns of which one is another
	}{
		{[]string{"5", "7"}, `{"triples":{"columns":[5,7]}}`, `{"triples":{"columns":[99,7]}}`},
		{[]string{"b", "c"}, `{"triples":{"columns":["b","c"]}}`, `{"triples":{"columns":[99,"c"]}}`},
	} {
		dir := t.TempDir()
		first, second := c.columns[0], c.columns[1]
		write(t, dir, "x.csv", fmt.Sprintf("u,i\na,%[1]s\nb,%[1]s\nc,%[1]s\na,%[2]s\na,%[2]s\nb,%[2]s\n", first, second))
		run := func(o triples.Options) (*triples.Job, *triples.Report) {
			t.Helper()
			o.Destination = output.Destination{Output: filepath.Join(dir, "r.jsonl"), NumShards: 1}
			o.Workers = placement.InProcess
			j := &triples.Job{Columns: triples.Columns{Row: "u", Column: "i"}, Options: o}
			j.Options.EnsureDefaults()
			var err error
			if j.Data, err = triples.Inspect(t.Context(), []string{filepath.Join(dir, "x.csv")}, &j.Columns,
				&j.Reading); err != nil {
				t.Fatal(err)
			}
			p, s := beam.NewPipelineWithRoot()
			if err := triples.Rows(s, j); err != nil {
				t.Fatal(err)
			}
			if err := ptest.Run(p); err != nil {
				t.Fatal(err)
			}
			r, err := j.Report(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			r.OutputFiles, r.RejectedFiles = nil, nil
			return j, r
		}
		j, r := run(triples.Options{})
		known := filepath.Join(dir, "columns.json")
		if err := j.WriteColumns(t.Context(), known); err != nil {
			t.Fatal(err)
		}
		if err := j.Clean(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(read(t, known)); got != c.want {
			t.Errorf("columns %s, expected %s", got, c.want)
		}
		if want := (triples.Report{Triples: 6, Merged: 1, Rows: 3, Columns: 2, Nonzero: 5}); !reflect.DeepEqual(*r, want) {
			t.Errorf("%+v, expected %+v", *r, want)
		}
		write(t, dir, "columns.json", c.others)
		if ids, err := triples.ReadColumns(t.Context(), known); err != nil || ids.Len() != 2 || ids.At(0).Int != 99 {
			t.Errorf("known columns %v, %v", ids, err)
		}
		j, r = run(triples.Options{Known: known})
		if err := j.Clean(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := triples.Report{Triples: 6, Merged: 1, Unknown: 3, Rows: 3, Columns: 2, Nonzero: 2}
		if !reflect.DeepEqual(*r, want) {
			t.Errorf("with known columns: %+v, expected %+v", *r, want)
		}
	}
}

// A file that is not one of columns, or of none, is refused.
func TestTripleColumnsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", `{}`, `{"triples":{"columns":[]}}`, `{"triples":{"columns":["a","a"]}}`,
		`{"triples":{"columns":[""]}}`} {
		name := write(t, t.TempDir(), "columns.json", text)
		if ids, err := triples.ReadColumns(t.Context(), name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v, %v", text, ids, err)
		}
	}
}

// The first fault of the rows ends a job that skips none.
func TestTripleFault(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "x-0.csv", "u,i,v\na,1,2\nb,2,bad\nc,3,worse\n")
	j := &triples.Job{Columns: triples.Columns{Row: "u", Column: "i", Value: "v"},
		Options: triples.Options{Destination: output.Destination{Output: filepath.Join(dir, "r.jsonl")},
			Workers: placement.InProcess}}
	j.Options.EnsureDefaults()
	j.Reading.ChunkRows = 1
	var err error
	if j.Data, err = triples.Inspect(t.Context(), []string{filepath.Join(dir, "x-0.csv")}, &j.Columns,
		&j.Reading); err != nil {
		t.Fatal(err)
	}
	p, s := beam.NewPipelineWithRoot()
	if err := triples.Rows(s, j); err != nil {
		t.Fatal(err)
	}
	if err := ptest.Run(p); err == nil || !strings.Contains(err.Error(), "row 1") ||
		!strings.Contains(err.Error(), "bad") {
		t.Errorf("%v", err)
	}
	if err := j.Clean(t.Context()); err != nil {
		t.Error(err)
	}
}

// A column's id is what the file says, whether its type is text, a number or not known.
func TestTripleColumnTypes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, data string
		column     tables.Type
		want       vectors.ID
	}{
		{"text.parquet", parquetOf(t, "a"), tables.Text, vectors.ID{Text: "a"}},
		{"a.csv", "u,i\nr,a\n", tables.Cell, vectors.ID{Text: "a"}},
		{"7.csv", "u,i\nr,7\n", tables.Cell, vectors.ID{Int: 7}},
		{"number.parquet", parquetOf(t, 7), tables.Number, vectors.ID{Int: 7}},
	} {
		name := write(t, t.TempDir(), c.name, c.data)
		r := &triples.Reader{Columns: triples.Columns{Row: "u", Column: "i"}}
		d, err := triples.Inspect(t.Context(), []string{name}, &r.Columns, &r.Reading)
		if err != nil {
			t.Fatal(err)
		}
		all, err := d.Chunked(1, 0).List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		to := &taken{model.Part{Rows: &model.Names{}, Columns: &model.Names{}}}
		if _, err := r.Read(t.Context(), all.Chunks, func() triples.Taker { return to }); err != nil {
			t.Fatal(err)
		}
		ids := to.part.Columns.IDs()
		if of := d.Fields[1].Type; of != c.column || ids.Len() != 1 || ids.At(0) != c.want {
			t.Errorf("%s: the type %s, the ids %v", c.name, of, ids)
		}
	}
}

// parquetOf is a .parquet of one triple, of the row r and a column of text or a number.
func parquetOf(t *testing.T, column any) string {
	t.Helper()
	fields := []arrow.Field{{Name: "u", Type: arrow.BinaryTypes.String}, {Name: "i", Type: arrow.BinaryTypes.String}}
	if _, ok := column.(int); ok {
		fields[1].Type = arrow.PrimitiveTypes.Int64
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	for i, v := range []any{"r", column} {
		if err := b.Field(i).AppendValueFromString(fmt.Sprint(v)); err != nil {
			t.Fatal(err)
		}
	}
	record := b.NewRecordBatch()
	table := array.NewTableFromRecords(record.Schema(), []arrow.RecordBatch{record})
	var out bytes.Buffer
	if err := pqarrow.WriteTable(table, &out, 1, parquet.NewWriterProperties(),
		pqarrow.DefaultWriterProps()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// taken has the triples of all chunks.
type taken struct{ part model.Part }

func (p *taken) Begin(int) *model.Part  { return &p.part }
func (p *taken) Full(*model.Part) error { return nil }
func (p *taken) Close() error           { return nil }

// Where the ids of columns cannot be written, the job fails.
func TestTripleColumnsNotWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := &triples.Job{Columns: triples.Columns{Row: "u", Column: "i"},
		Options: triples.Options{Destination: output.Destination{Output: filepath.Join(dir, "r.jsonl")},
			Workers: placement.InProcess}}
	j.Options.EnsureDefaults()
	columns := filepath.Join(j.Options.Of(results.Layout{}).Staging(), "columns")
	if err := os.MkdirAll(columns, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, columns, "a file", "in a directory in the place of theirs")
	var err error
	if j.Data, err = triples.Inspect(t.Context(), []string{write(t, dir, "x.csv", "u,i\na,1\n")}, &j.Columns,
		&j.Reading); err != nil {
		t.Fatal(err)
	}
	p, s := beam.NewPipelineWithRoot()
	if err := triples.Rows(s, j); err != nil {
		t.Fatal(err)
	}
	if err := ptest.Run(p); err == nil || !strings.Contains(err.Error(), columns) {
		t.Errorf("%v", err)
	}
	if err := j.Clean(t.Context()); err != nil {
		t.Error(err)
	}
}

// A run comes from another worker: its name cannot lead out of the staging directory.
func TestTripleRunNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"run-1", "", "../run-1", "a/run-1", `a\run-1`} {
		run := triples.Run{Name: name, Triples: 1}
		b, err := encode(run)
		if err != nil {
			t.Fatal(err)
		}
		_, alone := decode[triples.Run](b)
		if b, err = encode(triples.Range{Runs: []triples.Run{{Name: "run-0", Triples: 1}, run}}); err != nil {
			t.Fatal(err)
		}
		_, within := decode[triples.Range](b)
		for of, err := range map[string]error{"a run": alone, "a range": within} {
			if name == "run-1" && err != nil ||
				name != "run-1" && (err == nil || !strings.Contains(err.Error(), "a run called")) {
				t.Errorf("%s of %q: %v", of, name, err)
			}
		}
	}
}

// checkTriples compares rows of .jsonl, and the columns behind them, with sums.
func checkTriples(t *testing.T, out string, sums map[string]map[string]float64) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var columns struct {
		Triples struct{ Columns []json.Number }
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &columns); err != nil {
		t.Fatal(err)
	}
	before := ""
	for _, line := range lines[:len(sums)] {
		var row struct {
			U       string
			Indices []int
			Values  []float64
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		if row.U <= before {
			t.Errorf("%s after %s", row.U, before)
		}
		before = row.U
		n := 0
		for _, v := range sums[row.U] {
			if v != 0 {
				n++
			}
		}
		if len(row.Indices) != n || len(row.Values) != n {
			t.Errorf("%s: %d entries, expected %d", row.U, len(row.Indices), n)
		}
		for k, c := range row.Indices {
			if want := sums[row.U][columns.Triples.Columns[c].String()]; row.Values[k] != want ||
				k > 0 && row.Indices[k-1] >= c {
				t.Errorf("%s: column %d has %g, expected %g", row.U, c, row.Values[k], want)
			}
		}
	}
}

// All faults of a job are told at once.
func TestTripleFaults(t *testing.T) {
	t.Parallel()
	j := &triples.Job{
		Columns: triples.Columns{Row: "u", Column: "u", Time: "t"},
		Options: triples.Options{Duplicates: "most", Threads: -1,
			Destination: output.Destination{Output: "x.csv", NumShards: 1, RunID: "r"}},
	}
	err := j.Validate()
	for _, want := range []string{`the column "u" for two things`, `duplicates "most"`, "threads -1",
		".csv has a place for each column", "a column of times"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not told: %v", want, err)
		}
	}
}

// Descriptors of runs and ranges survive their coders, which are those that Beam has of them.
func FuzzTripleRange(f *testing.F) {
	run := triples.Run{Name: "run-1", Triples: 5, Index: 7, Entries: 60, TextIDs: true}
	b, err := encode(triples.Range{Ordinal: 1, Total: 9, Runs: []triples.Run{run},
		Pieces: []triples.Piece{{First: 2, Rows: 3, Slices: []triples.Slice{{Run: 0, Index: 1, IndexBytes: 2}}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	if b, err = encode(run); err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := decode[triples.Range](b); err == nil {
			again, err := encode(r)
			if err != nil {
				t.Fatal(err)
			}
			if s, err := decode[triples.Range](again); err != nil || s.Total != r.Total || len(s.Pieces) != len(r.Pieces) {
				t.Errorf("%+v became %+v, %v", r, s, err)
			}
		}
		if r, err := decode[triples.Run](b); err == nil {
			again, err := encode(r)
			if err != nil {
				t.Fatal(err)
			}
			if s, err := decode[triples.Run](again); err != nil || s.Name != r.Name || s.Entries != r.Entries {
				t.Errorf("%+v became %+v, %v", r, s, err)
			}
		}
	})
}
