package tests

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	modeleigen "beamlearn/model/eigen"
	modelkmeans "beamlearn/model/kmeans"
	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/transforms/eigen"
	"beamlearn/transforms/kmeans"
	"beamlearn/transforms/linear"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// matrixRows and matrixColumns are those of the matrix that is written in all formats.
const matrixRows, matrixColumns = 3000, 3

// inFormats writes a matrix in every format that holds one of dense rows, and cuts of row groups and of batches, and
// gives how each is read: with the column y as the target, or with targets in a file of their own.
func inFormats(t *testing.T) (names []string, reading []vectorio.Options) {
	t.Helper()
	r, dir := rand.New(rand.NewPCG(3, 4)), t.TempDir()
	var values, targets []float64
	var csv, jsonl strings.Builder
	csv.WriteString("a,b,c,y\n")
	columns := make([][]float64, matrixColumns+1)
	for range matrixRows {
		x := []float64{r.NormFloat64(), 3 + r.NormFloat64(), r.ExpFloat64()}
		y := x[0] - x[2] + r.NormFloat64()
		fmt.Fprintf(&csv, "%v,%v,%v,%v\n", x[0], x[1], x[2], y)
		fmt.Fprintf(&jsonl, "{\"a\":%v,\"b\":%v,\"c\":%v,\"y\":%v}\n\n", x[0], x[1], x[2], y)
		values, targets = append(values, x...), append(targets, y)
		for j, v := range append(x, y) {
			columns[j] = append(columns[j], v)
		}
	}
	var named vectorio.Options
	named.Formats.TargetColumn = "y"
	apart := vectorio.Options{Targets: []string{write(t, dir, "y.npy", npyOf(targets, "(%d,)", matrixRows))}}
	add := func(name, text string, o vectorio.Options) {
		names, reading = append(names, write(t, dir, name, text)), append(reading, o)
	}
	add("x.csv", csv.String(), named)
	add("x.jsonl", jsonl.String(), named)
	matrix := npyOf(values, "(%d, %d)", matrixRows, matrixColumns)
	add("x.npy", matrix, apart)
	add("x.npz", stored(t, "x.npy", matrix), apart)
	for _, rows := range []int64{70, 1000, matrixRows} {
		add(fmt.Sprintf("x%d.parquet", rows), groupsOf(t, columns, rows), named)
		add(fmt.Sprintf("x%d.arrow", rows), batchesOf(t, columns, rows), named)
	}
	return names, reading
}

// npyOf is a .npy of float64 or int32.
func npyOf[T float64 | int32](values []T, shape string, of ...any) string {
	descr := fmt.Sprintf("<%c%d", "if"[binary.Size(values[0])/8], binary.Size(values[0]))
	b, err := binary.Append([]byte(npyHeader(descr, fmt.Sprintf(shape, of...))), binary.LittleEndian, values)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// npyHeader begins a .npy.
func npyHeader(descr, shape string) string {
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", descr, shape)
	return "\x93NUMPY\x01\x00" + string(binary.LittleEndian.AppendUint16(nil, uint16(len(header)))) + header
}

// stored is an archive of members that are not packed: a name, its content, and so on.
func stored(t *testing.T, members ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		m, err := w.CreateHeader(&zip.FileHeader{Name: members[i], Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Write([]byte(members[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// recordOf is columns a, b, c and y.
func recordOf(columns [][]float64) arrow.RecordBatch {
	var fields []arrow.Field
	var arrays []arrow.Array
	for j, values := range columns {
		b := array.NewFloat64Builder(memory.DefaultAllocator)
		b.AppendValues(values, nil)
		fields = append(fields, arrow.Field{Name: []string{"a", "b", "c", "y"}[j], Type: arrow.PrimitiveTypes.Float64})
		arrays = append(arrays, b.NewArray())
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), arrays, int64(len(columns[0])))
}

// groupsOf is a .parquet with so many rows in a row group.
func groupsOf(t *testing.T, columns [][]float64, rows int64) string {
	t.Helper()
	record := recordOf(columns)
	var b bytes.Buffer
	table := array.NewTableFromRecords(record.Schema(), []arrow.RecordBatch{record})
	err := pqarrow.WriteTable(table, &b, rows, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// batchesOf is an .arrow with so many rows in a batch.
func batchesOf(t *testing.T, columns [][]float64, rows int64) string {
	t.Helper()
	record := recordOf(columns)
	var b bytes.Buffer
	w, err := ipc.NewFileWriter(&b, ipc.WithSchema(record.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	for first := int64(0); first < matrixRows; first += rows {
		if err := w.Write(record.NewSlice(first, min(first+rows, matrixRows))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// here does the passes of a job without Beam.
func here(ctx context.Context, work func(context.Context) error) error { return work(ctx) }

// weightsOf are the weights of a linear model of some files, bit for bit.
func weightsOf(t *testing.T, how fitting.FitOptions, reading vectorio.Options, files ...string) string {
	t.Helper()
	job := &linear.Job{Reading: reading, Options: linear.Options{Shards: 4, UnitRows: 40, Threads: 2, Seed: 7,
		Workers: placement.InProcess, Model: filepath.Join(t.TempDir(), "m.json")}}
	var err error
	if job.Data, err = linear.Inspect(t.Context(), files, 0, &job.Options, &job.Reading); err != nil {
		t.Fatal(err)
	}
	fit, err := fitting.NewFit(how, job.Data.Dim, job.Data.Columns)
	if err != nil {
		t.Fatal(err)
	}
	fit, report, err := linear.TrainHere(t.Context(), job, fit, here)
	if err != nil {
		t.Fatal(err)
	}
	if err := linear.Clean(t.Context(), &job.Options, report); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(fit.Model().Coef, fit.Model().Intercept)
}

// The cuts by which rows are dealt to shards do not depend on the format, nor on row groups and batches: what is
// learned of the same rows is the same, bit for bit.
func TestSameOfEveryFormat(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs")
	}
	names, reading := inFormats(t)
	learners := map[string]func(t *testing.T, name string, o vectorio.Options) string{
		"sgd": func(t *testing.T, name string, o vectorio.Options) string {
			return weightsOf(t, fitting.FitOptions{Options: model.Options{Task: model.Regression, Loss: model.Huber},
				Solver: fitting.SolverSGD, Epochs: 2, BatchSize: 20, Parts: 4, Shuffle: true, Standardize: true}, o, name)
		},
		"exact": func(t *testing.T, name string, o vectorio.Options) string {
			return weightsOf(t, fitting.FitOptions{Options: model.Options{Task: model.Regression, Loss: model.Huber},
				BatchSize: 20, Parts: 4}, o, name)
		},
		"kmeans": func(t *testing.T, name string, o vectorio.Options) string {
			return clustersOf(t, name)
		},
		"eigen": func(t *testing.T, name string, o vectorio.Options) string {
			return componentsOf(t, name)
		},
	}
	for learner, of := range learners {
		want := ""
		for i, name := range names {
			if got := of(t, name, reading[i]); want == "" {
				want = got
			} else if got != want {
				t.Errorf("%s of %s: %s\nwant, as of %s, %s", learner, filepath.Base(name), got, filepath.Base(names[0]), want)
			}
		}
	}
}

// So it is of sparse rows.
func TestSameOfSparseFormats(t *testing.T) {
	t.Parallel()
	r, dir := rand.New(rand.NewPCG(5, 6)), t.TempDir()
	var svm strings.Builder
	var data, targets []float64
	var indices []int32
	indptr := []int32{0}
	for range matrixRows {
		y := r.NormFloat64()
		fmt.Fprint(&svm, y)
		for j := range 20 {
			if r.IntN(4) > 0 && j < 19 {
				continue
			}
			v := r.NormFloat64()
			fmt.Fprintf(&svm, " %d:%v", j+1, v)
			indices, data = append(indices, int32(j)), append(data, v)
		}
		svm.WriteString("\n")
		indptr, targets = append(indptr, int32(len(indices))), append(targets, y)
	}
	text := write(t, dir, "x.svm", svm.String())
	apart := vectorio.Options{Targets: []string{write(t, dir, "y.npy", npyOf(targets, "(%d,)", matrixRows))}}
	matrix := write(t, dir, "x.npz", stored(t,
		"indptr.npy", npyOf(indptr, "(%d,)", len(indptr)), "indices.npy", npyOf(indices, "(%d,)", len(indices)),
		"data.npy", npyOf(data, "(%d,)", len(data)), "shape.npy", npyOf([]int32{matrixRows, 20}, "(2,)"),
		"format.npy", npyHeader("|S3", "()")+"csr"))
	how := fitting.FitOptions{Options: model.Options{Task: model.Regression}, Solver: fitting.SolverSGD, Epochs: 2,
		BatchSize: 20, Parts: 4, Shuffle: true}
	want := weightsOf(t, how, vectorio.Options{}, text)
	if got := weightsOf(t, how, apart, matrix); got != want {
		t.Errorf("of .npz %s, of .svm %s", got, want)
	}
}

// vectorOf reads the columns of the vector alone.
func vectorOf(name string) (o vectorio.Options) {
	if ext := filepath.Ext(name); ext != ".npy" && ext != ".npz" {
		o.Formats.Columns = []string{"a", "b", "c"}
	}
	return o
}

// clustersOf are the centres of clusters of the rows of a file.
func clustersOf(t *testing.T, name string) string {
	t.Helper()
	job := &linear.Job{Reading: vectorOf(name), Options: linear.Options{Shards: 4, UnitRows: 40, Threads: 2,
		Workers: placement.InProcess, Model: filepath.Join(t.TempDir(), "m.json")}}
	var err error
	if job.Data, err = kmeans.Inspect(t.Context(), []string{name}, 0, &job.Options, &job.Reading); err != nil {
		t.Fatal(err)
	}
	fit, err := modelkmeans.NewFit(modelkmeans.Options{Clusters: []int{3}, MaxIter: 3}, job.Data.Dim, job.Data.Columns)
	if err != nil {
		t.Fatal(err)
	}
	fit, report, err := linear.TrainHere(t.Context(), job, fit, here)
	if err != nil {
		t.Fatal(err)
	}
	if err := linear.Clean(t.Context(), &job.Options, report); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(fit.Model().Centers, fit.Model().Inertia)
}

// componentsOf are the principal components of the rows of a file.
func componentsOf(t *testing.T, name string) string {
	t.Helper()
	job := &eigen.Job{Reading: vectorOf(name), Options: eigen.Options{UnitRows: 40, Scratch: t.TempDir(),
		Workers: placement.InProcess}}
	var err error
	if job.Data, err = job.Inspect(t.Context(), []string{name}, 0); err != nil {
		t.Fatal(err)
	}
	run := func(_ context.Context, p *beam.Pipeline) error { return ptest.Run(p) }
	pca, err := eigen.Fit(t.Context(), job, modeleigen.Options{Components: 2}, run)
	if err != nil {
		t.Fatal(err)
	}
	if err := job.Clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(slices.Concat(pca.Components...), pca.Mean)
}
