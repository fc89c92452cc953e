//go:build engines

package pipelines_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	df "google.golang.org/api/dataflow/v1b3"
	"google.golang.org/protobuf/proto"

	"beamlearn/pipelines/internal/dataflow"
	"beamlearn/pipelines/internal/engines"
)

// beamlearn is the program with all commands, as it is deployed: static, so that it is its own worker binary.
func beamlearn(t testing.TB) string { return engines.Build(t, bin, "beamlearn") }

// invoke runs a program in a directory of its own and gives its exit code and what it has printed.
func invoke(t testing.TB, env []string, file string, args ...string) (code int, stderr string) {
	t.Helper()
	c := program(t, env, file, args...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return ended(t, c)
}

func program(t testing.TB, env []string, file string, args ...string) *exec.Cmd {
	c := exec.Command(file, args...)
	c.Dir, c.Env, c.Stderr = t.TempDir(), append(os.Environ(), env...), &bytes.Buffer{}
	return c
}

// ended waits for a program that was started.
func ended(t testing.TB, c *exec.Cmd) (code int, stderr string) {
	t.Helper()
	timer := time.AfterFunc(2*time.Minute, func() { c.Process.Kill() })
	defer timer.Stop()
	if err := c.Wait(); err != nil && c.ProcessState == nil {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), c.Stderr.(*bytes.Buffer).String()
}

// testdata is the content of a file of the test data.
func testdata(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The commands on Dataflow, or what stands in for it.
func TestDataflow(t *testing.T) {
	t.Parallel()
	t.Run("submission", testSubmission)
	t.Run("template", testTemplate)
	t.Run("faults", func(t *testing.T) {
		if raceDetector {
			t.Skip("Prism races with itself where a job fails")
		}
		testDataflowFaults(t)
	})
	t.Run("dry run", testDryRun)
}

// What a submission stages runs, and writes what a run in one process writes.
func testSubmission(t *testing.T) {
	file := beamlearn(t)
	for _, c := range []struct {
		command, input string
		args           []string
		steps          []string // some of the pipeline's
		jobs           int
	}{
		{"kneighbors", "digits.csv", []string{"--id_column=id", "--columns=pixel_*", "--k=10", "--chunk_rows=300",
			"--num_shards=3", "--report=none", "--output=DIR/neighbors.csv"},
			[]string{"knn.KNeighbors/knn.Build", "knn.KNeighbors/knn.SearchSelf"}, 1},
		{"sgd", "breast_cancer.csv", []string{"--target=target", "--task=classification", "--standardize", "--solver=sgd",
			"--epochs=3",
			"--shards=3", "--checkpoint_passes=2", "--report=none", "--model=DIR/model.json"}, []string{"linear."}, 2},
	} {
		t.Run(c.command, func(t *testing.T) {
			in := func(dir string) []string {
				args := []string{c.command, "--quiet"}
				for _, a := range c.args {
					args = append(args, strings.Replace(a, "DIR", dir, 1))
				}
				return args
			}
			local := t.TempDir()
			input, err := filepath.Abs(filepath.Join("../testdata", c.input))
			if err != nil {
				t.Fatal(err)
			}
			if code, stderr := invoke(t, nil, file, append(in(local), "--input="+input)...); code != 0 {
				t.Fatalf("in one process: exit code %d\n%s", code, stderr)
			}
			want := map[string]string{}
			names, err := filepath.Glob(filepath.Join(local, "*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				b, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				want[filepath.Base(name)] = string(b)
			}

			f := dataflow.Start(t)
			args := append(in("gs://bucket/out"), f.Flags()...)
			args = append(args, "--input="+f.Put("in/"+c.input, testdata(t, c.input)), "--worker_binary="+file,
				"--job_name=a-job",
				"--max_num_workers=20", "--worker_machine_type=n2-standard-8")
			if code, stderr := invoke(t, f.Env(), file, args...); code != 0 {
				for _, j := range f.Jobs() {
					_, err := f.State(j)
					t.Logf("%s: %v", j.ID, err)
				}
				t.Fatalf("exit code %d\n%s", code, stderr)
			}
			got, err := f.Objects("out/")
			if err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(got, want) {
				t.Errorf("the bucket has %q, or other bytes than a run in one process, which writes %q",
					slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
			}

			var calls []string
			for range c.jobs {
				calls = append(calls, "POST jobs", "GET job", "GET metrics")
			}
			if got := slices.DeleteFunc(f.Calls(), func(s string) bool { return s == "POST token" }); !slices.Equal(got, calls) {
				t.Errorf("calls %q, want %q", got, calls)
			}
			program, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, j := range f.Jobs() {
				checkJob(t, j, fmt.Sprintf("%x", sha256.Sum256(program)), c.steps)
			}
		})
	}
}

// A template is staged and not run; each job that is launched from it writes what a run in one process writes, and
// leaves nothing beside it. What takes more than one job is refused.
func testTemplate(t *testing.T) {
	file, f := beamlearn(t), dataflow.Start(t)
	input, err := filepath.Abs("../testdata/digits.csv")
	if err != nil {
		t.Fatal(err)
	}
	local := filepath.Join(t.TempDir(), "neighbors.csv")
	values := map[string]string{"id_column": "id", "columns": "pixel_*", "k": "10", "input": input, "output": local}
	command := func() []string {
		args := []string{"kneighbors", "--quiet", "--chunk_rows=300"}
		for name, v := range values {
			args = append(args, "--"+name+"="+v)
		}
		return args
	}
	if code, stderr := invoke(t, nil, file, append(command(), "--report=none")...); code != 0 {
		t.Fatalf("in one process: exit code %d\n%s", code, stderr)
	}
	want, err := os.ReadFile(local)
	if err != nil {
		t.Fatal(err)
	}
	template := append(f.Flags(), "--template_location=gs://bucket/templates/neighbors", "--worker_binary="+file)
	points := f.Put("in/digits.csv", testdata(t, "digits.csv"))
	values["input"], values["output"] = points, "gs://bucket/out/neighbors.csv"
	checkFlexTemplate(t, file, values)
	args := append(append(command(), template...), "--broadcast=file", "--staging=gs://bucket/staged")
	if code, stderr := invoke(t, f.Env(), file, args...); code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	if n := len(f.Jobs()); n != 0 {
		t.Fatalf("%d jobs were submitted", n)
	}
	for range 2 {
		j, err := f.Launch("templates/neighbors")
		if err != nil {
			t.Fatal(err)
		}
		if state, err := f.State(j); err != nil || state != "JOB_STATE_DONE" {
			t.Fatalf("%s: %v", state, err)
		}
		got, err := f.Objects("out/")
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || got["neighbors.csv"] != string(want) {
			t.Errorf("the bucket has %q, or other bytes than a run in one process", slices.Sorted(maps.Keys(got)))
		}
		if left, err := f.Objects("staged/"); err != nil || len(left) != 0 {
			t.Errorf("left in the staging directory: %q, %v", slices.Sorted(maps.Keys(left)), err)
		}
	}
	for want, args := range map[string][]string{
		"nobody is there when the job is over": {"kneighbors", "--k=1", "--id_column=id", "--input=" + points,
			"--output=gs://bucket/other.csv", "--report=gs://bucket/n.html"},
		"this needs several jobs": {"sgd", "--target=target", "--task=classification", "--model=gs://bucket/m.json",
			"--input=" + f.Put("in/breast_cancer.csv", testdata(t, "breast_cancer.csv"))},
	} {
		code, stderr := invoke(t, f.Env(), file, append(args, template...)...)
		if code != 2 || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") > 2 {
			t.Errorf("%s: exit code %d, want 2 and %q\n%s", args[0], code, want, stderr)
		}
	}
}

// checkFlexTemplate checks the specification of the Flex Template: it has keys of the API alone, each parameter is a
// flag, and these values of parameters are all that it requires, and none that it refuses.
func checkFlexTemplate(t *testing.T, file string, values map[string]string) {
	b, err := os.ReadFile("flextemplate/kneighbors.json")
	if err != nil {
		t.Fatal(err)
	}
	var spec df.ContainerSpec
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&spec); err != nil {
		t.Fatal(err)
	}
	help, err := exec.Command(file, "help", "kneighbors").Output()
	if err != nil {
		t.Fatal(err)
	}
	required := []string{}
	for _, p := range spec.Metadata.Parameters {
		if !regexp.MustCompile(`(?m)^  --` + p.Name + `\b`).Match(help) {
			t.Errorf("the parameter %s is no flag", p.Name)
		}
		if p.Label == "" || p.HelpText == "" || p.ParamType == "" {
			t.Errorf("the parameter %s says too little", p.Name)
		}
		v, given := values[p.Name]
		if !p.IsOptional {
			required = append(required, p.Name)
		}
		for _, r := range p.Regexes {
			pattern, err := regexp.Compile(r)
			if err != nil {
				t.Errorf("%s: %v", p.Name, err)
			} else if given && !pattern.MatchString(v) || pattern.MatchString("") {
				t.Errorf("%s: %s does not match %q, or matches nothing", p.Name, v, r)
			}
		}
	}
	if slices.Sort(required); !slices.Equal(required, []string{"input", "k", "output"}) || spec.Image == "" ||
		spec.SdkInfo.Language != "GO" {
		t.Errorf("it requires %q, of an image %s in %s", required, spec.Image, spec.SdkInfo.Language)
	}
}

// checkJob compares what a job asks Dataflow for with the flags.
func checkJob(t *testing.T, j *dataflow.Job, hash string, steps []string) {
	d := j.Description
	pool := d.Environment.WorkerPools[0]
	if d.Name != "a-job" || pool.MachineType != "n2-standard-8" || pool.AutoscalingSettings.MaxNumWorkers != 20 ||
		pool.Packages[0].Sha256 != hash {
		t.Errorf("the job is %s, on at most %d of %s, from the worker %s; want a-job, 20, n2-standard-8, %s",
			d.Name, pool.AutoscalingSettings.MaxNumWorkers, pool.MachineType, pool.Packages[0].Sha256, hash)
	}
	for id, e := range j.Pipeline.GetComponents().GetEnvironments() {
		var docker pipepb.DockerPayload
		if err := proto.Unmarshal(e.GetPayload(), &docker); err != nil {
			t.Fatal(err)
		}
		if e.GetUrn() != graphx.URNEnvDocker ||
			docker.GetContainerImage() != "gcr.io/cloud-dataflow/v1beta3/beam_go_sdk:2.77.0" {
			t.Errorf("environment %s: %s %s", id, e.GetUrn(), docker.GetContainerImage())
		}
	}
	for _, step := range steps {
		found := false
		for _, s := range j.Pipeline.GetComponents().GetTransforms() {
			found = found || strings.HasPrefix(s.GetUniqueName(), step)
		}
		if !found {
			t.Errorf("the pipeline has no step %s", step)
		}
	}
}

// What goes wrong on Dataflow: no output, and a line that says which job it was; an interrupt cancels the job.
func testDataflowFaults(t *testing.T) {
	f := dataflow.Start(t)
	begin := func(t *testing.T, input string, more ...string) *exec.Cmd {
		c := program(t, f.Env(), beamlearn(t),
			append(append([]string{"kneighbors", "--quiet", "--input=" + input, "--output=gs://bucket/out/n.csv",
				"--job_name=" + filepath.Base(t.Name())}, f.Flags()...), more...)...)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	noOutput := func(t *testing.T) {
		t.Helper()
		got, err := f.Objects("out/")
		if err != nil {
			t.Fatal(err)
		}
		for name := range got {
			if !strings.HasPrefix(name, ".") {
				t.Errorf("there is an output: %s", name)
			}
		}
	}
	last := func() (string, error) {
		jobs := f.Jobs()
		return f.State(jobs[len(jobs)-1])
	}

	t.Run("fault", func(t *testing.T) {
		code, stderr := ended(t, begin(t, f.Put("in/faulty.csv", []byte("1,2\n3,4\n5,x\n7,8\n")), "--header=no", "--k=1"))
		if code != 1 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "Job fake-1 failed") {
			t.Errorf("exit code %d\n%s", code, stderr)
		}
		const want = `gs://bucket/in/faulty.csv: row 2, column 1: found`
		if state, err := last(); state != "JOB_STATE_FAILED" || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the job: %s, %v; want an error with %s", state, err, want)
		}
		noOutput(t)
	})

	for name, c := range map[string]struct {
		status  int
		message string
	}{
		"no right": {403, "Permission 'dataflow.jobs.create' denied on project: 'project'"},
		"no quota": {429, "Quota exceeded for quota metric 'Create jobs' of service 'dataflow.googleapis.com'"},
	} {
		t.Run(name, func(t *testing.T) {
			jobs := len(f.Jobs())
			f.Refuse(c.status, c.message)
			code, stderr := ended(t, begin(t, f.Put("in/sound.csv", []byte("1,2\n3,4\n5,6\n")), "--header=no", "--k=1"))
			if code != 1 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.message) ||
				len(f.Jobs()) != jobs {
				t.Errorf("exit code %d, want 1 and %s\n%s", code, c.message, stderr)
			}
			noOutput(t)
		})
	}

	t.Run("interrupt", func(t *testing.T) {
		// A distance without a fast kernel, one thread: half a minute.
		rows := bytes.Repeat([]byte(strings.Repeat("1,", 63)+"2\n"), 12000)
		c := begin(t, f.Put("in/slow.csv", rows), "--header=no", "--k=5", "--metric=minkowski", "--p=2.5",
			"--algorithm=brute", "--threads=1", "--chunk_rows=100")
		for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
			if calls := f.Calls(); calls[max(0, len(calls)-1)] == "GET job" && len(f.Jobs()) == 2 {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("no job after a minute: %q", f.Calls())
			}
		}
		if err := c.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		code, stderr := ended(t, c)
		if code != 130 || stderr != "kneighbors: interrupted, no output written\n" {
			t.Errorf("exit code %d\n%s", code, stderr)
		}
		state := ""
		for end := time.Now().Add(20 * time.Second); state != "JOB_STATE_CANCELLED" &&
			time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			state, _ = last()
		}
		if state != "JOB_STATE_CANCELLED" {
			t.Errorf("the job's state is %s", state)
		}
		noOutput(t)
	})
}

// A dry run prints the job, needs no credentials, and asks nothing of Dataflow.
func testDryRun(t *testing.T) {
	f := dataflow.Start(t)
	for _, c := range [][]string{
		{"kneighbors", "--input=../testdata/digits.csv", "--id_column=id", "--columns=pixel_*", "--k=10",
			"--output=gs://bucket/n.csv"},
		{"sgd", "--input=../testdata/breast_cancer.csv", "--target=target", "--task=classification",
			"--model=gs://bucket/m.json"},
	} {
		t.Run(c[0], func(t *testing.T) {
			env := append(f.Env(), "GOOGLE_APPLICATION_CREDENTIALS=")
			cmd := program(t, env, beamlearn(t), append(c, "--runner=dataflow", "--dry_run", "--project=p", "--region=r",
				"--staging_location=gs://bucket/staging")...)
			cmd.Dir = "."
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			code, stderr := ended(t, cmd)
			for _, want := range []string{"Dry-run: not submitting job!", "JOB_TYPE_BATCH", "gs://bucket/staging/go-",
				"beam_go_sdk:2.77.0"} {
				if !strings.Contains(stderr, want) {
					t.Errorf("no %s", want)
				}
			}
			if calls := f.Calls(); len(calls) > 0 {
				t.Errorf("calls %q", calls)
			}
			if code != 0 || t.Failed() {
				t.Errorf("exit code %d\n%.4000s", code, stderr)
			}
		})
	}
}
