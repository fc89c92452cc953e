package linear

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
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	"beamlearn/model/fault"
	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/linear/sgd"
	"beamlearn/model/linear/survey"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/beamtest"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

func TestMain(m *testing.M) { beamtest.Main(m) }

// table is rows with what is to be learned of them, and perhaps weights.
type table struct {
	x      [][]float64
	target []string
	weight []float64
}

// classes is n rows of 3 columns, of two classes that overlap.
func classes(n int, seed uint64) *table {
	r := rand.New(rand.NewPCG(seed, 1))
	t := &table{}
	for range n {
		x := []float64{r.NormFloat64(), 2 * r.NormFloat64(), r.NormFloat64() + 1}
		label := "no"
		if r.Float64() < 1/(1+math.Exp(-2*x[0]+x[1])) {
			label = "yes"
		}
		t.x, t.target = append(t.x, x), append(t.target, label)
	}
	return t
}

// csv is the rows from lo to hi.
func (tab *table) csv(lo, hi int) string {
	var b strings.Builder
	b.WriteString("a,b,c,label")
	if tab.weight != nil {
		b.WriteString(",weight")
	}
	for i := lo; i < hi; i++ {
		fmt.Fprintf(&b, "\n%v,%v,%v,%s", tab.x[i][0], tab.x[i][1], tab.x[i][2], tab.target[i])
		if tab.weight != nil {
			fmt.Fprintf(&b, ",%v", tab.weight[i])
		}
	}
	return b.String() + "\n"
}

// numbers is the targets as numbers: "yes" is 1, "no" is 0.
func (tab *table) numbers() []float64 {
	y := make([]float64, len(tab.target))
	for i, label := range tab.target {
		if label == "yes" {
			y[i] = 1
		}
	}
	return y
}

func npy(shape string, values []float64) string {
	header := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': %s, }", shape)
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	b := append([]byte("\x93NUMPY\x01\x00"), binary.LittleEndian.AppendUint16(nil, uint16(len(header)))...)
	b = append(b, header...)
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return string(b)
}

// put writes a file.
func put(t testing.TB, dir, name, data string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(data), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// cuts writes the table in files of .csv, or of .npy with files of targets, cut at these rows, and says how to read
// them.
func (tab *table) cuts(t testing.TB, dir, format string, cuts ...int) ([]string, vectorio.Options) {
	t.Helper()
	var o vectorio.Options
	o.Formats.Labels = format == "csv"
	lo := 0
	for i, hi := range append(cuts, len(tab.x)) {
		if format == "csv" {
			put(t, dir, fmt.Sprintf("x%d.csv", i), tab.csv(lo, hi))
		} else {
			put(t, dir, fmt.Sprintf("x%d.npy", i), npy(fmt.Sprintf("(%d, 3)", hi-lo), slices.Concat(tab.x[lo:hi]...)))
			put(t, dir, fmt.Sprintf("y%d.npy", i), npy(fmt.Sprintf("(%d,)", hi-lo), tab.numbers()[lo:hi]))
		}
		lo = hi
	}
	if format == "csv" {
		o.Formats.TargetColumn = "label"
		if tab.weight != nil {
			o.Formats.WeightColumn = "weight"
		}
	} else {
		o.Targets = []string{filepath.Join(dir, "y*.npy")}
	}
	return []string{filepath.Join(dir, "x*."+format)}, o
}

// training is a job as a test runs it.
type training struct {
	input     []string
	reading   vectorio.Options
	unitRows  int
	chunkRows int
	fitting   fitting.FitOptions
	options   Options
	// run is what runs a pipeline; nil: Prism.
	run func(ctx context.Context, p *beam.Pipeline) error
	// then, if not nil, is called when all passes are made, and before the model is published.
	then func(job *Job, report *Report, fit *fitting.Fit) error

	counters map[string]int64
}

// trained runs a job on Prism, and publishes the model.
func (j *training) trained(t testing.TB) (*fitting.Fit, *Report, error) {
	t.Helper()
	ctx := context.Background()
	job := &Job{Reading: j.reading, Options: j.options}
	job.Options.UnitRows, job.Reading.ChunkRows = j.unitRows, j.chunkRows
	job.Reading.EnsureDefaults()
	var err error
	if job.Data, err = Inspect(ctx, j.input, j.chunkRows, &job.Options, &job.Reading); err != nil {
		return nil, nil, err
	}
	fit, err := fitting.NewFit(j.fitting, job.Data.Dim, job.Data.Columns)
	if err != nil {
		return nil, nil, err
	}
	run := j.run
	if run == nil {
		run = j.prism
	}
	j.counters = map[string]int64{}
	fit, report, err := Train(ctx, job, fit, run)
	if err == nil && j.then != nil {
		err = j.then(job, report, fit)
	}
	if err != nil {
		return nil, nil, err
	}
	if err := Publish(ctx, &job.Options, report, []File{{job.Options.Model, fit.Model().Save}}); err != nil {
		t.Fatal(err)
	}
	return fit, report, nil
}

// prism runs a pipeline, and adds up its counters.
func (j *training) prism(_ context.Context, p *beam.Pipeline) error {
	r, err := ptest.RunWithMetrics(p)
	if err != nil {
		return err
	}
	for _, c := range r.Metrics().AllMetrics().Counters() {
		j.counters[c.Namespace()+"."+c.Name()] += c.Result()
	}
	return nil
}

// bytes of the model of a job that succeeds.
func (j *training) bytes(t testing.TB) string {
	t.Helper()
	j.options.Model = filepath.Join(t.TempDir(), "m.json")
	if _, _, err := j.trained(t); err != nil {
		t.Fatalf("%s", firstFault(err))
	}
	return fileOf(t, j.options.Model)
}

func fileOf(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func firstFault(err error) string {
	if f := fault.Find(err.Error()); len(f) > 0 {
		return f[0]
	}
	return err.Error()
}

// namesIn lists a directory, hidden files included.
func namesIn(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

var (
	sgdOfTwo = fitting.FitOptions{Options: model.Options{Task: model.Classification}, Solver: fitting.SolverSGD,
		Epochs: 3, BatchSize: 20, Parts: 8, Shuffle: true, Standardize: true}
	exactOfTwo = fitting.FitOptions{Options: model.Options{Task: model.Classification}, Standardize: true, BatchSize: 20,
		Parts: 8, Shuffle: true}
	gridOfTwo = fitting.FitOptions{Options: model.Options{Task: model.Classification, Loss: model.Hinge},
		Alphas: []float64{0.1, 0.001}, Folds: 2, Epochs: 2, BatchSize: 20, Parts: 8, Shuffle: true}
)

// Neither how shards are dealt to workers and threads, nor how passes are dealt to pipelines, nor how many rows are
// read at a time, changes a bit of the model.
func TestTrainBits(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: the examples have one each")
	}
	tab := classes(900, 1)
	for _, v := range []struct {
		name, format string
		fitting      fitting.FitOptions
		options      []Options // the first is that of the bits that are wanted
	}{
		{"sgd", "npy", sgdOfTwo, []Options{{}, {Groups: 1, Threads: 1, Passes: 5}, {Groups: 3, Threads: 4, Passes: 5},
			{Workers: placement.InProcess}}},
		{"sgd", "csv", sgdOfTwo, []Options{{Passes: 4}, {Groups: 3, Threads: 4, Passes: 4}, {Workers: placement.InProcess}}},
		{"exact", "npy", exactOfTwo, []Options{{Passes: 5}, {Groups: 3, Threads: 1, Passes: 4},
			{Workers: placement.InProcess, Threads: 2}}},
		{"grid", "npy", gridOfTwo, []Options{{Passes: 5}, {Groups: 1, Threads: 4, Passes: 3},
			{Workers: placement.InProcess, Threads: 3}}},
	} {
		if brief() && v.name == "sgd" && v.format == "csv" {
			continue
		}
		input, reading := tab.cuts(t, t.TempDir(), v.format, 300, 450)
		j := &training{input: input, reading: reading, unitRows: 30, fitting: v.fitting}
		want := ""
		for i, o := range v.options {
			if brief() && i > 0 && (i+len(v.name))%2 == 0 {
				continue
			}
			o.Shards, o.Seed = 8, 5
			j.options, j.chunkRows = o, []int{0, 7, 100, 0}[i]
			if got := j.bytes(t); i == 0 {
				want = got
			} else if got != want {
				t.Errorf("%s, .%s, %+v: got\n%s\nwant\n%s", v.name, v.format, o, got, want)
			}
		}
		if v.name == "sgd" && v.format == "npy" {
			j.options.Seed = 6
			if j.bytes(t) == want {
				t.Error("another seed visits rows in the same order")
			}
		}
	}
}

// A fit that looks at a sample of the rows of text is the same whatever the blocks, the workers and the pipelines,
// and when it goes on after a stop.
func TestTrainSample(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: the examples have one each")
	}
	const rows = 2*fitting.SampleRows + 1000
	input, reading := classes(rows, 7).cuts(t, t.TempDir(), "csv", rows/3, rows/2)
	options := sgdOfTwo
	options.Standardize, options.Sample, options.BatchSize = false, true, 100
	j := &training{input: input, reading: reading, fitting: options}
	want := ""
	for _, v := range []struct {
		chunkRows int
		options   Options
		stop      int // passes before the job is stopped
	}{
		{0, Options{Passes: 4}, 0},
		{64, Options{Passes: 1, Groups: 3, Threads: 4}, 3},
		{9999, Options{Passes: 1, Groups: 1, Threads: 1}, 1},
		{9999, Options{Workers: placement.InProcess}, 2},
	} {
		if brief() && v.stop != 0 && v.stop != 2 {
			continue
		}
		j.chunkRows, j.options, j.run = v.chunkRows, v.options, nil
		j.options.Shards, j.options.Seed, j.options.Model = 8, 5, filepath.Join(t.TempDir(), "m.json")
		if v.stop > 0 {
			if v.options.Workers == placement.InProcess {
				j.options.RunID = "first"
				j.run = func(ctx context.Context, p *beam.Pipeline) error {
					return j.blocked(t, p, fmt.Sprintf("state-%05d.json", v.stop+1))
				}
			} else {
				j.stopAfter(v.stop)
			}
			var resumable *ResumableError
			if _, _, err := j.trained(t); !errors.As(err, &resumable) || resumable.Passes != v.stop {
				t.Fatalf("%+v: %v", v, err)
			}
			j.options.RunID = "second"
			j.options.Resume, j.run = true, nil
		}
		fit, report, err := j.trained(t)
		if err != nil {
			t.Fatalf("%+v: %s", v, firstFault(err))
		}
		if s := fit.Survey(); s.Sampled < fitting.SampleRows || s.Sampled > fitting.SampleRows+100 || s.Rows != rows ||
			report.Rows != rows {
			t.Errorf("%+v: a survey of %d of %d rows, and %d learned from", v, s.Sampled, s.Rows, report.Rows)
		}
		if got := fileOf(t, j.options.Model); want == "" {
			want = got
		} else if got != want {
			t.Errorf("%+v: got\n%s\nwant\n%s", v, got, want)
		}
	}
}

// One shard is partial_fit of batches in the order of the files, across their borders and those of chunks.
func TestTrainSequential(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: the examples have one each")
	}
	tab := classes(930, 2)
	for _, format := range []string{"csv", "npy"} {
		for _, chunkRows := range []int{70, 1000} {
			o := model.Options{Task: model.Classification, Loss: model.LogLoss, Penalty: model.L1,
				LearningRate: model.InvScaling, Eta0: 0.1}
			j := &training{chunkRows: chunkRows, fitting: fitting.FitOptions{
				Options: o, Solver: fitting.SolverSGD, Epochs: 2, BatchSize: 100, Average: new(model.Average(300)),
				Alphas: []float64{0.001},
			}, options: Options{Shards: 1, Passes: 3}}
			j.input, j.reading = tab.cuts(t, t.TempDir(), format, 330, 345, 700)

			o.Average, o.Alpha, o.Classes = 300, new(0.001), model.Classes{Texts: []string{"no", "yes"}}
			if format == "npy" {
				o.Classes = model.Classes{Numbers: []float64{0, 1}}
			}
			s, err := sgd.NewSGD(o, 3)
			if err != nil {
				t.Fatal(err)
			}
			if format == "csv" {
				s.FeatureNames = []string{"a", "b", "c"}
			}
			for range 2 {
				for lo := 0; lo < 930; lo += 100 {
					hi := min(lo+100, 930)
					c := &model.Chunk{Features: 3, X: slices.Concat(tab.x[lo:hi]...), Labels: tab.target[lo:hi]}
					if format == "npy" {
						c.Labels, c.Target = nil, tab.numbers()[lo:hi]
					}
					if err := s.PartialFit(c); err != nil {
						t.Fatal(err)
					}
				}
				s.EndEpoch()
			}
			m, err := s.Model()
			if err != nil {
				t.Fatal(err)
			}
			m.Training.Rows /= 2 // an SGD by itself counts them in every epoch
			for k := range m.Training.ClassRows {
				m.Training.ClassRows[k] /= 2
			}
			var want bytes.Buffer
			if err := m.Save(&want); err != nil {
				t.Fatal(err)
			}
			if got := j.bytes(t); got != want.String() {
				t.Errorf(".%s in chunks of %d: got\n%s\nwant\n%s", format, chunkRows, got, want.String())
			}
		}
	}
}

var errStopped = errors.New("stopped")

// stopAfter runs so many pipelines and then fails.
func (j *training) stopAfter(pipelines int) {
	j.run = func(ctx context.Context, p *beam.Pipeline) error {
		if pipelines == 0 {
			return errStopped
		}
		pipelines--
		return j.prism(ctx, p)
	}
}

// workers are where a job runs, by whether that is in process.
var workers = map[bool]placement.Workers{false: placement.Remote, true: placement.InProcess}

// A job that is stopped between pipelines, or in the middle of one, goes on where it has saved its state, to the same
// bits; and nothing is left beside the model.
func TestTrainResume(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: the examples have one each")
	}
	tab := classes(400, 3)
	dir := t.TempDir()
	input, reading := tab.cuts(t, dir, "npy", 250)
	for name, fitting := range map[string]fitting.FitOptions{"sgd": sgdOfTwo, "grid": gridOfTwo} {
		j := &training{input: input, reading: reading, unitRows: 30, fitting: fitting, options: Options{Shards: 8}}
		j.options.Passes = 5
		want := j.bytes(t)
		passes := map[string]int{"sgd": 4, "grid": 3}[name]
		for _, stop := range []string{"between", "within", "within, local", "at the end"} {
			stop, local := strings.CutSuffix(stop, ", local")
			if name == "grid" && (stop != "within" || local) || stop == "within" && raceDetector {
				continue
			}
			if brief() && name == "sgd" && (stop == "between" || stop == "within" && !local) {
				continue
			}
			out := t.TempDir()
			j.options = Options{Shards: 8, Model: filepath.Join(out, "m.json"), RunID: "first", Workers: workers[local]}
			done := 2
			switch stop {
			case "between":
				j.stopAfter(2)
			case "within": // the third state cannot be written
				j.options.Passes = 3
				j.run = func(ctx context.Context, p *beam.Pipeline) error {
					made, err := filepath.Glob(filepath.Join(out, ".m.json.checkpoint-*"))
					if err != nil || len(made) > 0 {
						t.Fatalf("before the first pipeline there is %v (%v)", made, err)
					}
					return j.blocked(t, p, "state-00003.json")
				}
			case "at the end": // after the last pass, before the model is in place
				done = passes
				j.run = func(ctx context.Context, p *beam.Pipeline) error {
					err := j.prism(ctx, p)
					if states, _ := filepath.Glob(filepath.Join(out, ".*", "state-*.json")); len(states) == passes {
						return errors.Join(err, errStopped)
					}
					return err
				}
			}
			_, _, err := j.trained(t)
			var resumable *ResumableError
			if !errors.As(err, &resumable) || resumable.Passes != done {
				t.Fatalf("%s, stopped %s: %v, of %d passes", name, stop, err, done)
			}
			if left := namesIn(t, out); len(left) != 1 || !strings.HasPrefix(left[0], ".m.json.checkpoint-") {
				t.Fatalf("%s, stopped %s: it leaves %v", name, stop, left)
			}
			j.run = nil
			j.options.Resume, j.options.RunID, j.options.Threads, j.options.Passes = true, "second", 1, 1
			_, report, err := j.trained(t)
			if err != nil {
				t.Fatalf("%s", firstFault(err))
			}
			if got := fileOf(t, j.options.Model); got != want {
				t.Errorf("%s, stopped %s: got\n%s\nwant\n%s", name, stop, got, want)
			}
			if report.Resumed != done || report.Passes != passes-done || report.Rows != 400 {
				t.Errorf("%s, stopped %s: report %+v, of %d passes", name, stop, report, passes)
			}
			if left := namesIn(t, out); !slices.Equal(left, []string{"m.json"}) {
				t.Errorf("%s, stopped %s: it leaves %v", name, stop, left)
			}
		}
	}
}

// blocked runs a pipeline that cannot write a file of its checkpoint.
func (j *training) blocked(t testing.TB, p *beam.Pipeline, file string) error {
	t.Helper()
	ctx := t.Context()
	job := &Job{Reading: j.reading, Options: j.options}
	job.Options.EnsureDefaults()
	job.Options.UnitRows, job.Reading.ChunkRows = j.unitRows, j.chunkRows
	job.Reading.EnsureDefaults()
	var err error
	if job.Data, err = Inspect(ctx, j.input, j.chunkRows, &job.Options, &job.Reading); err != nil {
		t.Fatal(err)
	}
	fit, err := fitting.NewFit(j.fitting, job.Data.Dim, job.Data.Columns)
	if err != nil {
		t.Fatal(err)
	}
	initial, err := fitting.EncodeFit(fit)
	if err != nil {
		t.Fatal(err)
	}
	id, err := job.fingerprint(initial)
	if err != nil {
		t.Fatal(err)
	}
	trap := filepath.Join(job.Options.prefix()+id+"-"+job.Options.RunID, file)
	if err := os.MkdirAll(filepath.Join(trap, "full"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err = j.prism(ctx, p); err == nil {
		t.Fatal("the pipeline has written it")
	}
	if e := os.RemoveAll(trap); e != nil {
		t.Fatal(e)
	}
	return err
}

// The checkpoint of another job, or of none, is not gone on with; nor is one removed that another may go on from.
func TestTrainResumesItsOwn(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: the examples have one each")
	}
	dir, out := t.TempDir(), t.TempDir()
	input, reading := classes(200, 3).cuts(t, dir, "npy")
	j := &training{input: input, reading: reading, unitRows: 30, fitting: sgdOfTwo,
		options: Options{Shards: 8, Model: filepath.Join(out, "m.json")}}
	j.options.Resume = true
	if _, _, err := j.trained(t); err == nil ||
		!strings.HasPrefix(err.Error(), "--resume: no checkpoint of this job, with these options and files, beside ") {
		t.Fatal(err)
	}
	j.options.Resume = false
	j.stopAfter(2)
	if _, _, err := j.trained(t); !errors.Is(err, errStopped) {
		t.Fatal(err)
	}
	kept := namesIn(t, out)
	j.run = func(context.Context, *beam.Pipeline) error {
		t.Error("a pipeline of another job")
		return errStopped
	}
	for name, change := range map[string]func(j *training){
		"alpha":  func(j *training) { j.fitting.Alphas = []float64{0.5} },
		"shards": func(j *training) { j.options.Shards = 7 },
		"groups": func(j *training) { j.options.Groups = 2 },
		"seed":   func(j *training) { j.options.Seed = 1 },
		"units":  func(j *training) { j.unitRows = 40 },
		"skip":   func(j *training) { j.reading.SkipFaults = true },
		"model":  func(j *training) { j.options.Model = filepath.Join(out, "n.json") },
		"rows": func(j *training) {
			other := t.TempDir()
			j.input, j.reading = classes(201, 3).cuts(t, other, "npy")
		},
	} {
		k := *j
		k.options.Resume = true
		change(&k)
		if _, _, err := k.trained(t); err == nil || !strings.HasPrefix(err.Error(), "--resume: no checkpoint") {
			t.Errorf("another %s: %v", name, err)
		}
	}
	if left := namesIn(t, out); !slices.Equal(left, kept) {
		t.Errorf("left: %v, was %v", left, kept)
	}
	j.options.Resume = true
	states, err := filepath.Glob(filepath.Join(out, ".*", "state-*.json"))
	if err != nil || len(states) == 0 {
		t.Fatalf("no states: %v", err)
	}
	last := slices.Max(states)
	whole := fileOf(t, last)
	for name, damaged := range map[string]string{
		"a digit":   strings.Replace(whole, `"alpha":0.0001`, `"alpha":0.0002`, 1),
		"cut short": whole[:len(whole)/2],
		"empty":     "",
	} {
		if err := os.WriteFile(last, []byte(damaged), 0o644); err != nil || damaged == whole {
			t.Fatal(name, err)
		}
		if _, _, err := j.trained(t); err == nil || !strings.Contains(err.Error(), "its checksum is not that of its state") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.WriteFile(last, []byte(whole), 0o644); err != nil {
		t.Fatal(err)
	}
	j.run = nil
	j.chunkRows = 11
	if _, report, err := j.trained(t); err != nil || report.Resumed != 2 {
		t.Errorf("%+v, %v", report, err)
	}
}

// Rows at fault are left out of every pass, and written once, in the order of the files; one without a target is left
// out, and counted.
func TestTrainRejects(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: the examples have one each")
	}
	tab := classes(300, 4)
	tab.weight = slices.Repeat([]float64{1, 2, 0.5}, 100)
	clean := &table{}
	bad := map[int]bool{7: true, 120: true, 121: true, 299: true}
	for i := range tab.x {
		if !bad[i] {
			clean.x, clean.target, clean.weight = append(clean.x, tab.x[i]), append(clean.target, tab.target[i]),
				append(clean.weight, tab.weight[i])
		}
	}
	tab.x[7][1] = math.NaN()
	tab.target[120] = ""
	tab.weight[121] = -1
	tab.weight[299] = math.Inf(1)
	t.Chdir(t.TempDir())
	_, reading := tab.cuts(t, ".", "csv", 100)
	reading.SkipFaults = true
	j := &training{input: []string{"x0.csv", "x1.csv"}, reading: reading, chunkRows: 1000, fitting: sgdOfTwo,
		options: Options{Shards: 1, Passes: 4, Model: filepath.Join(t.TempDir(), "m.json")}}
	j.fitting.Shuffle, j.fitting.Parts = false, 1
	_, report, err := j.trained(t)
	if err != nil {
		t.Fatal(err)
	}
	rejected := j.options.Model + ".rejected.jsonl"
	want := `{"file":"x0.csv","row":7,"column":"b","reason":"found \"NaN\", expected a finite number"}
{"file":"x1.csv","row":21,"column":"weight","reason":"found \"-1\", expected a weight of at least 0"}
{"file":"x1.csv","row":199,"column":"weight","reason":"found \"+Inf\", expected a finite number"}
`
	if got := fileOf(t, rejected); got != want {
		t.Errorf("rejected rows\n%swant\n%s", got, want)
	}
	if report.Rows != 296 || report.Rejected != 3 || report.NoTarget != 1 ||
		!slices.Equal(report.Files, []string{j.options.Model, rejected}) {
		t.Errorf("report %+v", report)
	}
	got := fileOf(t, j.options.Model)

	// The model is that of the other rows; and a run without rejected rows removes what an earlier one has left.
	clean.cuts(t, ".", "csv", 99)
	if _, report, err = j.trained(t); err != nil {
		t.Fatal(err)
	}
	if fileOf(t, j.options.Model) != got {
		t.Errorf("got\n%s\nwithout the rows at fault\n%s", got, fileOf(t, j.options.Model))
	}
	if left := namesIn(t, filepath.Dir(j.options.Model)); !slices.Equal(left, []string{"m.json"}) || report.Rejected != 0 {
		t.Errorf("left: %v, report %+v", left, report)
	}
}

// What is wrong with the rows is one line, which names the file, and the row where it is one; there is no model, and
// nothing else.
func TestTrainFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: the examples have one each")
	}
	if raceDetector {
		t.Skip("pipelines that fail")
	}
	regression := fitting.FitOptions{Options: model.Options{Task: model.Regression}, Solver: fitting.SolverSGD, Parts: 3,
		Epochs: 1}
	large := regression
	large.Options.LearningRate, large.Options.Eta0 = model.Constant, 1e300
	exact := fitting.FitOptions{Options: model.Options{Task: model.Regression}}
	for name, v := range map[string]struct {
		fitting fitting.FitOptions
		change  func(tab *table) // of 60 rows, of which the first 20 and the next 25 are files of their own
		want    string
	}{
		"a negative weight": {sgdOfTwo,
			func(tab *table) { tab.weight = slices.Repeat([]float64{1}, 60); tab.weight[50] = -2 },
			`x2.csv: row 5, column weight: found "-2", expected a weight of at least 0`},
		"one class": {exactOfTwo, func(tab *table) { tab.target = slices.Repeat([]string{"ja"}, 60) },
			`x0.csv … x2.csv (3 files): found "ja" in every row, expected rows of at least two classes`},
		"a constant target": {regression, func(tab *table) { tab.target = slices.Repeat([]string{"3"}, 60) },
			"x0.csv … x2.csv (3 files): found 3 in every row of a weight above 0, expected a target of at least two values"},
		"no weight": {regression, func(tab *table) { tab.weight = make([]float64, 60) },
			"x0.csv … x2.csv (3 files): found none, expected rows of a weight above 0"},
		"a text": {exact, func(tab *table) { tab.target[20] = "x" },
			`x1.csv: row 0, column label: found "x", expected a number`},
		"steps too long":     {large, func(*table) {}, "(3 files): found weights that overflow by row "},
		"products too large": {exact, func(tab *table) { tab.x[40][2] = 1e200 }, "overflow"},
		"no number for norms": {regression, func(tab *table) { tab.x[40][2] = 1e200 },
			"expected values whose squares are within float64"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			out := t.TempDir()
			tab := classes(60, 5)
			if v.fitting.Options.Task == model.Regression {
				for i := range tab.target {
					tab.target[i] = fmt.Sprint(i)
				}
			}
			v.change(tab)
			_, reading := tab.cuts(t, ".", "csv", 20, 45)
			reading.Formats.Labels = v.fitting.Options.Task == model.Classification
			j := &training{input: []string{"x*.csv"}, reading: reading, fitting: v.fitting,
				options: Options{Shards: 1, Passes: 3, Model: filepath.Join(out, "m.json")}}
			_, _, err := j.trained(t)
			if err == nil {
				t.Fatal("there is a model")
			}
			got := firstFault(err)
			if strings.HasPrefix(v.want, "x") && got != v.want || !strings.Contains(got, v.want) ||
				strings.Contains(got, "\n") || !strings.HasPrefix(got, "x") {
				t.Errorf("got %s, want %s", got, v.want)
			}
			if name == "steps too long" &&
				!strings.HasSuffix(got, "expected finite weights: standardise the features, or make the steps smaller (a lower "+
					"eta0, a larger alpha, another learning_rate)") {
				t.Errorf("no advice in %s", got)
			}
			if left := namesIn(t, out); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// The last state is that of the most passes, whatever the number of their digits.
func TestLastOf(t *testing.T) {
	states := []files.Info{{Name: "a/state-99999.json"}, {Name: "a/state-100000.json"}, {Name: "b/state-00007.json"},
		{Name: "b/notes.json"}}
	if got := lastOf(states); got != "a/state-100000.json" {
		t.Errorf("the last is %q", got)
	}
	if got := lastOf(nil); got != "" {
		t.Errorf("of none, the last is %q", got)
	}
}

// Rows that are sorted by their label are learned by 8 shards about as well as shuffled ones, which one shard cannot;
// the survey sees it.
func TestTrainSorted(t *testing.T) {
	if brief() {
		t.Skip("four trainings of thousands of rows, as fewer do not tell sorted rows from shuffled ones")
	}
	tab, sorted := classes(8000, 6), &table{}
	for _, label := range []string{"no", "yes"} {
		for i, l := range tab.target {
			if l == label {
				sorted.x, sorted.target = append(sorted.x, tab.x[i]), append(sorted.target, l)
			}
		}
	}
	// loss is the mean log loss of all rows.
	loss := func(tab *table, solver fitting.Solver, shards int) (float64, *survey.Survey) {
		j := &training{unitRows: 50, options: Options{Shards: shards, Groups: 1, Passes: 10,
			Model: filepath.Join(t.TempDir(), "m.json")}}
		j.fitting = fitting.FitOptions{Options: model.Options{Task: model.Classification}, Solver: solver, Parts: shards,
			Shuffle: shards > 1}
		if solver == fitting.SolverSGD {
			j.fitting.Epochs = 1
			j.fitting.Options.LearningRate = model.AdaGrad // by newton, the default, the order of rows does not matter
		}
		j.input, j.reading = tab.cuts(t, t.TempDir(), "npy")
		fit, _, err := j.trained(t)
		if err != nil {
			t.Fatal(err)
		}
		p, err := fit.Model().PredictProba(&model.Chunk{Features: 3, X: slices.Concat(tab.x...)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for i, y := range tab.numbers() {
			sum -= math.Log(p[2*i+int(y)])
		}
		return sum / float64(len(tab.x)), fit.Survey()
	}
	best, _ := loss(tab, fitting.SolverExact, 8)
	shuffled, survey := loss(tab, fitting.SolverSGD, 8)
	if survey.Drift.Drifts() {
		t.Errorf("shuffled rows drift: %s", &survey.Drift)
	}
	eight, _ := loss(sorted, fitting.SolverSGD, 8)
	one, survey := loss(sorted, fitting.SolverSGD, 1)
	if !survey.Drift.Drifts() {
		t.Errorf("sorted rows do not drift: %s", &survey.Drift)
	}
	if eight > 1.1*shuffled || eight-best > (one-best)/5 {
		t.Errorf("log loss %v of 8 shards of sorted rows, %v of shuffled ones; %v of one shard of sorted rows; %v at the "+
			"optimum", eight, shuffled, one, best)
	}
}

// Every row counts once in each pass. Prism now and then loses the last report of a bundle, so a counter that is too
// low gets two more tries.
func TestTrainCounters(t *testing.T) {
	tab := classes(150, 7)
	tab.x[3][0] = math.NaN()
	input, reading := tab.cuts(t, t.TempDir(), "csv", 100)
	reading.SkipFaults = true
	j := &training{input: input, reading: reading, unitRows: 30, fitting: sgdOfTwo}
	want := map[string]int64{"linear.rows_learned": 4 * 149, "vectorio.rows_read": 149, "vectorio.rows_rejected": 1}
	for try := 1; ; try++ {
		j.options = Options{Shards: 4, Passes: 2}
		j.bytes(t)
		low := false
		for name, n := range want {
			if got := j.counters[name]; got > n || got < n && try == 3 {
				t.Errorf("counter %s = %d, want %d", name, got, n)
			}
			low = low || j.counters[name] < n
		}
		if !low || try == 3 {
			return
		}
	}
}

func TestTrainOptions(t *testing.T) {
	for _, v := range []struct {
		o    Options
		want string
	}{
		{Options{}, "a file for the model is needed\n0 shards: must be from 1 to 65536"},
		{Options{Model: "m.json", Shards: MaxShards + 1, Threads: -1, Passes: -1},
			"65537 shards: must be from 1 to 65536\nthreads -1: must be at least 1\n-1 passes in a pipeline: must be at least 1"},
		{Options{Model: "m.json", Shards: MaxShards}, ""},
	} {
		got := ""
		if err := v.o.Validate(); err != nil {
			got = err.Error()
		}
		if got != v.want {
			t.Errorf("%+v: %q, want %q", v.o, got, v.want)
		}
	}
	o := Options{Model: "m.json", Shards: 3, Groups: 5}
	o.EnsureDefaults()
	if o.Groups != 3 || o.Passes != 1 || o.RunID == "" {
		t.Errorf("defaults %+v", o)
	}
	if _, err := Inspect(t.Context(), []string{"x.csv"}, 0, &Options{Shards: 1}, &vectorio.Options{}); err == nil ||
		!strings.HasPrefix(err.Error(), "--target is needed") {
		t.Errorf("no target: %v", err)
	}
}

// Files that cannot all be written are none.
func TestPublishFails(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: the examples have one each")
	}
	for _, w := range workers {
		publishFails(t, w)
	}
}

func publishFails(t *testing.T, w placement.Workers) {
	out := t.TempDir()
	input, reading := classes(60, 3).cuts(t, t.TempDir(), "npy")
	j := &training{input: input, reading: reading, fitting: exactOfTwo,
		options: Options{Shards: 1, Passes: 5, Model: filepath.Join(out, "m.json"), Workers: w}}
	ctx := t.Context()
	job := &Job{Reading: j.reading, Options: j.options}
	job.Reading.EnsureDefaults()
	j.counters = map[string]int64{}
	var err error
	if job.Data, err = Inspect(ctx, j.input, 0, &job.Options, &job.Reading); err != nil {
		t.Fatal(err)
	}
	fit, err := fitting.NewFit(j.fitting, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	again := *job
	fit, report, err := Train(ctx, job, fit, j.prism)
	if err != nil {
		t.Fatal(err)
	}
	err = Publish(ctx, &job.Options, report, []File{
		{job.Options.Model, fit.Model().Save}, {filepath.Join(out, "m.cv.csv"), func(io.Writer) error { return errStopped }},
	})
	if left := namesIn(t, out); !errors.Is(err, errStopped) || len(left) != 1 ||
		!strings.HasPrefix(left[0], ".m.json.checkpoint-") {
		t.Errorf("%v, left: %v", err, left)
	}
	// Another run needs no pass.
	again.Options.Resume, again.Options.RunID = true, "second"
	if fit, err = fitting.NewFit(j.fitting, 3, nil); err != nil {
		t.Fatal(err)
	}
	if fit, report, err = Train(ctx, &again, fit, j.prism); err != nil || report.Passes != 0 || !fit.Done() {
		t.Fatalf("resumed: %+v, %v", report, err)
	}
	if err := Clean(ctx, &again.Options, report); err != nil || len(namesIn(t, out)) > 0 {
		t.Errorf("%v, left: %v", err, namesIn(t, out))
	}
}

func TestCoders(t *testing.T) {
	for _, s := range []Summand{
		{Seed: true}, {}, {Node: model.Node{Level: 62, Index: 0}, Partial: []byte{1}},
		{Node: model.Node{Level: 3, Index: MaxShards}, Partial: bytes.Repeat([]byte{0, 255}, 500)},
	} {
		b, err := encodeSummand(s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeSummand(b)
		if err != nil || got.Seed != s.Seed || got.Node != s.Node || !bytes.Equal(got.Partial, s.Partial) {
			t.Errorf("%+v becomes %+v, %v", s, got, err)
		}
		if len(got.Partial) > 0 {
			if b[len(b)-1]++; got.Partial[len(got.Partial)-1] == b[len(b)-1] {
				t.Error("the summand lives in the runner's memory")
			}
		}
	}
	for _, b := range [][]byte{nil, {1, 0}, {2}, {0}, {0, 63, 0}, {0, 128}, {0, 0}, {0, 0, 128},
		append([]byte{0, 0}, bytes.Repeat([]byte{255}, 9)...)} {
		if s, err := decodeSummand(b); !errors.Is(err, errSummand) {
			t.Errorf("%v is %+v, %v", b, s, err)
		}
	}
	state := State{Fit: []byte("{}")}
	b, err := encodeState(state)
	if err != nil {
		t.Fatal(err)
	}
	read, err := decodeState(b)
	if err != nil || !reflect.DeepEqual(read, state) {
		t.Errorf("%+v, %v", read, err)
	}
	w := Work{Group: 3, Plan: "dir/plan-00003.json", state: []byte("{}")}
	if b, err = encodeWork(w); err != nil {
		t.Fatal(err)
	}
	if got, err := decodeWork(b); err != nil || !reflect.DeepEqual(got, w) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, b := range [][]byte{nil, {128}, {2, '{'}, {1, '{'}} {
		if _, err := decodeWork(b); err == nil {
			t.Errorf("%v is read as work", b)
		}
	}
}

// FuzzSummand: bytes are a summand that is written to the same bytes, or one that is shorter; or an error.
func FuzzSummand(f *testing.F) {
	for _, b := range [][]byte{nil, {1}, {0, 0, 0}, {0, 62, 1, 7}, {0, 0x83, 0, 5, 9},
		{0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 0}} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeSummand(b)
		if err != nil {
			return
		}
		again, err := encodeSummand(s)
		if err != nil || len(again) > len(b) || s.Node.Level < 0 || s.Node.Level > 62 || s.Node.Index < 0 {
			t.Fatalf("%+v: %d bytes, %v", s, len(again), err)
		}
		read, err := decodeSummand(again)
		if err != nil || !reflect.DeepEqual(read, s) {
			t.Fatalf("%+v becomes %+v, %v", s, read, err)
		}
	})
}

// Batches are whole over the borders of blocks, and visited in an order of their own where that is asked for.
func TestFeed(t *testing.T) {
	dir := t.TempDir()
	input, reading := classes(107, 8).cuts(t, dir, "npy", 33, 70)
	reading.EnsureDefaults()
	reading.ChunkRows = 16
	ctx := t.Context()
	d, err := vectorio.Inspect(ctx, input, reading)
	if err != nil {
		t.Fatal(err)
	}
	var chunks []vectorio.Chunk
	first := int64(0)
	for _, info := range d.Files {
		rows := map[string]int64{"x0.npy": 33, "x1.npy": 37, "x2.npy": 37}[filepath.Base(info.Name)]
		for lo := int64(0); lo < rows; lo += 16 {
			c := vectorio.Chunk{Ordinal: int64(len(chunks)), Info: info, First: first + lo, Total: 107}
			c.Span.First, c.Span.Rows = lo, min(16, rows-lo)
			c.Targets = []vectorio.TargetSpan{}
			chunks = append(chunks, c)
		}
		first += rows
	}
	slices.Reverse(chunks)
	reading.Targets = nil
	given := func(pass fitting.Pass, seed uint64) (rows []int64, sizes []int) {
		f := &shardReader{reading: reading, dim: d.Dim, unit: 16, pass: pass, seed: seed, chunks: chunks}
		var mu sync.Mutex
		if err := f.each(ctx, func(c *model.Chunk) error {
			if !mu.TryLock() {
				t.Error("two batches at a time")
			} else {
				defer mu.Unlock()
			}
			rows, sizes = append(rows, c.Numbers...), append(sizes, c.Len())
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if f.rows != 107 || len(f.rejected) > 0 {
			t.Errorf("%d rows, rejected %v", f.rows, f.rejected)
		}
		return rows, sizes
	}
	var all []int64
	for i := range int64(107) {
		all = append(all, i)
	}
	for _, batch := range []int{1, 10, 16, 50, 200} {
		rows, sizes := given(fitting.Pass{Batch: batch}, 1)
		if !slices.Equal(rows, all) {
			t.Errorf("batches of %d: rows %v", batch, rows)
		}
		for i, n := range sizes {
			if i < len(sizes)-1 && n != batch || n > batch {
				t.Errorf("batches of %d: %v", batch, sizes)
			}
		}
		one, _ := given(fitting.Pass{Batch: batch, Shuffle: true}, 1)
		two, _ := given(fitting.Pass{Batch: batch, Shuffle: true}, 1)
		other, _ := given(fitting.Pass{Batch: batch, Shuffle: true}, 2)
		if !slices.Equal(one, two) || slices.Equal(one, other) || slices.Equal(one, all) {
			t.Errorf("batches of %d: shuffled to %v, %v and with another seed %v", batch, one, two, other)
		}
		slices.Sort(one)
		if !slices.Equal(one, all) {
			t.Errorf("batches of %d: shuffled rows %v", batch, one)
		}
	}
	// What stops learning stops reading.
	f := &shardReader{reading: reading, dim: d.Dim, pass: fitting.Pass{Batch: 1}, chunks: chunks}
	if err := f.each(ctx, func(*model.Chunk) error { return errStopped }); !errors.Is(err, errStopped) {
		t.Error(err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := f.each(cancelled, func(*model.Chunk) error { return nil }); err == nil {
		t.Error("all is read after a cancellation")
	}
}
