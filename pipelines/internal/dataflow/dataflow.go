// Package dataflow stands in for Dataflow and Cloud Storage on the loopback interface. What is submitted to it runs:
// it takes the pipeline and the worker binary from where the submission has staged them, as Dataflow does, starts
// that binary as a process that knows nothing of the submitter, and executes the pipeline with it on Prism.
//
// It checks what of a submission can be checked without Google: credentials, staged files and their hashes, the job's
// description. It has no container, so that the image and Beam's boot program in it are not tried, one worker, and none
// of Dataflow's own shuffle, autoscaling or quotas; what a refusal for want of these looks like, [Fake.Refuse] says.
package dataflow

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
	df "google.golang.org/api/dataflow/v1b3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"beamlearn/transforms/files/gcstest"
)

const (
	// Bucket is the one of the fake's storage.
	Bucket = gcstest.Bucket
	// Project and Region are the ones that it serves.
	Project, Region = "project", "region1"

	staging = "gs://" + Bucket + "/staging"
	token   = "token-of-the-fake"
)

// Fake is a Dataflow and a Cloud Storage.
type Fake struct {
	dir     string
	server  *httptest.Server
	storage *gcstest.Storage
	prism   jobpb.JobServiceClient
	pool    string // address of the worker pool

	mu      sync.Mutex
	calls   []string
	jobs    []*Job
	refusal error // of the next job, if any
	workers map[string]*exec.Cmd
	closed  bool

	fnpb.UnimplementedBeamFnExternalWorkerPoolServer
}

// Job is what was submitted.
type Job struct {
	ID string
	// Description is what was posted.
	Description *df.Job
	// Pipeline is what was staged.
	Pipeline *pipepb.Pipeline
	// Worker is a copy of the binary that was staged.
	Worker string

	options string // the file of its pipeline options, as a worker gets them
	prismID string
	state   string
	err     error         // of its execution
	done    chan struct{} // closed when the state is the last
}

// Start starts the fake, and ends it with the test.
func Start(t testing.TB) *Fake {
	t.Helper()
	f := &Fake{dir: t.TempDir(), storage: gcstest.NewStorage(), workers: map[string]*exec.Cmd{}}
	mux := http.NewServeMux()
	f.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" || strings.HasPrefix(r.URL.Path, "/v1b3/") {
			mux.ServeHTTP(w, r)
		} else {
			f.storage.ServeHTTP(w, r) // whose objects' names are no paths to be cleaned
		}
	}))
	mux.HandleFunc("POST /token", f.serve("POST token", f.authenticate))
	const jobs = " /v1b3/projects/" + Project + "/locations/" + Region + "/jobs"
	mux.HandleFunc("POST"+jobs, f.serve("POST jobs", f.create))
	mux.HandleFunc("GET"+jobs, f.serve("GET jobs", f.list))
	mux.HandleFunc("GET"+jobs+"/{id}", f.serve("GET job", f.get))
	mux.HandleFunc("PUT"+jobs+"/{id}", f.serve("PUT job", f.update))
	mux.HandleFunc("GET"+jobs+"/{id}/metrics", f.serve("GET metrics", f.metrics))
	f.server.Start()
	t.Cleanup(f.server.Close)
	if err := f.writeKey(); err != nil {
		t.Fatal(err)
	}

	slog.SetDefault(slog.New(slog.DiscardHandler)) // what Prism says of an error, [Fake.State] has
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	var err error
	if f.prism, err = prism.CreateJobServer(ctx, prism.Options{}); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pool := grpc.NewServer()
	fnpb.RegisterBeamFnExternalWorkerPoolServer(pool, f)
	f.pool = listener.Addr().String()
	go pool.Serve(listener) // ends with an error when it is stopped
	t.Cleanup(func() {
		pool.Stop()
		f.stopWorkers()
	})
	return f
}

// Env is the environment of a program that submits: the fake's storage, and a key of its own for the fake's tokens.
func (f *Fake) Env() []string {
	return []string{"STORAGE_EMULATOR_HOST=" + f.server.Listener.Addr().String(), "GOOGLE_APPLICATION_CREDENTIALS=" +
		f.key()}
}

// Flags are those of a command that submits.
func (f *Fake) Flags() []string {
	return []string{"--runner=dataflow", "--project=" + Project, "--region=" + Region, "--staging_location=" + staging,
		"--dataflow_endpoint=" + f.server.URL + "/"}
}

// Put makes an object and gives its name.
func (f *Fake) Put(object string, content []byte) string {
	f.storage.Put(object, content)
	return "gs://" + Bucket + "/" + object
}

// Objects are the contents of all objects whose names begin with a prefix, by the rest of their names.
func (f *Fake) Objects(prefix string) (map[string]string, error) {
	all := map[string]string{}
	for _, name := range f.storage.Names(prefix) {
		content, err := f.storage.Get(name)
		if err != nil {
			return nil, err
		}
		all[strings.TrimPrefix(name, prefix)] = string(content)
	}
	return all, nil
}

// Jobs are those that were submitted, in their order.
func (f *Fake) Jobs() []*Job {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.jobs)
}

// State is a job's state, as Dataflow names it, and what has gone wrong where that is a failure.
func (f *Fake) State(j *Job) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return j.state, j.err
}

// Calls are those to other than the storage, in their order.
func (f *Fake) Calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

func (f *Fake) key() string { return filepath.Join(f.dir, "key.json") }

// writeKey makes a service account's key, whose tokens the fake gives.
func (f *Fake) writeKey() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	b, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": Project, "client_email": "fake@" + Project, "private_key_id": "1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": f.server.URL +
			"/token",
	})
	if err != nil {
		return err
	}
	return os.WriteFile(f.key(), b, 0o600)
}

// httpError is an error with the status that says it.
type httpError struct {
	status int
	error
}

// Refuse makes the fake refuse the next job, with a status of HTTP and a message, as for want of rights or of quota.
func (f *Fake) Refuse(status int, message string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refusal = &httpError{status, errors.New(message)}
}

func badRequest(format string, args ...any) error {
	return &httpError{http.StatusBadRequest, fmt.Errorf(format, args...)}
}

// serve notes a call, and answers it in JSON.
func (f *Fake) serve(name string, answer func(r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.calls = append(f.calls, name)
		f.mu.Unlock()
		var v any
		err := error(&httpError{http.StatusUnauthorized, errors.New("no token of this server")})
		if name == "POST token" || r.Header.Get("Authorization") == "Bearer "+token {
			v, err = answer(r)
		}
		status := http.StatusOK
		if err != nil {
			status = http.StatusInternalServerError
			var h *httpError
			if errors.As(err, &h) {
				status = h.status
			}
			v = map[string]any{"error": map[string]any{"code": status, "message": err.Error()}}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v) // a caller that has gone needs no answer
	}
}

// Launch runs the job of a template, an object, as the service does, and returns when it is over.
func (f *Fake) Launch(template string) (*Job, error) {
	description, err := f.storage.Get(template)
	if err != nil {
		return nil, err
	}
	if _, err := f.create(httptest.NewRequest("POST", "/", bytes.NewReader(description))); err != nil {
		return nil, err
	}
	all := f.Jobs()
	j := all[len(all)-1]
	<-j.done
	return j, nil
}

func (f *Fake) authenticate(r *http.Request) (any, error) {
	if r.FormValue("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" ||
		strings.Count(r.FormValue("assertion"), ".") != 2 {
		return nil, badRequest("no assertion of a service account")
	}
	return map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 3600}, nil
}

// create takes a job, and begins it.
func (f *Fake) create(r *http.Request) (any, error) {
	var d df.Job
	if err := json.NewDecoder(r.Body).Decode(&d); err != nil {
		return nil, badRequest("%w", err)
	}
	f.mu.Lock()
	if err := f.refusal; err != nil {
		f.refusal = nil
		f.mu.Unlock()
		return nil, err
	}
	j := &Job{ID: fmt.Sprintf("fake-%d", len(f.jobs)+1), Description: &d, state: "JOB_STATE_RUNNING",
		done: make(chan struct{})}
	f.jobs = append(f.jobs, j)
	f.mu.Unlock()
	pipeline, err := f.load(j)
	if err != nil {
		return nil, err
	}
	if j.prismID, err = f.begin(j, pipeline); err != nil {
		return nil, err
	}
	go f.wait(j)
	return f.show(j), nil
}

// load gets what a job's description says was staged, and prepares it for the fake's own worker pool.
func (f *Fake) load(j *Job) (*pipepb.Pipeline, error) {
	env := j.Description.Environment
	if j.Description.Type != "JOB_TYPE_BATCH" || env == nil || len(env.WorkerPools) != 1 ||
		len(env.WorkerPools[0].Packages) != 1 {
		return nil, badRequest("the job is not a batch job with one pool of workers and one package for them")
	}
	var options struct {
		Options struct {
			PipelineURL       string `json:"pipelineUrl"`
			PipelineProtoHash string `json:"pipelineProtoHash"`
		} `json:"options"`
	}
	if err := json.Unmarshal(env.SdkPipelineOptions, &options); err != nil {
		return nil, badRequest("the pipeline's options: %w", err)
	}
	model, err := f.staged(options.Options.PipelineURL, options.Options.PipelineProtoHash)
	if err != nil {
		return nil, err
	}
	j.Pipeline = &pipepb.Pipeline{}
	if err := proto.Unmarshal(model, j.Pipeline); err != nil {
		return nil, badRequest("the staged pipeline: %w", err)
	}
	pack := env.WorkerPools[0].Packages[0]
	worker, err := f.staged(pack.Location, pack.Sha256)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(f.dir, j.ID)
	j.Worker, j.options = filepath.Join(dir, "program"), filepath.Join(dir, "options.json")
	if err := errors.Join(os.Mkdir(dir, 0o777), os.WriteFile(j.Worker, worker, 0o777),
		os.WriteFile(j.options, env.SdkPipelineOptions, 0o666)); err != nil {
		return nil, err
	}

	pipeline := proto.Clone(j.Pipeline).(*pipepb.Pipeline)
	external, err := proto.Marshal(&pipepb.ExternalPayload{
		Endpoint: &pipepb.ApiServiceDescriptor{Url: f.pool}, Params: map[string]string{"job": j.ID},
	})
	if err != nil {
		return nil, err
	}
	for id, e := range pipeline.GetComponents().GetEnvironments() {
		if err := checkEnvironment(e, pack); err != nil {
			return nil, badRequest("environment %s: %w", id, err)
		}
		e.Urn, e.Payload = graphx.URNEnvExternal, external
	}
	return pipeline, nil
}

// checkEnvironment says what is wrong with the environment of a staged pipeline: it must be a container in which
// Beam's boot finds the very package of the job.
func checkEnvironment(e *pipepb.Environment, pack *df.Package) error {
	if e.GetUrn() != graphx.URNEnvDocker {
		return fmt.Errorf("is %s, not a container", e.GetUrn())
	}
	for _, d := range e.GetDependencies() {
		if d.GetRoleUrn() != graphx.URNArtifactGoWorkerRole {
			continue
		}
		var url pipepb.ArtifactUrlPayload
		if err := proto.Unmarshal(d.GetTypePayload(), &url); err != nil {
			return err
		}
		if d.GetTypeUrn() != graphx.URNArtifactURLType || url.GetUrl() != pack.Location || url.GetSha256() != pack.Sha256 {
			return fmt.Errorf("the worker is %s %v, the job's package %s", d.GetTypeUrn(), &url, pack.Location)
		}
		return nil
	}
	return errors.New("has no worker")
}

// staged reads an object, and compares its hash.
func (f *Fake) staged(url, hash string) ([]byte, error) {
	name, ok := strings.CutPrefix(url, "gs://"+Bucket+"/")
	if !ok || !strings.HasPrefix(url, staging+"/") {
		return nil, badRequest("%q is not in the staging location", url)
	}
	content, err := f.storage.Get(name)
	if err != nil {
		return nil, badRequest("%s: %w", url, err)
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != hash {
		return nil, badRequest("%s: the SHA-256 is %x, not %s", url, sum, hash)
	}
	return content, nil
}

// begin starts a pipeline on Prism.
func (f *Fake) begin(j *Job, p *pipepb.Pipeline) (string, error) {
	options := &structpb.Struct{}
	if err := options.UnmarshalJSON(j.Description.Environment.SdkPipelineOptions); err != nil {
		return "", err
	}
	ctx := context.Background()
	prepared, err := f.prism.Prepare(ctx, &jobpb.PrepareJobRequest{Pipeline: p, PipelineOptions: options,
		JobName: j.Description.Name})
	if err != nil {
		return "", err
	}
	run, err := f.prism.Run(ctx, &jobpb.RunJobRequest{PreparationId: prepared.GetPreparationId()})
	return run.GetJobId(), err
}

// wait waits for the end of a job.
func (f *Fake) wait(j *Job) {
	state, err := f.follow(j.prismID)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err == nil && state == jobpb.JobState_DONE:
		j.state = "JOB_STATE_DONE"
	case err == nil && state == jobpb.JobState_CANCELLED:
		j.state = "JOB_STATE_CANCELLED"
	default:
		j.state, j.err = "JOB_STATE_FAILED", errors.Join(err, fmt.Errorf("the job ends with %s", state))
	}
	close(j.done)
}

// follow gives the last state of a job of Prism, or its error.
func (f *Fake) follow(id string) (jobpb.JobState_Enum, error) {
	stream, err := f.prism.GetMessageStream(context.Background(), &jobpb.JobMessagesRequest{JobId: id})
	if err != nil {
		return 0, err
	}
	var last jobpb.JobState_Enum
	var said []string
	for {
		m, err := stream.Recv()
		switch {
		case err == io.EOF && last == jobpb.JobState_FAILED:
			return last, errors.New(strings.Join(said, "\n"))
		case err == io.EOF:
			return last, nil
		case err != nil:
			return last, err
		}
		if r := m.GetMessageResponse(); r.GetImportance() >= jobpb.JobMessage_JOB_MESSAGE_ERROR {
			said = append(said, r.GetMessageText())
		}
		if s := m.GetStateResponse().GetState(); s != jobpb.JobState_UNSPECIFIED {
			last = s
		}
	}
}

// show is a job as Dataflow answers it.
func (f *Fake) show(j *Job) *df.Job {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &df.Job{Id: j.ID, Name: j.Description.Name, ProjectId: Project, Location: Region, Type: j.Description.Type,
		CurrentState: j.state}
}

func (f *Fake) find(r *http.Request) (*Job, error) {
	for _, j := range f.Jobs() {
		if j.ID == r.PathValue("id") {
			return j, nil
		}
	}
	return nil, &httpError{http.StatusNotFound, fmt.Errorf("no job %s", r.PathValue("id"))}
}

// get answers when the job is over: the SDK would ask again after half a minute only.
func (f *Fake) get(r *http.Request) (any, error) {
	j, err := f.find(r)
	if err != nil {
		return nil, err
	}
	select {
	case <-j.done:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	return f.show(j), nil
}

// list gives the jobs that go on.
func (f *Fake) list(r *http.Request) (any, error) {
	if filter := r.FormValue("filter"); filter != "ACTIVE" {
		return nil, badRequest("filter=%q", filter)
	}
	var l df.ListJobsResponse
	for _, j := range f.Jobs() {
		if s := f.show(j); s.CurrentState == "JOB_STATE_RUNNING" {
			l.Jobs = append(l.Jobs, s)
		}
	}
	return &l, nil
}

// update cancels a job.
func (f *Fake) update(r *http.Request) (any, error) {
	j, err := f.find(r)
	if err != nil {
		return nil, err
	}
	var d df.Job
	if err := json.NewDecoder(r.Body).Decode(&d); err != nil {
		return nil, badRequest("%w", err)
	}
	if d.RequestedState != "JOB_STATE_CANCELLED" {
		return nil, badRequest("requestedState=%q", d.RequestedState)
	}
	if _, err := f.prism.Cancel(r.Context(), &jobpb.CancelJobRequest{JobId: j.prismID}); err != nil {
		return nil, err
	}
	return f.show(j), nil
}

func (f *Fake) metrics(r *http.Request) (any, error) {
	_, err := f.find(r)
	return &df.JobMetrics{}, err
}

// StartWorker starts the staged binary of a job as its worker. All that it has of this host is the storage's address.
func (f *Fake) StartWorker(_ context.Context, r *fnpb.StartWorkerRequest) (*fnpb.StartWorkerResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return &fnpb.StartWorkerResponse{Error: "the pool is closed"}, nil
	}
	for _, j := range f.jobs {
		if j.ID != r.GetParams()["job"] {
			continue
		}
		c := exec.Command(j.Worker, "--worker=true", "--id="+r.GetWorkerId(),
			"--logging_endpoint="+r.GetLoggingEndpoint().GetUrl(), "--control_endpoint="+r.GetControlEndpoint().GetUrl(),
			"--semi_persist_dir="+filepath.Dir(j.Worker))
		c.Dir = filepath.Dir(j.Worker)
		c.Env = []string{f.Env()[0], "PIPELINE_OPTIONS_FILE=" + j.options, "TMPDIR=" + c.Dir}
		if err := c.Start(); err != nil {
			return &fnpb.StartWorkerResponse{Error: err.Error()}, nil
		}
		f.workers[r.GetWorkerId()] = c
		return &fnpb.StartWorkerResponse{}, nil
	}
	return &fnpb.StartWorkerResponse{Error: fmt.Sprintf("no job %q", r.GetParams()["job"])}, nil
}

// StopWorker ends a worker.
func (f *Fake) StopWorker(_ context.Context, r *fnpb.StopWorkerRequest) (*fnpb.StopWorkerResponse, error) {
	f.mu.Lock()
	c := f.workers[r.GetWorkerId()]
	delete(f.workers, r.GetWorkerId())
	f.mu.Unlock()
	if c == nil {
		return &fnpb.StopWorkerResponse{Error: "no such worker"}, nil
	}
	end(c)
	return &fnpb.StopWorkerResponse{}, nil
}

func (f *Fake) stopWorkers() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for _, c := range f.workers {
		end(c)
	}
}

// end ends a process. How it has ended is of no interest: it may have done so before.
func end(c *exec.Cmd) {
	_ = c.Process.Kill()
	_ = c.Wait()
}
