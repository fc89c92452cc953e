package knn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/metrics"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/memfs"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	"beamlearn/model/formats"
	"beamlearn/model/neighbors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// mustBuild builds an index that is kept.
func mustBuild(t *testing.T, input []string, reading vectorio.Options, o Options) *Report {
	t.Helper()
	r, err := buildKept(t, input, reading, o)
	if err != nil {
		t.Fatal(firstFault(err))
	}
	return r
}

func buildKept(t *testing.T, input []string, reading vectorio.Options, o Options) (*Report, error) {
	t.Helper()
	ctx := context.Background()
	job := &IndexJob{Reading: reading, Options: o}
	var err error
	if job.Corpus, err = vectorio.Inspect(ctx, input, reading); err != nil {
		return nil, err
	}
	job.Options.EnsureDefaults()
	if err := job.Check(); err != nil {
		return nil, err
	}
	p, s := beam.NewPipelineWithRoot()
	if err := BuildIndex(s, job); err != nil {
		t.Fatal(err)
	}
	var r *Report
	if err = ptest.Run(p); err == nil {
		r, err = PublishIndex(ctx, &job.Options)
	}
	if e := Clean(ctx, &job.Options); e != nil {
		t.Fatal(e)
	}
	return r, err
}

// runPrebuilt searches an index of an earlier run.
func runPrebuilt(t *testing.T, index string, queries []string, reading vectorio.Options, o Options) (*Report, error) {
	t.Helper()
	ctx := context.Background()
	job := &Job{Reading: reading, Options: o}
	var err error
	if job.Index, err = Inspect(ctx, index); err != nil {
		return nil, err
	}
	if queries != nil {
		if err = job.InspectQueries(ctx, queries); err != nil {
			return nil, err
		}
	}
	job.Options.Neighbors = job.Index.Options
	job.Options.EnsureDefaults()
	if err := job.Check(); err != nil {
		return nil, err
	}
	p, s := beam.NewPipelineWithRoot()
	if err := KNeighbors(s, job); err != nil {
		t.Fatal(err)
	}
	var r *Report
	if err = ptest.Run(p); err == nil {
		r, err = ReadReport(ctx, &job.Options)
	}
	if e := Clean(ctx, &job.Options); e != nil {
		t.Fatal(e)
	}
	return r, err
}

// nothingBut fails where a directory, hidden files and directories included, has other entries.
func nothingBut(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if fmt.Sprint(got) != fmt.Sprint(names) {
		t.Errorf("%s: %v, want %v", dir, got, names)
	}
}

// Every way of the index to the workers gives the same bytes: for the points and for other queries, k and a radius,
// every format of the output, ids, values that need a float64 in some rows, faults that are skipped, and every
// engine.
//
// The first two cases are compared in every way, and the others in every third, by turns; in brief, in two. What is
// built before is asked in every second.
func TestStrategies(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: Example and TestOf have one each")
	}
	dir := t.TempDir()
	points := testPoints(203, 5)
	points[120][3] = 0.1 // needs a float64
	input := []string{
		writeFile(t, filepath.Join(dir, "a.csv"), labelledCSV(points[:90], 0)),
		writeFile(t, filepath.Join(dir, "b.csv"), labelledCSV(points[90:], 90)),
	}
	queries := []string{writeFile(t, filepath.Join(dir, "q.csv"), labelledCSV(testPoints(31, 5), 1000))}
	radius, none := 3.0, -1.0
	for turn, c := range []struct {
		name    string
		o       neighbors.Options
		k       int
		radius  *float64
		queries []string
		output  string
		ids     bool
	}{
		{name: "self", k: 5, output: "n.csv"},
		{name: "self, ids", k: 3, output: "n.jsonl", ids: true},
		{name: "self, npy", k: 14, output: "n.npy"},
		{name: "self, radius", radius: &radius, output: "n.parquet", ids: true},
		{name: "queries", k: 202, queries: queries, output: "n.npy"},
		{name: "queries, ids", k: 2, queries: queries, output: "n.csv", ids: true,
			o: neighbors.Options{Metric: neighbors.Cosine}},
		{name: "queries, radius", radius: &radius, queries: queries, output: "n.jsonl"},
		{name: "products", radius: &none, output: "n.csv", o: neighbors.Options{Metric: neighbors.InnerProduct}},
		{name: "manhattan, brute", k: 7, output: "n.csv",
			o: neighbors.Options{Metric: neighbors.Manhattan, Algorithm: neighbors.Brute}},
		{name: "euclidean, brute", k: 20, output: "n.csv", o: neighbors.Options{Algorithm: neighbors.Brute}},
		{name: "minkowski", k: 4, output: "n.csv", o: neighbors.Options{Metric: neighbors.Minkowski, P: 3}},
		{name: "minkowski, kd_tree", k: 4, output: "n.csv",
			o: neighbors.Options{Metric: neighbors.Minkowski, P: 3, Algorithm: neighbors.KDTree}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := t.TempDir()
			reading := vectorio.Options{ChunkRows: 16, SkipFaults: true, Formats: formats.Options{Columns: []string{"x*"}}}
			if c.ids {
				reading.Formats.IDColumn = "id"
			}
			base := Options{Neighbors: c.o, K: c.k, Radius: c.radius, Destination: output.Destination{NumShards: 1}}
			contents := func(dir string) string {
				s := ""
				m, err := filepath.Glob(filepath.Join(dir, "n.*"))
				if err != nil || len(m) == 0 {
					t.Fatal(m, err)
				}
				for _, f := range m {
					s += "\n" + filepath.Base(f) + "\n" + read(t, f)
				}
				return s
			}
			expected := ""
			for i, way := range []struct {
				name   string
				change func(*Options)
				shards int
			}{
				{"side input", func(o *Options) { o.Broadcast = SideInput }, 0},
				{"in process", func(o *Options) { o.Workers = placement.InProcess }, 0},
				{"file", func(o *Options) { o.Broadcast = File }, 0},
				{"file, in process", func(o *Options) { o.Broadcast, o.Workers = File, placement.InProcess }, 0},
				{"file, elsewhere", func(o *Options) { o.Broadcast, o.Staging = File, filepath.Join(out, "staging") }, 0},
				{"shards", func(o *Options) { o.Broadcast, o.IndexMemory = Shards, 6000 }, 4},
				{"shards by memory, in process", func(o *Options) { o.IndexMemory, o.Workers = 6000, placement.InProcess }, 4},
				{"one shard", func(o *Options) { o.Broadcast, o.IndexMemory = Shards, 1<<20 }, 1},
			} {
				if i > 0 && (brief() && i != 1+turn%7 || turn > 1 && (i+turn)%3 > 0) {
					continue
				}
				o := base
				way.change(&o)
				o.Output = filepath.Join(out, fmt.Sprint(i), c.output)
				r := mustRun(t, input, c.queries, reading, o)
				if r.Points != 202 || r.Shards < way.shards {
					t.Errorf("%s: report %+v", way.name, r)
				}
				got := contents(filepath.Dir(o.Output))
				if i == 0 {
					expected = got
				} else if got != expected {
					t.Errorf("%s: the output differs: %s", way.name, firstDifference(got, expected))
				}
				if left, err := filepath.Glob(filepath.Join(filepath.Dir(o.Output), ".*")); err != nil || len(left) > 0 {
					t.Errorf("%s: left behind: %v, %v", way.name, left, err)
				}
				if o.Staging != "" {
					nothingBut(t, o.Staging)
				}
			}
			if brief() && turn%3 > 0 || turn > 1 && turn%2 > 0 {
				return
			}
			kept := filepath.Join(out, "kept", "x.index")
			mustBuild(t, input, reading, Options{Neighbors: c.o, Index: kept})
			nothingBut(t, filepath.Dir(kept), "x.index", "x.index.rejected.jsonl")
			o := base
			o.Output = filepath.Join(out, "prebuilt", c.output)
			r, err := runPrebuilt(t, kept, c.queries, reading, o)
			if err != nil {
				t.Fatal(firstFault(err))
			}
			// The faulty row was told of when the index was built.
			if c.queries == nil && r.Queries != 202 || r.Points != 202 || r.Rejected != 0 {
				t.Errorf("prebuilt: report %+v", r)
			}
			if got := contents(filepath.Dir(o.Output)); got != withoutRejected(expected) {
				t.Errorf("prebuilt: the output differs: %s", firstDifference(got, expected))
			}
		})
	}
}

// firstDifference shows the first line in which two texts differ.
func firstDifference(got, want string) string {
	w := strings.Split(want, "\n")
	for i, line := range strings.Split(got, "\n") {
		if i >= len(w) || line != w[i] {
			return fmt.Sprintf("line %d: %.80q, want %.80q", i, line, w[min(i, len(w)-1)])
		}
	}
	return "it is shorter"
}

// withoutRejected drops the list of rejected rows, which comes last.
func withoutRejected(s string) string {
	if i := strings.Index(s, ".rejected.jsonl\n"); i >= 0 {
		return s[:strings.LastIndexByte(s[:i], '\n')]
	}
	return s
}

// labelledCSV has ids, of which some are texts, and a faulty row if it has row number 57.
func labelledCSV(x [][]float64, first int) []byte {
	var b strings.Builder
	b.WriteString("id,x0,x1,x2,x3,x4\n")
	for i, row := range x {
		id := fmt.Sprint(7 * (first + i))
		if (first+i)%3 == 0 {
			id = "row " + id
		}
		b.WriteString(id)
		for j, v := range row {
			if first+i == 57 && j == 2 {
				b.WriteString(",?")
				continue
			}
			fmt.Fprintf(&b, ",%v", v)
		}
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

// Auto is by the size, and by what the user asks for.
func TestAuto(t *testing.T) {
	job := func(rows int64, o Options) *Job {
		j := &Job{Corpus: &vectorio.Dataset{Dim: 64, Rows: rows, RowsAbout: rows}, Options: o}
		j.Options.EnsureDefaults()
		return j
	}
	for _, c := range []struct {
		j    *Job
		want broadcast
	}{
		{job(1000, Options{}), sideInput{}},
		{job(1_000_000, Options{}), inFile{}},
		{job(-1, Options{}), inFile{}},
		{job(1_000_000, Options{Workers: placement.InProcess}), inProcess{}},
		{job(1_000_000, Options{Workers: placement.InProcess, Broadcast: File}), inFile{}},
		{job(1_000_000, Options{Broadcast: SideInput}), sideInput{}},
		{job(1_000_000, Options{IndexMemory: 200 << 20}), inShards{}},
		{job(1_000_000, Options{IndexMemory: 200 << 20, Workers: placement.InProcess}), inShards{}},
		{job(100_000, Options{IndexMemory: 200 << 20, Workers: placement.InProcess}), inProcess{}},
		{job(1000, Options{IndexMemory: 1 << 30, Broadcast: Shards}), inShards{}},
	} {
		if got := c.j.broadcast(); got != c.want {
			t.Errorf("%d rows, %+v: %T, want %T", c.j.Corpus.Rows, c.j.Options, got, c.want)
		}
	}
}

func TestStrategyFaults(t *testing.T) {
	dir := t.TempDir()
	x := writeFile(t, filepath.Join(dir, "x.npy"), npyOf(testPoints(10, 3), "<f4", to[float32]))
	out := filepath.Join(dir, "out", "n.csv")
	for name, c := range map[string]struct {
		o    Options
		want string
	}{
		"unknown":   {Options{K: 1, Broadcast: "index"}, `broadcast "index": must be one of auto, side_input, file, shards`},
		"no memory": {Options{K: 1, Broadcast: Shards}, "shards need an index memory: --index_memory=200MB"},
		"two ways": {Options{K: 1, Broadcast: File, IndexMemory: 1 << 20},
			"index memory is the size of shards, which broadcast file has not"},
		"no point": {Options{K: 1, Broadcast: Shards, IndexMemory: 10},
			"index memory 10 bytes: a point of 3 columns takes more"},
		"k": {Options{K: 10, Broadcast: Shards, IndexMemory: 500},
			"k = 10: must be less than the number of points, 10"},
		"limit":      {Options{K: 1, Broadcast: File, IndexLimit: 100}, "above the limit of 100 bytes"},
		"no staging": {Options{K: 1, Broadcast: File, Staging: filepath.Join(x, "below")}, "not a directory"},
	} {
		c.o.Output = out
		_, _, err := run(t, []string{x}, nil, vectorio.Options{}, c.o)
		if err == nil || !strings.Contains(firstFault(err), c.want) {
			t.Errorf("%s: error %v, want %s", name, err, c.want)
		}
		if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: an output: %v", name, err)
		}
	}
}

// An index that is stale, cut, foreign or of another form is one line that names it and says what to do.
func TestPrebuiltFaults(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	x := writeFile(t, filepath.Join(dir, "x.npy"), npyOf(testPoints(300, 3), "<f4", to[float32]))
	y := writeFile(t, filepath.Join(dir, "y.npy"), npyOf(testPoints(300, 4), "<f4", to[float32]))
	index := filepath.Join(dir, "x.index")
	mustBuild(t, []string{x}, vectorio.Options{},
		Options{Index: index, Neighbors: neighbors.Options{Algorithm: neighbors.Brute}})
	good, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	put := func(b []byte) string { return writeFile(t, filepath.Join(dir, "bad.index"), b) }
	flip := func(at int) []byte {
		b := []byte(string(good))
		b[at] ^= 1
		return b
	}
	o := Options{K: 2, Destination: output.To(filepath.Join(dir, "out", "n.csv"))}
	for name, c := range map[string]struct {
		b       []byte
		queries []string
		o       Options
		want    string
	}{
		"foreign":    {[]byte("\x93NUMPY"), nil, o, "expected an index, as the command index writes them"},
		"empty":      {nil, nil, o, `found an empty file`},
		"cut":        {good[:len(good)/2], nil, o, "it has been cut, or written to"},
		"version":    {flip(8), nil, o, "found an index of version 0, expected version 1: build it anew"},
		"header":     {flip(40), nil, o, "the checksum of its header"},
		"values":     {flip(len(good) - 200), nil, o, "the checksum of section"},
		"dimensions": {good, []string{y}, o, "the queries have 4 columns"},
		"k": {good, nil, Options{K: 300, Destination: output.To(o.Output)},
			"k = 300: must be less than the number of points, 300"},
		"broadcast": {good, nil, Options{K: 2, Destination: output.To(o.Output), Broadcast: SideInput},
			"an index of an earlier run is a file"},
	} {
		_, err := runPrebuilt(t, put(c.b), c.queries, vectorio.Options{}, c.o)
		if err == nil || !strings.Contains(firstFault(err), c.want) || strings.Contains(firstFault(err), "\n") {
			t.Errorf("%s: error %v, want %s", name, err, c.want)
		}
		if _, err := os.Stat(o.Output); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: an output: %v", name, err)
		}
	}
	if _, err := Inspect(ctx, filepath.Join(dir, "none.index")); err == nil ||
		!strings.Contains(err.Error(), "none.index: found no file of that name") {
		t.Errorf("error %v", err)
	}

	p, err := Inspect(ctx, index)
	if err != nil {
		t.Fatal(err)
	}
	check := func(input string, reading vectorio.Options) error {
		reading.EnsureDefaults()
		d, err := vectorio.Inspect(ctx, []string{input}, reading)
		if err != nil {
			t.Fatal(err)
		}
		return p.Check("x.index", d, reading)
	}
	if err := check(x, vectorio.Options{}); err != nil {
		t.Errorf("of the same input: %v", err)
	}
	later := time.Now().Add(time.Hour)
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"other file":    {check(y, vectorio.Options{}), "x.index: found an index of " + x + ", not of " + y},
		"other options": {check(x, vectorio.Options{SkipFaults: true}), "read with other --on_error"},
		"other columns": {check(x, vectorio.Options{Formats: formats.Options{Columns: []string{"0"}}}),
			"read with no --columns, expected the same flags here, or an index that is built anew"},
		"written to": {errors.Join(os.Chtimes(x, later, later), check(x, vectorio.Options{})),
			"as it was before it was written to, expected an index of the input as it is: build it anew"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: error %v, want %s", name, c.err, c.want)
		}
	}
}

// What is on no file system of the host is fetched once, and removed with its run; an index that is kept stays for
// later.
func TestFetched(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: Example and TestOf have one each")
	}
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	points := testPoints(60, 3)
	memfs.Write("memfs://fetched/x.npy", npyOf(points, "<f4", to[float32]))
	expected := want(points, nil, 2, neighbors.Options{})
	fetched := func() []string {
		m, err := filepath.Glob(filepath.Join(cacheDir(), "*"))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, o := range []Options{{Broadcast: File}, {Broadcast: Shards, IndexMemory: 1000}} {
		o.K, o.Output = 2, "memfs://fetched/out/n.csv"
		mustRun(t, []string{"memfs://fetched/x.npy"}, nil, vectorio.Options{ChunkRows: 7}, o)
		if read(t, o.Output) != expected {
			t.Errorf("%s: the output differs", o.Broadcast)
		}
		if left, err := files.List(context.Background(), []string{"memfs://fetched/out/.*/*"}); err == nil ||
			len(fetched()) > 0 {
			t.Errorf("%s: left behind: %v, %v", o.Broadcast, left, fetched())
		}
	}
	mustBuild(t, []string{"memfs://fetched/x.npy"}, vectorio.Options{}, Options{Index: "memfs://fetched/x.index"})
	for range 2 {
		o := Options{K: 2, Destination: output.To("memfs://fetched/out/n.csv")}
		if _, err := runPrebuilt(t, "memfs://fetched/x.index", nil, vectorio.Options{ChunkRows: 7}, o); err != nil {
			t.Fatal(firstFault(err))
		}
		if read(t, o.Output) != expected {
			t.Error("prebuilt: the output differs")
		}
	}
	all := fetched()
	if len(all) != 2 || !strings.HasPrefix(filepath.Base(all[0]), "kept-") || all[1] != all[0]+".lock" {
		t.Errorf("fetched: %v", all)
	}
	if err := sweep(cacheDir(), time.Now().Add(time.Hour)); err != nil || len(fetched()) > 0 {
		t.Errorf("swept: %v, %v", fetched(), err)
	}
}

// Of a run whose index cannot be read nothing is left, and counters count.
func TestStrategyCounters(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: Example and TestOf have one each")
	}
	dir := t.TempDir()
	x := writeFile(t, filepath.Join(dir, "x.npy"), npyOf(testPoints(40, 3), "<f4", to[float32]))
	for way, want := range map[string]map[string]int64{
		File:   {"knn.index_builds": 1, "knn.index_decodes": 1, "knn.rows_answered": 40},
		Shards: {"knn.index_builds": 4, "knn.rows_answered": 40},
	} {
		o := Options{K: 2, Broadcast: way, Destination: output.To(filepath.Join(dir, "n.csv"))}
		if way == Shards {
			o.IndexMemory = 10 * neighbors.Footprint(3, true, o.Neighbors)
		}
		counts(t, want, func() metrics.QueryResults {
			_, m, err := run(t, []string{x}, nil, vectorio.Options{Formats: formats.Options{DType: 2}}, o)
			if err != nil {
				t.Fatal(firstFault(err))
			}
			return m
		})
	}
}

func TestQueryCoder(t *testing.T) {
	q := Query{Chunk: vectorio.Chunk{Ordinal: 3, Total: math.MaxInt64},
		Index: IndexFile{"/a/b", neighbors.Stamp{Size: 7, CRC: 8}}}
	b, err := encodeQuery(q)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodeQuery(b); err != nil || got.Index != q.Index || got.Chunk.Total != q.Chunk.Total {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := decodeQuery(b[:len(b)-1]); err == nil {
		t.Error("half a query is decoded")
	}
}
