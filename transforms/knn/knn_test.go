package knn

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/metrics"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/memfs"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/beamtest"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

func TestMain(m *testing.M) { beamtest.Main(m) }

// run runs a whole job on Prism and returns its report and counters.
func run(t *testing.T, input, queries []string, reading vectorio.Options,
	o Options) (*Report, metrics.QueryResults, error) {
	t.Helper()
	ctx := context.Background()
	job := &Job{Reading: reading, Options: o}
	var err error
	if job.Corpus, err = vectorio.Inspect(ctx, input, reading); err != nil {
		return nil, metrics.QueryResults{}, err
	}
	if queries != nil {
		if err = job.InspectQueries(ctx, queries); err != nil {
			return nil, metrics.QueryResults{}, err
		}
	}
	job.Options.EnsureDefaults()
	if err := job.Check(); err != nil {
		return nil, metrics.QueryResults{}, err
	}
	p, s := beam.NewPipelineWithRoot()
	if err := KNeighbors(s, job); err != nil {
		t.Fatal(err)
	}
	result, err := ptest.RunWithMetrics(p)
	var report *Report
	if err == nil {
		report, err = ReadReport(ctx, &job.Options)
	}
	if e := Clean(ctx, &job.Options); e != nil {
		t.Fatal(e)
	}
	if err != nil {
		return nil, metrics.QueryResults{}, err
	}
	return report, result.Metrics().AllMetrics(), nil
}

func mustRun(t *testing.T, input, queries []string, reading vectorio.Options, o Options) *Report {
	t.Helper()
	r, _, err := run(t, input, queries, reading, o)
	if err != nil {
		t.Fatalf("%v", firstFault(err))
	}
	return r
}

// counts compares counters with what they should be. Prism now and then loses the last report of a bundle, so a counter
// that is too low gets two more tries; one that our code gets wrong is wrong in each.
func counts(t *testing.T, want map[string]int64, job func() metrics.QueryResults) {
	t.Helper()
	for try := 1; ; try++ {
		got := map[string]int64{}
		for _, c := range job().Counters() {
			got[c.Namespace()+"."+c.Name()] += c.Result()
		}
		low := false
		for name, n := range want {
			if got[name] > n || got[name] < n && try == 3 {
				t.Errorf("counter %s = %d, want %d", name, got[name], n)
			}
			low = low || got[name] < n
		}
		if !low || try == 3 {
			return
		}
	}
}

func firstFault(err error) string {
	if f := fault.Find(err.Error()); len(f) > 0 {
		return f[0]
	}
	return err.Error()
}

func read(t *testing.T, name string) string {
	t.Helper()
	r, err := files.OpenRead(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func writeFile(t *testing.T, name string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(name, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

// testPoints are n rows of small integers, with many ties and duplicates: they fit every format that there is.
func testPoints(n, d int) [][]float64 {
	r := rand.New(rand.NewPCG(1, 2))
	x := make([][]float64, n)
	for i := range x {
		x[i] = make([]float64, d)
		for j := range x[i] {
			x[i][j] = float64(r.IntN(9))
		}
		if i%10 == 9 {
			copy(x[i], x[i-5])
		}
	}
	return x
}

// want is the output that follows from the definition, written as .csv.
func want(points, queries [][]float64, k int, o neighbors.Options) string {
	var b strings.Builder
	b.WriteString("query_id,rank,neighbor_id,distance\n")
	self := queries == nil
	if self {
		queries = points
	}
	for i, q := range queries {
		type candidate struct {
			d float64
			j int
		}
		var best []candidate
		for j, p := range points {
			if self && i == j {
				continue
			}
			c := candidate{neighbors.Distance(q, p, o), j}
			at := len(best)
			for at > 0 && best[at-1].d > c.d {
				at--
			}
			if at < k {
				best = append(best[:at], append([]candidate{c}, best[at:]...)...)
				best = best[:min(k, len(best))]
			}
		}
		for r, c := range best {
			fmt.Fprintf(&b, "%d,%d,%d,%v\n", i, r+1, c.j, c.d)
		}
	}
	return b.String()
}

func csvOf(x [][]float64, header bool, sep string) []byte {
	var b bytes.Buffer
	if header {
		for j := range x[0] {
			if j > 0 {
				b.WriteString(sep)
			}
			fmt.Fprintf(&b, "x%d", j)
		}
		b.WriteByte('\n')
	}
	for _, row := range x {
		for j, v := range row {
			if j > 0 {
				b.WriteString(sep)
			}
			fmt.Fprint(&b, v)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func jsonlOf(x [][]float64) []byte {
	var b bytes.Buffer
	for i, row := range x {
		fmt.Fprintf(&b, `{"id":%d,"vector":%s}`+"\n", i, strings.ReplaceAll(fmt.Sprint(row), " ", ","))
	}
	return b.Bytes()
}

func npyOf[T any](x [][]float64, descr string, convert func(float64) T) []byte {
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%d, %d), }", descr, len(x), len(x[0]))
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	b := append([]byte("\x93NUMPY\x01\x00"), binary.LittleEndian.AppendUint16(nil, uint16(len(header)))...)
	return append(append(b, header...), valuesOf(x, convert)...)
}

func valuesOf[T any](x [][]float64, convert func(float64) T) []byte {
	var b []byte
	for _, row := range x {
		for _, v := range row {
			var err error
			if b, err = binary.Append(b, binary.LittleEndian, convert(v)); err != nil {
				panic(err)
			}
		}
	}
	return b
}

func vecsOf[T any](x [][]float64, convert func(float64) T) []byte {
	var b []byte
	for _, row := range x {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(row)))
		b = append(b, valuesOf([][]float64{row}, convert)...)
	}
	return b
}

func binOf[T any](x [][]float64, convert func(float64) T) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(x)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(x[0])))
	return append(b, valuesOf(x, convert)...)
}

func to[T float32 | float64 | uint8 | int8 | int32](v float64) T { return T(v) }

func gz(b []byte) []byte {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(b)
	w.Close()
	return z.Bytes()
}

func zst(b []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return w.EncodeAll(b, nil)
}

// Whatever the format of the input, the size of the chunks and the number of files, the bytes of the output are the
// same.
func TestFormatsAndChunks(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: Example and TestOf have one each")
	}
	points := testPoints(301, 4)
	expected := want(points, nil, 5, neighbors.Options{Metric: neighbors.Euclidean})
	for name, data := range map[string][]byte{
		"x.npy":       npyOf(points, "<f4", to[float32]),
		"x8.npy":      npyOf(points, "<f8", to[float64]),
		"xi.npy":      npyOf(points, "<i4", to[int32]),
		"x.csv":       csvOf(points, true, ","),
		"x.tsv":       csvOf(points, false, "\t"),
		"x.csv.gz":    gz(csvOf(points, true, ",")),
		"x.tsv.zst":   zst(csvOf(points, false, "\t")),
		"x.jsonl":     jsonlOf(points),
		"x.jsonl.zst": zst(jsonlOf(points)),
		"x.fvecs":     vecsOf(points, to[float32]),
		"x.bvecs":     vecsOf(points, to[uint8]),
		"x.fbin":      binOf(points, to[float32]),
		"x.u8bin":     binOf(points, to[uint8]),
		"x.i8bin":     binOf(points, to[int8]),
	} {
		for _, chunk := range []int{1000, 7} {
			if chunk == 1000 && !slices.Contains([]string{"x.npy", "x.csv", "x.tsv.zst"}, name) {
				continue // all of them in one chunk: of numbers, text and what is packed
			}
			if brief() && (chunk == 1000 || strings.HasPrefix(name, "xi.") || strings.HasPrefix(name, "x8.") ||
				strings.HasSuffix(name, "bin")) {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", name, chunk), func(t *testing.T) {
				dir := t.TempDir()
				o := Options{K: 5, Destination: output.To(filepath.Join(dir, "out", "n.csv"))}
				r := mustRun(t, []string{writeFile(t, filepath.Join(dir, name), data)}, nil, vectorio.Options{ChunkRows: chunk}, o)
				if got := read(t, o.Output); got != expected {
					t.Errorf("the output differs:\n%.300s\nwant\n%.300s", got, expected)
				}
				if r.Points != 301 || r.Queries != 301 || r.Neighbors != 5*301 || r.Dim != 4 {
					t.Errorf("report %+v", r)
				}
				if left, err := filepath.Glob(filepath.Join(dir, "out", ".*")); err != nil || len(left) > 0 {
					t.Errorf("left behind: %v, %v", left, err)
				}
			})
		}
	}
}

// Several files are one big array in the order of their names, and the shards of the output are cuts of it.
func TestFilesAndShards(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: Example and TestOf have one each")
	}
	points := testPoints(50, 3)
	expected := want(points, nil, 3, neighbors.Options{Metric: neighbors.Manhattan})
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "b.csv"), csvOf(points[20:23], true, ","))
	writeFile(t, filepath.Join(dir, "a.npy"), npyOf(points[:20], "<f8", to[float64]))
	writeFile(t, filepath.Join(dir, "c.fbin"), binOf(points[23:], to[float32]))
	input := []string{filepath.Join(dir, "*")}
	for shards, chunks := range map[int][]int{1: {8}, 3: {1, 100}, 60: {100}} {
		for _, chunk := range chunks {
			out := filepath.Join(t.TempDir(), "n.csv")
			o := Options{K: 3, Destination: output.Destination{Output: out, NumShards: shards},
				Neighbors: neighbors.Options{Metric: neighbors.Manhattan}}
			r := mustRun(t, input, nil, vectorio.Options{ChunkRows: chunk}, o)
			if len(r.OutputFiles) != shards {
				t.Fatalf("%d shards: files %v", shards, r.OutputFiles)
			}
			got := ""
			for i, f := range r.OutputFiles {
				b := read(t, f)
				if i > 0 {
					b = strings.TrimPrefix(b, "query_id,rank,neighbor_id,distance\n")
				}
				got += b
			}
			if got != expected {
				t.Errorf("%d shards, chunks of %d: the output differs", shards, chunk)
			}
		}
	}
}

// Every format of the output has the same bytes for any chunks.
func TestOutputFormats(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: Example and TestOf have one each")
	}
	points := testPoints(90, 3)
	dir := t.TempDir()
	input := []string{writeFile(t, filepath.Join(dir, "x.npy"), npyOf(points, "<f4", to[float32]))}
	for _, ext := range []string{"csv", "jsonl", "parquet", "npy"} {
		var first []string
		for _, chunk := range []int{90, 13} {
			o := Options{K: 4, Destination: output.To(filepath.Join(t.TempDir(), "n."+ext))}
			r := mustRun(t, input, nil, vectorio.Options{ChunkRows: chunk}, o)
			for i, f := range r.OutputFiles {
				got := read(t, f)
				if len(got) < 90*4 {
					t.Errorf("%s: only %d bytes", f, len(got))
				}
				if chunk == 90 {
					first = append(first, got)
				} else if got != first[i] {
					t.Errorf("%s: the bytes depend on the chunk size", f)
				}
			}
			if (len(r.OutputFiles) == 2) != (ext == "npy") {
				t.Errorf("%s: files %v", ext, r.OutputFiles)
			}
		}
	}
}

// The index is built once, and decoded once by a worker process, whatever the number of chunks.
func TestDecodesOnce(t *testing.T) {
	points := testPoints(200, 3)
	dir := t.TempDir()
	input := []string{writeFile(t, filepath.Join(dir, "x.npy"), npyOf(points, "<f4", to[float32]))}
	o := Options{K: 4, Destination: output.Destination{Output: filepath.Join(dir, "n.csv"), RunID: "decodes-once"}}
	counts(t, map[string]int64{
		"knn.index_builds": 1, "knn.index_decodes": 1, "knn.rows_answered": 200, "knn.neighbors_found": 800,
		"vectorio.rows_read": 200,
	}, func() metrics.QueryResults {
		r, m, err := run(t, input, nil, vectorio.Options{ChunkRows: 3}, o)
		if err != nil {
			t.Fatal(firstFault(err))
		}
		if r.Decodes != 1 {
			t.Errorf("%d decodes", r.Decodes)
		}
		return m
	})
	if n := indexes.Len(); n != 0 {
		t.Errorf("indexes of %d runs that are over", n)
	}
}

// Where the workers are this process the index is not encoded, and the output is the same.
func TestInProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: Example and TestOf have one each")
	}
	points, queries := testPoints(60, 3), testPoints(75, 3)[60:]
	dir := t.TempDir()
	input := []string{writeFile(t, filepath.Join(dir, "x.csv"), csvOf(points, true, ","))}
	query := []string{writeFile(t, filepath.Join(dir, "q.npy"), npyOf(queries, "<f8", to[float64]))}
	for name, queries := range map[string][]string{"points": nil, "queries": query} {
		o := Options{K: 7, Destination: output.To(filepath.Join(dir, "side.csv"))}
		mustRun(t, input, queries, vectorio.Options{ChunkRows: 4}, o)
		o.Output, o.Workers = filepath.Join(dir, "here.csv"), placement.InProcess
		r := mustRun(t, input, queries, vectorio.Options{ChunkRows: 4}, o)
		if got, want := read(t, o.Output), read(t, filepath.Join(dir, "side.csv")); got != want {
			t.Errorf("%s: the output differs", name)
		}
		if r.Decodes != 0 || r.IndexBytes != 0 {
			t.Errorf("%s: %d decodes of an index of %d bytes", name, r.Decodes, r.IndexBytes)
		}
	}
	if n := indexes.Len(); n != 0 {
		t.Errorf("indexes of %d runs that are over", n)
	}
	o := Options{K: 1, IndexLimit: 100, Workers: placement.InProcess,
		Destination: output.To(filepath.Join(dir, "limit.csv"))}
	if _, _, err := run(t, input, nil, vectorio.Options{}, o); err == nil ||
		!strings.Contains(firstFault(err), "above the limit of 100 bytes") {
		t.Errorf("above the limit: %v", err)
	}
}

func TestQueriesAndRadius(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: Example and TestOf have one each")
	}
	points, queries := testPoints(60, 3), testPoints(75, 3)[60:]
	dir := t.TempDir()
	input := []string{writeFile(t, filepath.Join(dir, "x.csv"), csvOf(points, true, ","))}
	query := []string{writeFile(t, filepath.Join(dir, "q.npy"), npyOf(queries, "<f8", to[float64]))}
	o := Options{K: 60, Destination: output.To(filepath.Join(dir, "n.csv")),
		Neighbors: neighbors.Options{Metric: neighbors.Cosine}}
	mustRun(t, input, query, vectorio.Options{ChunkRows: 4}, o)
	if read(t, o.Output) != want(points, queries, 60, o.Neighbors) {
		t.Error("queries: the output differs")
	}
	// All within the radius are the nearest of all, up to it.
	radius := 3.0
	o = Options{Radius: &radius, Destination: output.To(filepath.Join(dir, "r.csv")),
		Neighbors: neighbors.Options{Metric: neighbors.Euclidean}}
	mustRun(t, input, nil, vectorio.Options{ChunkRows: 4}, o)
	var within strings.Builder
	for line := range strings.Lines(want(points, nil, 59, o.Neighbors)) {
		var q, rank, n int
		var d float64
		if _, err := fmt.Sscanf(line, "%d,%d,%d,%g", &q, &rank, &n, &d); err != nil || d <= radius {
			within.WriteString(line)
		}
	}
	if read(t, o.Output) != within.String() {
		t.Error("radius: the output differs")
	}
}

func TestIDs(t *testing.T) {
	dir := t.TempDir()
	input := []string{writeFile(t, filepath.Join(dir, "x.csv"), []byte("id,x\na,0\n\"b,1\",1\n007,3\n7,7\na,15\n"))}
	reading := vectorio.Options{ChunkRows: 2, Formats: formats.Options{IDColumn: "id"}}
	o := Options{K: 1, Destination: output.To(filepath.Join(dir, "n.csv"))}
	r := mustRun(t, input, nil, reading, o)
	expected := "query_id,rank,neighbor_id,distance\na,1,\"b,1\",1\n\"b,1\",1,a,1\n007,1,\"b,1\",2\n7,1,007,4\na,1,7,8\n"
	if got := read(t, o.Output); got != expected {
		t.Errorf("got %s", got)
	}
	if r.DuplicateIDs != 1 {
		t.Errorf("%d duplicate ids", r.DuplicateIDs)
	}
	o.Output = filepath.Join(dir, "n.npy")
	if _, _, err := run(t, input, nil, reading, o); err == nil ||
		!strings.Contains(firstFault(err), `"b,1"`) && !strings.Contains(firstFault(err), "a") {
		t.Errorf("text ids in .npy: %v", err)
	}
	if m, _ := filepath.Glob(filepath.Join(dir, "*n.*npy*")); len(m) > 0 {
		t.Errorf("a failed run has left %v", m)
	}
}

// A fault names file and row, leaves nothing behind, and is skipped on request, with everything else as if the row had
// not been there but for the numbers.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: Example and TestOf have one each")
	}
	points := testPoints(40, 2)
	points[17][1] = math.NaN()
	points[39][0] = math.Inf(1)
	for name, data := range map[string][]byte{
		"x.npy": npyOf(points, "<f8", to[float64]),
		"x.csv": csvOf(points, false, ","),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			input := []string{writeFile(t, filepath.Join(dir, name), data)}
			o := Options{K: 2, Destination: output.To(filepath.Join(dir, "out", "n.csv"))}
			reading := vectorio.Options{ChunkRows: 9}
			_, _, err := run(t, input, nil, reading, o)
			if err == nil || !strings.HasPrefix(firstFault(err), filepath.Join(dir, name)+": row ") ||
				!strings.Contains(firstFault(err), "finite") {
				t.Fatalf("error %v", err)
			}
			if m, _ := os.ReadDir(filepath.Join(dir, "out")); len(m) > 0 {
				t.Fatalf("a failed run has left %v", m)
			}
			reading.SkipFaults = true
			var r *Report
			counts(t, map[string]int64{"vectorio.rows_rejected": 2}, func() (m metrics.QueryResults) {
				if r, m, err = run(t, input, nil, reading, o); err != nil {
					t.Fatal(firstFault(err))
				}
				return m
			})
			if r.Rejected != 2 || r.Points != 38 || r.Queries != 38 {
				t.Errorf("report %+v", r)
			}
			rejected := read(t, RejectedPath(o.Output))
			if lines := strings.Split(strings.TrimSpace(rejected), "\n"); len(lines) != 2 ||
				!strings.Contains(lines[0], `"row":17,"column":"1"`) || !strings.Contains(lines[1], `"row":39,"column":"0"`) {
				t.Errorf("rejected:\n%s", rejected)
			}
			got := read(t, o.Output)
			if !strings.Contains(got, "\n38,2,") || strings.Contains(got, "\n17,") || strings.Contains(got, ",17,") {
				t.Errorf("output:\n%s", got)
			}
			// A later run without faults leaves no list of rejected rows.
			good := []string{writeFile(t, filepath.Join(dir, "good.npy"), npyOf(points[:17], "<f8", to[float64]))}
			mustRun(t, good, nil, reading, o)
			if _, err := os.Stat(RejectedPath(o.Output)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the rejected rows of an earlier run: %v", err)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	x := writeFile(t, filepath.Join(dir, "x.npy"), npyOf(testPoints(10, 3), "<f4", to[float32]))
	y := writeFile(t, filepath.Join(dir, "y.npy"), npyOf(testPoints(10, 4), "<f4", to[float32]))
	c := writeFile(t, filepath.Join(dir, "x.csv"), csvOf(testPoints(10, 3), true, ","))
	z := writeFile(t, filepath.Join(dir, "x.csv.gz"), gz(csvOf(testPoints(10, 3), true, ",")))
	out := filepath.Join(dir, "n.csv")
	one, negative := 1.0, -1.0
	for name, c := range map[string]struct {
		input, queries []string
		o              Options
		want           []string
	}{
		"k of all points": {[]string{x}, nil, Options{K: 10, Destination: output.To(out)},
			[]string{"k = 10: must be less than the number of points, 10"}},
		"k of all, text": {[]string{c}, nil, Options{K: 10, Destination: output.To(out)},
			[]string{"k = 10: must be less than the number of points, 10"}},
		"k of all, unknown": {[]string{z}, nil, Options{K: 10, Destination: output.To(out)},
			[]string{"k = 10: must be less than the number of points, 10"}},
		"k beyond": {[]string{x}, []string{x}, Options{K: 11, Destination: output.To(out)},
			[]string{"k = 11: must be at most the number of points, 10"}},
		"dimensions": {[]string{x}, []string{y}, Options{K: 1, Destination: output.To(out)},
			[]string{"the queries have 4 columns", "the points have 3"}},
		"dimensions of files": {[]string{x, y}, nil, Options{K: 1, Destination: output.To(out)},
			[]string{"y.npy", "found 4 columns, expected 3 columns, as in"}},
		"nothing": {[]string{x}, nil, Options{},
			[]string{"one of k and radius is needed", "an output is needed"}},
		"negative": {[]string{x}, nil, Options{Radius: &negative, Destination: output.To(out)},
			[]string{"radius -1: no euclidean distance is below 0"}},
		"radius as npy": {[]string{x}, nil, Options{Radius: &one, Destination: output.To(dir + "/n.npy")}, []string{"npy"}},
		"limit": {[]string{x}, nil, Options{K: 1, IndexLimit: 100, Destination: output.To(out)},
			[]string{"10 points × 3 columns takes at least 120 bytes, above the limit of 100 bytes", "raise --index_limit"}},
		"limit, unknown": {[]string{z}, nil, Options{K: 1, IndexLimit: 100, Destination: output.To(out)},
			[]string{"10 points × 3 columns takes at least 120 bytes"}},
		"several": {[]string{x}, nil, Options{K: -1, Destination: output.Destination{NumShards: -1, Output: "n.xyz"},
			Threads:   -1,
			Neighbors: neighbors.Options{Metric: "l3"}},
			[]string{"k = -1", "number of shards -1", "threads -1", ".xyz", `metric "l3"`}},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := run(t, c.input, c.queries, vectorio.Options{}, c.o)
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range c.want {
				if !strings.Contains(firstFault(err), w) {
					t.Errorf("error %q lacks %q", firstFault(err), w)
				}
			}
			if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("an output: %v", err)
			}
		})
	}
}

// Any store of Beam's will do.
func TestMemfs(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: Example and TestOf have one each")
	}
	points := testPoints(30, 2)
	memfs.Write("memfs://knn/x.npy", npyOf(points, "<f4", to[float32]))
	memfs.Write("memfs://knn/y.csv", csvOf(points, true, ","))
	o := Options{K: 2, Destination: output.To("memfs://knn/out/n.csv")}
	for _, in := range []string{"memfs://knn/x.npy", "memfs://knn/y.csv"} {
		mustRun(t, []string{in}, nil, vectorio.Options{ChunkRows: 7}, o)
		if read(t, o.Output) != want(points, nil, 2, neighbors.Options{}) {
			t.Errorf("%s: the output differs", in)
		}
		left, err := files.List(context.Background(), []string{"memfs://knn/out/*", "memfs://knn/out/.*/*"})
		if err == nil {
			t.Errorf("left behind: %v", left)
		}
	}
}

func TestCoders(t *testing.T) {
	p := IndexPiece{Number: 3, Last: true, Data: []byte("abc")}
	b := encodeIndexPiece(p)
	if got, err := decodeIndexPiece(b); err != nil || got.Number != 3 || !got.Last || string(got.Data) != "abc" {
		t.Errorf("%+v, %v", got, err)
	}
	for i := range b {
		damaged := bytes.Clone(b)
		damaged[i] ^= 4
		if got, err := decodeIndexPiece(damaged); err == nil && i >= 4 {
			t.Errorf("byte %d damaged: decoded as %+v", i, got)
		}
	}
}

func FuzzDecodeIndexPiece(f *testing.F) {
	f.Add(encodeIndexPiece(IndexPiece{Data: []byte("abc")}))
	f.Add(encodeIndexPiece(IndexPiece{Number: 1, Last: true}))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := decodeIndexPiece(b)
		if err == nil && !bytes.Equal(encodeIndexPiece(p), b) {
			t.Errorf("%x decodes to %+v, which is encoded otherwise", b, p)
		}
	})
}

func TestDecodeIndex(t *testing.T) {
	block, err := vectors.FromFloat32([]float32{1, 2, 3, 4}, 2)
	if err != nil {
		t.Fatal(err)
	}
	x, err := neighbors.Fit(block, neighbors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var data bytes.Buffer
	if _, err := x.WriteCompact(&data, nil); err != nil {
		t.Fatal(err)
	}
	all := data.Bytes()
	iter := func(pieces ...IndexPiece) func(*IndexPiece) bool {
		return func(p *IndexPiece) bool {
			if len(pieces) == 0 {
				return false
			}
			*p, pieces = pieces[0], pieces[1:]
			return true
		}
	}
	a, b, c := IndexPiece{Data: all[:10]}, IndexPiece{Number: 1, Data: all[10:20]},
		IndexPiece{Number: 2, Last: true, Data: all[20:]}
	if x, err := decodeIndex(iter(c, a, b)); err != nil || x.Len() != 2 {
		t.Errorf("in any order: %v", err)
	}
	damaged := slices.Clone(all)
	damaged[len(damaged)-2*64+4] ^= 1 // a value of the points, before the order of the tree
	if _, err := decodeIndex(iter(IndexPiece{Last: true, Data: damaged})); err == nil ||
		!strings.Contains(err.Error(), "checksum") {
		t.Errorf("a damaged value: error %v", err)
	}
	for name, pieces := range map[string][]IndexPiece{
		"none": nil, "no last": {a, b}, "a gap": {a, c}, "one that is too far": {a, b, c, {Number: 1 << 20}},
		"beyond the last": {a, b, c, {Number: 3}},
	} {
		if _, err := decodeIndex(iter(pieces...)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
