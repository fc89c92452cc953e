package cli

import (
	"context"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/gcpopts"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/dataflow/dataflowlib"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/util/grpcx"
	dataflow "google.golang.org/api/dataflow/v1b3"

	"beamlearn/transforms/files"
	"beamlearn/transforms/placement"
)

// runners are the values of --runner.
var runners = []string{"prism", "flink", "spark", "dataflow", "universal"}

// environments are the values of --environment_type: where the workers of an engine run.
var environments = []string{"LOOPBACK", "PROCESS", "DOCKER", "EXTERNAL"}

const (
	// jobServer is where Beam's job servers for Flink and Spark listen, unless they are told otherwise.
	jobServer = "localhost:8099"
	// dialTimeout is how long an endpoint may take to answer.
	dialTimeout = 2 * time.Second
	// bootPackage is the program that an engine starts as a worker: it fetches the worker binary and runs it.
	bootPackage = "github.com/apache/beam/sdks/v2/go/container"
)

// launchFlags are Beam's own, with what they mean for these commands; the runner reads them from the flag package.
var launchFlags = []struct{ name, usage string }{
	{"runner", "the `ENGINE`: prism (this process), flink, spark, dataflow, or universal (any other of Beam's) " +
		"(default prism)"},
	{"endpoint", "the `HOST:PORT` of the engine's Beam job server (default " + jobServer + " for flink and spark)"},
	{"environment_type", "where workers run, as `TYPE`: LOOPBACK (this process), PROCESS (started by the engine on its " +
		"hosts), DOCKER, EXTERNAL (a worker pool) (default LOOPBACK where the endpoint is on this host, DOCKER otherwise)"},
	{"environment_config", `as ` + "`CONFIG`" +
		`: for PROCESS {"command":"/path/of/boot"}, for EXTERNAL the pool's HOST:PORT, for DOCKER the image (default Beam's)`},
	{"parallelism", "how many workers of the engine share the job, as `N` (default the engine's own; on Flink that is " +
		"parallelism.default of the job server's configuration, or 1)"},
	{"worker_binary", "the `FILE` of this command or of beamlearn, built for the workers with CGO_ENABLED=0 (default " +
		"this very file where it is one, else built once and kept in the user's cache directory)"},
	{"job_name", "the `NAME` of the job in the engine's web page"},
	{"project", "the `PROJECT` of Google Cloud, for dataflow"},
	{"region", "the `REGION` of Google Cloud, for dataflow"},
	{"staging_location", "a `gs://BUCKET/PATH` for the worker binary, for dataflow"},
	{"dry_run", "print the job for dataflow and do not submit it"},
}

// launchGroup adds the flags of where to run.
func (a *App) launchGroup() {
	g := &Group{app: a, heading: "Where to run (Beam's own flags; Prism, in this process, by default)"}
	a.cluster = g
	for _, f := range launchFlags {
		of := flag.Lookup(f.name)
		of.Usage = f.usage
		g.flags = append(g.flags, of)
	}
	a.values["runner"], a.values["environment_type"], a.values["worker_arch"] = runners, environments,
		[]string{"amd64", "arm64"}
	a.workerArch = g.String("worker_arch", "amd64",
		"the `ARCH` of the hosts where workers run, all of them Linux: amd64 or arm64")
}

// launch is where to run, as the user has asked for it and with the defaults filled in.
type launch struct {
	runner, endpoint, environment, config string
	workerBinary, workerArch, jobName     string
	project, region, staging, temp        string
	template                              string // where the job goes instead of being run
	dryRun, async                         bool
	paths                                 []string // local or not: what workers read and write
	ready                                 bool     // Beam has been told
}

// newLaunch reads the flags.
func newLaunch(workerArch string, paths []string) *launch {
	value := func(name string) string {
		if f := flag.Lookup(name); f != nil {
			return f.Value.String()
		}
		return ""
	}
	l := &launch{
		runner: value("runner"), endpoint: value("endpoint"),
		environment: strings.ToUpper(value("environment_type")), config: value("environment_config"),
		workerBinary: value("worker_binary"), workerArch: workerArch, jobName: value("job_name"),
		project: value("project"), region: value("region"), staging: value("staging_location"), temp: value("temp_location"),
		template: value("template_location"), dryRun: value("dry_run") == "true", async: value("async") == "true",
		paths: paths,
	}
	return l
}

// defaults fills in what the user has left out.
func (l *launch) defaults() {
	if l.runner == "" {
		l.runner = "prism"
	}
	if l.endpoint == "" && (l.runner == "flink" || l.runner == "spark") {
		l.endpoint = jobServer
	}
	if l.environment == "" {
		switch {
		case l.runner == "dataflow":
			l.environment = "DOCKER"
		case l.endpoint == "" || isThisHost(l.endpoint):
			l.environment = "LOOPBACK"
		default:
			l.environment = "DOCKER"
		}
	}
	if l.runner == "dataflow" {
		if l.project == "" {
			l.project = os.Getenv("GOOGLE_CLOUD_PROJECT")
		}
		if l.region == "" {
			l.region = os.Getenv("CLOUDSDK_COMPUTE_REGION")
		}
	}
}

// apply hands the defaults to Beam, whose runners read the flags.
func (l *launch) apply() error {
	var errs []error
	for name, v := range map[string]string{
		"runner": l.runner, "endpoint": l.endpoint, "environment_type": l.environment, "worker_binary": l.workerBinary,
		"project": l.project, "region": l.region, "job_name": l.jobName,
	} {
		if flag.Lookup(name).Value.String() != v {
			errs = append(errs, flag.Set(name, v))
		}
	}
	return errors.Join(errs...)
}

// workers are in this process where the runner, too, is there and nowhere else.
func (l *launch) workers() placement.Workers {
	if l.runner == "prism" && l.endpoint == "" && l.environment == "LOOPBACK" {
		return placement.InProcess
	}
	return placement.Remote
}

// needsBinary reports whether a worker starts from a copy of this program.
func (l *launch) needsBinary() bool { return l.environment != "LOOPBACK" && !l.dryRun }

// elsewhere says where workers run, if their files may not be those of this host.
func (l *launch) elsewhere() string {
	switch {
	case l.runner == "dataflow":
		return "on Dataflow"
	case l.environment == "DOCKER":
		return "in containers"
	case l.endpoint != "" && !isThisHost(l.endpoint):
		return "at " + l.endpoint
	}
	return ""
}

// check says what is missing, each in a line: faults, without which the job cannot run, and what may be one.
func (l *launch) check(ctx context.Context) (warnings []string, err error) {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !slices.Contains(runners, l.runner) {
		fault("--runner=%s: must be one of %s", l.runner, strings.Join(runners, ", "))
		return nil, errors.Join(errs...)
	}
	if !slices.Contains(environments, l.environment) {
		fault("--environment_type=%s: must be one of %s", l.environment, strings.Join(environments, ", "))
	}
	if l.workerArch != "amd64" && l.workerArch != "arm64" {
		fault("--worker_arch=%s: must be amd64 or arm64", l.workerArch)
	}
	if l.async {
		fault("--async is not for this command, which says how the job has ended: a job that nobody waits for is made by " +
			"--template_location")
	}
	if l.template != "" && l.runner != "dataflow" {
		fault("--template_location: only --runner=dataflow has it")
	} else if l.template != "" && !isBucket(l.template) {
		fault("--template_location=%s: must be gs://BUCKET/PATH", l.template)
	}
	if l.dryRun && l.runner != "dataflow" {
		fault("--dry_run: only --runner=dataflow has it")
	}
	if l.runner == "dataflow" {
		errs = append(errs, l.checkDataflow())
	} else {
		errs = append(errs, l.checkEndpoint(ctx), l.checkEnvironment())
	}
	if l.needsBinary() && l.workerBinary != "" {
		errs = append(errs, checkBinary(l.workerBinary, l.workerArch))
	}
	if where := l.elsewhere(); where != "" {
		for _, p := range l.paths {
			switch {
			case !files.IsLocal(p):
			case l.runner == "dataflow" && !l.dryRun:
				fault("%s is on this host, where workers on Dataflow cannot reach it: use gs://", p)
			default:
				warnings = append(warnings, fmt.Sprintf("%s is a local path: workers run %s, and need the same files there", p,
					where))
			}
		}
	}
	return warnings, errors.Join(errs...)
}

func (l *launch) checkDataflow() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if l.project == "" {
		fault("--project is needed for --runner=dataflow: the project of Google Cloud")
	}
	if l.region == "" {
		fault("--region is needed for --runner=dataflow: us-central1, europe-west1 and so on")
	}
	switch {
	case l.staging == "":
		fault("--staging_location is needed for --runner=dataflow: gs://BUCKET/PATH for the worker binary")
	case !isBucket(l.staging):
		fault("--staging_location=%s: must be gs://BUCKET/PATH", l.staging)
	}
	if l.temp != "" && !isBucket(l.temp) {
		fault("--temp_location=%s: must be gs://BUCKET/PATH", l.temp)
	}
	if l.environment != "DOCKER" {
		fault("--environment_type=%s: workers of Dataflow run in containers; leave it out", l.environment)
	}
	return errors.Join(errs...)
}

func isBucket(s string) bool {
	bucket, ok := strings.CutPrefix(s, "gs://")
	return ok && bucket != "" && bucket[0] != '/'
}

func (l *launch) checkEndpoint(ctx context.Context) error {
	if l.endpoint == "" {
		if l.runner == "prism" {
			return nil
		}
		return fmt.Errorf("--endpoint is needed for --runner=%s: HOST:PORT of its Beam job server", l.runner)
	}
	if _, _, err := net.SplitHostPort(l.endpoint); err != nil {
		return fmt.Errorf("--endpoint=%s: must be HOST:PORT", l.endpoint)
	}
	d := net.Dialer{Timeout: dialTimeout}
	c, err := d.DialContext(ctx, "tcp", l.endpoint)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		return fmt.Errorf("--endpoint=%s: no job server of --runner=%s answers: %w", l.endpoint, l.runner, err)
	}
	return c.Close()
}

func (l *launch) checkEnvironment() error {
	local := l.endpoint == "" || isThisHost(l.endpoint)
	switch l.environment {
	case "LOOPBACK":
		if !local {
			return fmt.Errorf("--environment_type=LOOPBACK: an engine at %s cannot reach this process; use DOCKER, PROCESS "+
				"or EXTERNAL", l.endpoint)
		}
	case "PROCESS":
		var c struct {
			Command string `json:"command"`
		}
		const form = `--environment_config={"command":"/path/of/boot"}`
		switch err := json.Unmarshal([]byte(l.config), &c); {
		case l.config == "":
			return fmt.Errorf("--environment_type=PROCESS needs %s, a program that CGO_ENABLED=0 go build -o boot %s makes",
				form, bootPackage)
		case err != nil || c.Command == "":
			return fmt.Errorf("--environment_config=%s: must be as in %s", l.config, form)
		}
		if !local {
			return nil // it is on the engine's hosts
		}
		if _, err := exec.LookPath(c.Command); err != nil {
			return fmt.Errorf("--environment_config: the command %s is not there or is not executable: CGO_ENABLED=0 go "+
				"build -o %[1]s %s makes it", c.Command, bootPackage)
		}
	case "EXTERNAL":
		if _, _, err := net.SplitHostPort(l.config); err != nil {
			return fmt.Errorf("--environment_type=EXTERNAL needs --environment_config=HOST:PORT, the worker pool's")
		}
	}
	return nil
}

// isThisHost reports whether an endpoint is on the host of this process.
func isThisHost(endpoint string) bool {
	host, _, err := net.SplitHostPort(endpoint)
	if err != nil {
		host = endpoint
	}
	if name, err := os.Hostname(); host == "localhost" || err == nil && strings.EqualFold(host, name) {
		return true
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	if ip.IsLoopback() {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr() == ip.Unmap() {
			return true
		}
	}
	return false
}

// machines are the architectures of workers, as an ELF header has them.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// checkBinary says why a file cannot run as a worker of this program.
func checkBinary(name, arch string) error {
	fault := func(format string, args ...any) error {
		return fmt.Errorf("--worker_binary=%s: %s", name, fmt.Sprintf(format, args...))
	}
	f, err := elf.Open(name)
	var format *elf.FormatError
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fault("there is no such file")
	case errors.As(err, &format), errors.Is(err, io.EOF):
		return fault("is no program for Linux: build it with GOOS=linux GOARCH=%s CGO_ENABLED=0", arch)
	case err != nil:
		return fault("%v", err)
	}
	defer f.Close()
	if f.OSABI != elf.ELFOSABI_NONE && f.OSABI != elf.ELFOSABI_LINUX {
		return fault("is a program for %s, not for Linux", strings.TrimPrefix(f.OSABI.String(), "ELFOSABI_"))
	}
	if f.Machine != machines[arch] {
		return fault("is a program for %s, not for %s (--worker_arch)", strings.TrimPrefix(f.Machine.String(), "EM_"), arch)
	}
	info, err := buildinfo.ReadFile(name)
	if err != nil {
		return fault("is no Go program: %v", err)
	}
	if self, ok := debug.ReadBuildInfo(); ok && isCommand(self.Path) && isCommand(info.Path) && info.Path != self.Path &&
		info.Path != workerPackage {
		return fault("is %s, not %s or %s", info.Path, self.Path, workerPackage)
	}
	return nil
}

// isCommand reports whether the path of a program, as the build has recorded it, says which program that is.
func isCommand(path string) bool {
	return path != "" && path != "command-line-arguments" && !strings.HasSuffix(path, ".test")
}

// cancelTimeout is how long an engine may take to be told of an interrupt.
const cancelTimeout = 10 * time.Second

// where is where the job runs without the program that has submitted it; empty where it runs in this process.
func (l *launch) where() string {
	if l.runner == "dataflow" {
		return "Dataflow"
	}
	return l.endpoint
}

// cancel ends the job where it would else go on without the program that has submitted it.
func (l *launch) cancel(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, cancelTimeout)
	defer stop()
	switch l.where() {
	case "":
		return nil
	case "Dataflow":
		return l.cancelDataflow(ctx)
	}
	cc, err := grpcx.Dial(ctx, l.endpoint, cancelTimeout)
	if err != nil {
		return err
	}
	defer cc.Close()
	client := jobpb.NewJobServiceClient(cc)
	jobs, err := client.GetJobs(ctx, &jobpb.GetJobsRequest{})
	if err != nil {
		return err
	}
	var errs []error
	for _, j := range jobs.GetJobInfo() {
		if j.GetJobName() != l.jobName {
			continue
		}
		switch j.GetState() {
		case jobpb.JobState_DONE, jobpb.JobState_FAILED, jobpb.JobState_CANCELLED:
		default:
			_, err := client.Cancel(ctx, &jobpb.CancelJobRequest{JobId: j.GetJobId()})
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// cancelDataflow ends the jobs of this name. There is none as long as the submission goes on, which ends with this
// process.
func (l *launch) cancelDataflow(ctx context.Context) error {
	client, err := dataflowlib.NewClient(ctx, flag.Lookup("dataflow_endpoint").Value.String())
	if err != nil {
		return err
	}
	jobs := client.Projects.Locations.Jobs
	var errs []error
	err = jobs.List(l.project, l.region).Filter("ACTIVE").Pages(ctx, func(page *dataflow.ListJobsResponse) error {
		for _, j := range page.Jobs {
			if j.Name == l.jobName {
				_, err := jobs.Update(l.project, l.region, j.Id, &dataflow.Job{RequestedState: "JOB_STATE_CANCELLED"}).Context(
					ctx).Do()
				errs = append(errs, err)
			}
		}
		return nil
	})
	return errors.Join(append(errs, err)...)
}

// findProject asks Google's libraries for the project of the user's credentials.
func (l *launch) findProject(ctx context.Context) {
	if l.runner == "dataflow" && l.project == "" {
		l.project = gcpopts.GetProjectFromFlagOrEnvironment(ctx)
	}
}
