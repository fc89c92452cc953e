package output

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	"beamlearn/model/fault"
	"beamlearn/model/results"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/files/gcstest"
	"beamlearn/transforms/internal/beamtest"
)

func TestMain(m *testing.M) { beamtest.Main(m) }

func init() {
	beam.RegisterDoFn(&taskFn{})
}

const totalRows = 50

// taskFn writes a table of the numbers of the rows. It rejects those that end in 7, and reports its ordinal.
type taskFn struct {
	Output Options
	Rows   int // of a task
	Fail   int // the task that fails
}

func (f *taskFn) ProcessElement(ctx context.Context, ordinal int, emit func(Part)) error {
	parts, err := Run(ctx, &f.Output, int64(ordinal), totalRows, func(ctx context.Context, t *Task) error {
		for from := ordinal * f.Rows; from < min((ordinal+1)*f.Rows, totalRows); from += 5 { // block by block
			var numbers []int64
			var values []float64
			for i := from; i < min(from+5, (ordinal+1)*f.Rows, totalRows); i++ {
				if i%10 == 7 {
					t.Reject(&fault.Fault{File: "x.csv", Row: int64(i), Found: "a seven"})
					continue
				}
				numbers = append(numbers, int64(i))
				values = append(values, float64(i)/2)
			}
			err := t.Write(numbers, func(p results.PartWriter, from, to int) error {
				id := func(i int) vectors.ID { return vectors.ID{Int: numbers[i]} }
				return p.WriteTable(&results.Table{ID: id, Values: values, From: from, To: to})
			})
			if err != nil {
				return err
			}
		}
		if ordinal == f.Fail {
			return fault.File("x.csv", "", "a task that fails")
		}
		return nil
	})
	if err != nil {
		return fault.Mark(err)
	}
	report, err := Report(int64(ordinal), ordinal)
	for _, p := range append(parts, report) {
		emit(p)
	}
	return err
}

// publish runs a pipeline of tasks of so many rows, in another order than that of their numbers, and returns the
// reports.
func publish(t *testing.T, o Options, rows, fail int) (reports []int, s *Summary, err error) {
	t.Helper()
	Begin(o.RunID)
	var ordinals []int
	for i := range (totalRows + rows - 1) / rows {
		ordinals = append([]int{i}, ordinals...)
	}
	p, scope := beam.NewPipelineWithRoot()
	tasks := beam.Reshuffle(scope, beam.CreateList(scope, ordinals))
	Publish(scope, beam.ParDo(scope, &taskFn{Output: o, Rows: rows, Fail: fail}, tasks), o)
	ctx := context.Background()
	if err = ptest.Run(p); err == nil {
		s, err = ReadReports(ctx, &o, func(b []byte) error {
			var n int
			reports = append(reports, 0)
			if err := json.Unmarshal(b, &n); err != nil {
				return err
			}
			reports[len(reports)-1] = n
			return nil
		})
	}
	if e := Clean(ctx, &o); e != nil {
		t.Fatal(e)
	}
	return reports, s, err
}

func read1(t *testing.T, name string) string {
	t.Helper()
	var b []byte
	err := read(context.Background(), name, func(r io.Reader) (err error) {
		b, err = io.ReadAll(r)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var layout = results.Layout{Columns: []results.Column{{Name: "half", Type: results.Float}}}

// want is the output, from one row to another.
func want(from, to int) string {
	var b strings.Builder
	b.WriteString("id,half\n")
	for i := from; i < to; i++ {
		if i%10 != 7 {
			fmt.Fprintf(&b, "%d,%v\n", i, float64(i)/2)
		}
	}
	return b.String()
}

// However the rows are cut into tasks, the shards are the same, the rejected rows and the reports are in order, and
// nothing else is left, in any store.
func TestPublish(t *testing.T) {
	for _, dir := range []string{t.TempDir(), "memfs://output"} {
		for _, shards := range []int{1, 3} {
			for _, rows := range []int{50, 8, 1} {
				o := Options{Path: dir + "/out/n.csv", Layout: layout, NumShards: shards,
					RunID: fmt.Sprintf("publish-%d-%d", shards, rows)}
				reports, s, err := publish(t, o, rows, -1)
				if err != nil {
					t.Fatal(err)
				}
				if len(reports) != (totalRows+rows-1)/rows || !slices.IsSorted(reports) {
					t.Errorf("reports %v", reports)
				}
				if len(s.OutputFiles) != shards {
					t.Fatalf("files %v", s.OutputFiles)
				}
				for i, name := range s.OutputFiles {
					// Shard i begins at ⌈i·50/shards⌉.
					if got, want := read1(t, name),
						want((i*totalRows+shards-1)/shards, ((i+1)*totalRows+shards-1)/shards); got != want {
						t.Errorf("%s: got\n%swant\n%s", name, got, want)
					}
				}
				rejected := ""
				for i := 7; i < totalRows; i += 10 {
					rejected += fmt.Sprintf(`{"file":"x.csv","row":%d,"reason":"found a seven"}`+"\n", i)
				}
				if got := read1(t, s.RejectedFiles[0]); got != rejected {
					t.Errorf("rejected %s", got)
				}
			}
		}
		if left := listed(t, dir+"/out/*", dir+"/out/.*/*"); len(left) != 5 { // 1 + 3 shards, the rejected rows
			t.Errorf("left behind: %v", left)
		}
	}
}

// listed is what matches any of some patterns, of which each may match nothing.
func listed(t *testing.T, patterns ...string) (names []string) {
	t.Helper()
	for _, p := range patterns {
		infos, err := files.List(context.Background(), []string{p})
		if err != nil && !strings.Contains(err.Error(), ": found no file that matches") {
			t.Fatal(err)
		}
		for _, info := range infos {
			if !slices.Contains(names, info.Name) {
				names = append(names, info.Name)
			}
		}
	}
	return names
}

// Without a path there are reports only, and the scratch directory is empty in the end.
func TestReportsOnly(t *testing.T) {
	o := Options{Scratch: t.TempDir(), Layout: layout, NumShards: 1, RunID: "reports-only"}
	reports, s, err := publish(t, o, 10, -1)
	if err != nil || !slices.Equal(reports, []int{0, 1, 2, 3, 4}) || s.OutputFiles != nil || s.RejectedFiles != nil {
		t.Errorf("reports %v, summary %+v: %v", reports, s, err)
	}
	if left, err := os.ReadDir(o.Scratch); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A run that fails leaves what an earlier one has written, and no more; one that does not replaces it.
func TestFailure(t *testing.T) {
	dir := t.TempDir()
	o := Options{Path: filepath.Join(dir, "n.csv"), Layout: layout, NumShards: 1, RunID: "failure"}
	for _, name := range []string{o.Path, RejectedPath(o.Path)} {
		if err := os.WriteFile(name, []byte("earlier"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := publish(t, o, 10, 3)
	if err == nil || fault.Find(err.Error()) == nil || fault.Find(err.Error())[0] != "x.csv: found a task that fails" {
		t.Errorf("error %v", err)
	}
	if got := read1(t, o.Path) + read1(t, RejectedPath(o.Path)); got != "earlierearlier" {
		t.Errorf("found %s", got)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if _, _, err := publish(t, o, 10, -1); err != nil || read1(t, o.Path) != want(0, totalRows) ||
		!strings.HasPrefix(read1(t, RejectedPath(o.Path)), `{"file"`) {
		t.Errorf("the rerun: %v", err)
	}
}

// An attempt at a task that goes on after another has been made cannot spoil what that has finished, however it ends.
func TestZombie(t *testing.T) {
	ctx := context.Background()
	for _, dir := range []string{t.TempDir(), "gs://" + gcstest.Bucket} {
		if dir[0] != '/' {
			gcstest.Start(t, nil)
		}
		o := Options{Path: dir + "/n.csv", Layout: layout, NumShards: 1, RunID: "zombie"}
		Begin(o.RunID)
		attempt := func(before func(row int) error) (parts []Part, err error) {
			return Run(ctx, &o, 0, 4, func(ctx context.Context, task *Task) error {
				task.Reject(&fault.Fault{File: "x.csv", Row: 9})
				for i := range 4 {
					if err := before(i); err != nil {
						return err
					}
					err := task.Write([]int64{int64(i)}, func(p results.PartWriter, from, to int) error {
						return p.WriteTable(&results.Table{ID: func(int) vectors.ID { return vectors.ID{Int: int64(i)} },
							Values: []float64{1}, From: from, To: to})
					})
					if err != nil {
						return err
					}
				}
				return nil
			})
		}
		undisturbed := func(int) error { return nil }
		content := func(parts []Part) (all string) {
			for _, p := range parts {
				all += read1(t, p.Paths[0])
			}
			return all
		}
		for _, at := range []int{0, 2} { // where the other attempt overtakes this one
			for _, end := range []error{errors.New("killed"), nil} {
				var parts []Part
				_, err := attempt(func(row int) (err error) {
					if row == at {
						parts, err = attempt(undisturbed)
					}
					if row == 2 && err == nil {
						err = end
					}
					return err
				})
				if err != end && (err == nil || end == nil || err.Error() != end.Error()) {
					t.Errorf("error %v, want %v", err, end)
				}
				const want = "0,1\n1,1\n2,1\n3,1\n" + `{"file":"x.csv","row":9,"reason":"found "}` + "\n"
				if got := content(parts); got != want {
					t.Errorf("overtaken at row %d, %v: found %q", at, end, got)
				}
			}
		}
		if left := listed(t, o.Staging()+"/*", o.Staging()+"/.*"); len(left) != 2 {
			t.Errorf("left behind: %v", left)
		}
		if err := Clean(ctx, &o); err != nil {
			t.Error(err)
		}
	}
}

// Of two jobs that write to the same output at once, all files are of one of them in the end, and one that says that it
// has succeeded has put all of its own there.
func TestTwoJobs(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this makes many jobs")
	}
	ctx := context.Background()
	const jobs = 3
	for _, dir := range []string{t.TempDir(), "gs://" + gcstest.Bucket} {
		shards, rounds := 50, 8
		if brief() {
			rounds = 3
		}
		if dir[0] != '/' {
			gcstest.Start(t, nil)
			shards, rounds = 8, 3
		}
		for round := range rounds {
			path := fmt.Sprintf("%s/%d/n.csv", dir, round)
			var wg sync.WaitGroup
			start := make(chan struct{})
			errs := make([]error, jobs)
			for job := range jobs {
				f := publishFn{Options{Path: path, Layout: layout, NumShards: shards, RunID: fmt.Sprintf("job-%d-%d", round, job)}}
				Begin(f.Options.RunID)
				var parts []Part
				for i := range shards {
					p := Part{Shard: i, Report: json.RawMessage("0")}
					made, err := f.Options.write(ctx, f.Options.staged("shard-%d", i), func(w io.Writer) error {
						_, err := fmt.Fprint(w, job)
						return err
					})
					if err != nil {
						t.Fatal(err)
					}
					p.Made = []files.Info{made}
					parts = append(parts, p)
				}
				wg.Go(func() {
					<-start
					next := func(p *Part) bool {
						if len(parts) == 0 {
							return false
						}
						*p, parts = parts[0], parts[1:]
						return true
					}
					errs[job] = f.publish(ctx, next)
				})
			}
			close(start)
			wg.Wait()
			found := ""
			for i := range shards {
				found += read1(t, results.ShardName(path, i, shards))
			}
			if found != strings.Repeat(found[:1], shards) {
				t.Errorf("%s: a mixture: %s", path, found)
			}
			if errs[found[0]-'0'] != nil {
				t.Errorf("%s: the job whose files these are: %v", path, errs[found[0]-'0'])
			}
			all := listed(t, fmt.Sprintf("%s/%d/*", dir, round), fmt.Sprintf("%s/%d/.*.lock", dir, round))
			if len(all) != shards {
				t.Errorf("left behind: %v", all)
			}
		}
	}
}

// For a run that is over nothing is created, nor loaded.
func TestOver(t *testing.T) {
	ctx := context.Background()
	o := Options{Path: filepath.Join(t.TempDir(), "n.csv"), NumShards: 1, Layout: layout, RunID: "over"}
	shared := NewShared[int]()
	loads := 0
	get := func() (int, bool, error) {
		return shared.Get(o.RunID, func() (int, error) {
			loads++
			return loads, nil
		})
	}
	create := func() error {
		f, err := Create(ctx, o.RunID, o.staged("f"))
		if err != nil {
			return err
		}
		return f.Close()
	}
	for run := 1; run <= 2; run++ {
		Begin(o.RunID)
		if v, made, err := get(); v != run || !made || err != nil {
			t.Errorf("run %d: %d, %v, %v", run, v, made, err)
		}
		if v, made, err := get(); v != run || made || err != nil || shared.Len() != 1 {
			t.Errorf("run %d, again: %d, %v, %v", run, v, made, err)
		}
		if err := create(); err != nil {
			t.Error(err)
		}
		if err := Clean(ctx, &o); err != nil || shared.Len() != 0 {
			t.Errorf("%d values left, %v", shared.Len(), err)
		}
		if _, _, err := get(); err == nil || create() == nil {
			t.Errorf("run %d is over: %v", run, err)
		}
	}
	if _, err := os.Stat(o.Staging()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the staging directory: %v", err)
	}
}

// Whoever asks for a value at once, it is loaded once; a failure is not kept.
func TestShared(t *testing.T) {
	shared := NewShared[int]()
	broken := errors.New("broken")
	if _, made, err := shared.Get("shared", func() (int, error) { return 0, broken }); !errors.Is(err, broken) || made {
		t.Errorf("%v, %v", made, err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	makers := 0
	for range 8 {
		wg.Go(func() {
			v, made, err := shared.Get("shared", func() (int, error) { return 7, nil })
			mu.Lock()
			defer mu.Unlock()
			if made {
				makers++
			}
			if v != 7 || err != nil {
				t.Errorf("%d, %v", v, err)
			}
		})
	}
	wg.Wait()
	if makers != 1 {
		t.Errorf("made %d times", makers)
	}
	if v, made, err := shared.Get("shared/part", func() (int, error) { return 8, nil }); v != 8 || !made || err != nil {
		t.Errorf("of a part: %d, %v, %v", v, made, err)
	}
	if release("shared"); shared.Len() != 0 {
		t.Errorf("%d values of a run that is over", shared.Len())
	}
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want []string // faults; none: the staging directory
		dir  string
	}{
		{Options{Path: "gs://b/n.csv", NumShards: 2, RunID: "r"}, nil, "gs://b/.n.csv.r.tmp"},
		{Options{Path: "/a/n.npy", NumShards: 1, RunID: "r", Layout: layout}, nil, "/a/.n.npy.r.tmp"},
		{Options{Scratch: "/tmp", NumShards: 1, RunID: "r"}, nil, "/tmp/.r.tmp"},
		{Options{NumShards: 0}, []string{"number of shards 0", "an output is needed"}, ""},
		{Options{Path: "n.txt", NumShards: 1}, []string{`".txt"`}, ""},
		{Options{Path: "n.npy", NumShards: 1}, []string{"radius"}, ""},
	} {
		err := c.o.Validate()
		if c.want == nil {
			if err != nil || c.o.Staging() != c.dir {
				t.Errorf("%+v: %v, %s, want %s", c.o, err, c.o.Staging(), c.dir)
			}
			continue
		}
		for _, w := range c.want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%+v: %v lacks %s", c.o, err, w)
			}
		}
	}
}

func TestPartCoder(t *testing.T) {
	p := Part{Shard: 3, Order: -1, Paths: []string{"a"}, Info: results.Info{Rows: 7, Bytes: []int64{8}, TextIDs: true},
		Report: json.RawMessage(`{"x":1}`)}
	b, err := encodePart(p)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodePart(b)
	again, _ := encodePart(got)
	if err != nil || !bytes.Equal(b, again) || got.Info.Rows != 7 || string(got.Report) != `{"x":1}` {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := decodePart(b[:len(b)-1]); err == nil {
		t.Error("half a part is decoded")
	}
}

// What crosses the wire names files of the run's own, as many as the output has, or is refused.
func TestForeignParts(t *testing.T) {
	for _, dir := range []string{t.TempDir(), "gs://bucket/out"} {
		o := &Options{Path: dir + "/n.npy", Layout: results.Layout{K: 3}, NumShards: 2, RunID: "run"}
		good := []string{o.staged("part-1"), o.staged("part-2")}
		info := func(paths ...string) (all []files.Info) {
			for _, p := range paths {
				all = append(all, files.Info{Name: p})
			}
			return all
		}
		for _, p := range []Part{{Shard: 1, Paths: good, Made: info(good...)},
			{Shard: shardRejected, Paths: good[:1], Made: info(good[0])}} {
			if err := errors.Join(o.check(&p), o.checkMade(&p)); err != nil {
				t.Errorf("%+v: %v", p, err)
			}
		}
		if err := o.check(&Part{Shard: shardReport, Report: json.RawMessage("1")}); err != nil {
			t.Error(err)
		}
		for name, bad := range map[string][]string{
			"none":           nil,
			"too few":        good[:1],
			"too many":       {good[0], good[1], good[1]},
			"elsewhere":      {good[0], "/etc/passwd"},
			"above":          {good[0], o.Staging() + "/../secret"},
			"above, at last": {good[0], o.Staging() + "/.."},
			"the directory":  {good[0], o.Staging() + "/"},
			"below":          {good[0], o.Staging() + "/a/b"},
			"a longer name":  {good[0], o.Staging() + "x/part"},
			"another bucket": {good[0], "gs://elsewhere/part"},
			"another scheme": {good[0], "gs:/" + good[1]},
			"nothing":        {good[0], ""},
		} {
			p := Part{Shard: 0, Paths: bad, Made: info(bad...)}
			if o.check(&p) == nil {
				t.Errorf("%s: a part of %q is taken", name, bad)
			}
			if o.checkMade(&p) == nil {
				t.Errorf("%s: a shard of %q is taken", name, bad)
			}
		}
		made := info(good...)
		made[1].Path = "/etc/passwd"
		if o.checkMade(&Part{Made: made}) == nil {
			t.Error("a file that is another is taken")
		}
		for _, shard := range []int{2, -3} {
			if o.check(&Part{Shard: shard, Paths: good}) == nil {
				t.Errorf("a part of shard %d of 2 is taken", shard)
			}
		}
	}
}

// A part from the wire is decoded to one that encodes and decodes to itself, or refused.
func FuzzDecodePart(f *testing.F) {
	for _, p := range []Part{{}, {Shard: 3, Order: -1, Paths: []string{"a"},
		Info: results.Info{Rows: 7, Bytes: []int64{8}}, Report: json.RawMessage(`{"x":1}`)}} {
		b, err := encodePart(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	o := &Options{Path: "out/n.csv", NumShards: 2, RunID: "run"}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := decodePart(b)
		if err != nil {
			return
		}
		_, _ = o.check(&p), o.checkMade(&p) // must not panic
		again, err := encodePart(p)
		if err != nil {
			t.Fatal(err)
		}
		q, err := decodePart(again)
		if err != nil {
			t.Fatal(err)
		}
		if last, err := encodePart(q); err != nil || !bytes.Equal(last, again) {
			t.Errorf("%s becomes %s, %v", again, last, err)
		}
	})
}
