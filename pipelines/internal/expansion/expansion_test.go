package expansion

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/coder"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx/schema"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/typex"
	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/universal/extworker"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	model "beamlearn/model/linear"
)

// place is a row of the tests, as Python's SDK makes one of a NamedTuple.
type place struct {
	Name string    `beam:"name"`
	At   []float64 `beam:"at"`
	Tall *float64  `beam:"tall"`
}

// flat is a row to learn from.
type flat struct {
	ID    string  `beam:"id"`
	Rooms int64   `beam:"rooms"`
	Price float64 `beam:"price"`
}

func init() {
	beam.RegisterType(reflect.TypeOf(place{}))
	beam.RegisterType(reflect.TypeOf(flat{}))
	register.Function1x1(moved)
	register.Function1x1(priced)
	register.Function1x0(keepNeighbors)
	register.Function1x0(keepPrediction)
}

var kept struct {
	sync.Mutex
	scale       float64 // of the rows of a run
	neighbors   []Neighbors
	predictions []Prediction
}

func moved(p place) place {
	kept.Lock()
	defer kept.Unlock()
	for i := range p.At {
		p.At[i] *= kept.scale
	}
	return p
}

func priced(f flat) flat {
	kept.Lock()
	defer kept.Unlock()
	f.Price *= kept.scale
	return f
}

func keepNeighbors(n Neighbors) {
	kept.Lock()
	defer kept.Unlock()
	kept.neighbors = append(kept.neighbors, n)
}

func keepPrediction(p Prediction) {
	kept.Lock()
	defer kept.Unlock()
	kept.predictions = append(kept.predictions, p)
}

func TestMain(m *testing.M) {
	flag.Parse()
	beam.Init()
	ptest.MainRet(m)
}

// rowCoder is the coder of rows of a type.
func rowCoder(t *testing.T, of any) *pipepb.Coder {
	t.Helper()
	s, err := schema.FromType(reflect.TypeOf(of))
	if err != nil {
		t.Fatal(err)
	}
	b, err := proto.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return &pipepb.Coder{Spec: &pipepb.FunctionSpec{Urn: urnRow, Payload: b}}
}

// request is one as Python's SDK sends it: the inputs by their tags, each with its coder, and an impulse as its
// producer.
func request(urn string, options any, inputs map[string]*pipepb.Coder) *jobpb.ExpansionRequest {
	c := &pipepb.Components{
		Transforms: map[string]*pipepb.PTransform{}, Pcollections: map[string]*pipepb.PCollection{},
		Coders: map[string]*pipepb.Coder{"ref_Coder_GlobalWindow": {
			Spec: &pipepb.FunctionSpec{Urn: "beam:coder:global_window:v1"}}},
		WindowingStrategies: map[string]*pipepb.WindowingStrategy{"ref_Windowing": {
			WindowFn: &pipepb.FunctionSpec{Urn: graphx.URNGlobalWindowsWindowFn}, WindowCoderId: "ref_Coder_GlobalWindow"}},
		Environments: map[string]*pipepb.Environment{"ref_Environment": {Urn: graphx.URNEnvDocker}},
	}
	t := &pipepb.PTransform{UniqueName: "mine/knn", Inputs: map[string]string{},
		Spec: &pipepb.FunctionSpec{Urn: urn, Payload: beam.CrossLanguagePayload(options)}}
	for tag, coder := range inputs {
		c.Coders["ref_Coder_"+tag] = coder
		c.Pcollections["ref_PCollection_"+tag] = &pipepb.PCollection{UniqueName: tag, CoderId: "ref_Coder_" + tag,
			WindowingStrategyId: "ref_Windowing", IsBounded: pipepb.IsBounded_BOUNDED}
		c.Transforms["impulse_"+tag] = &pipepb.PTransform{Spec: &pipepb.FunctionSpec{Urn: graphx.URNImpulse},
			Outputs: map[string]string{"out": "ref_PCollection_" + tag}}
		t.Inputs[tag] = "ref_PCollection_" + tag
	}
	return &jobpb.ExpansionRequest{Components: c, Transform: t, Namespace: "external_1"}
}

func service(t *testing.T) *Service {
	t.Helper()
	e, err := Environment(context.Background(), "EXTERNAL", "localhost:1234", "")
	if err != nil {
		t.Fatal(err)
	}
	return &Service{Environment: e, Staging: t.TempDir()}
}

// nearest are options of KNN as a row.
type nearest struct {
	K      int64  `beam:"k"`
	Metric string `beam:"metric"`
	ID     string `beam:"id"`
	Values string `beam:"values"`
}

// powered names no metric beside its power.
type powered struct {
	K      int64   `beam:"k"`
	P      float64 `beam:"p"`
	ID     string  `beam:"id"`
	Values string  `beam:"values"`
}

// The answer has what was asked with, as it was; what is new is in the namespace and in the environment of the service;
// whatever is named is there; and the inputs are read by the first steps.
func TestExpand(t *testing.T) {
	t.Parallel()
	s := service(t)
	for _, tags := range [][]string{{"input"}, {"points", "queries"}} {
		inputs := map[string]*pipepb.Coder{}
		for _, tag := range tags {
			inputs[tag] = rowCoder(t, place{})
		}
		req := request(KNN, nearest{3, "cosine", "name", "at"}, inputs)
		r, err := s.Expand(context.Background(), proto.Clone(req).(*jobpb.ExpansionRequest))
		if err != nil || r.GetError() != "" {
			t.Fatal(err, r.GetError())
		}
		checkAnswer(t, req, r, s.Environment)
		c := r.GetComponents()
		for _, in := range req.GetTransform().GetInputs() {
			readers := 0
			for _, p := range c.GetTransforms() {
				if len(p.GetSubtransforms()) == 0 && slices.Contains(slices.Collect(mapValues(p.GetInputs())), in) {
					readers++
				}
			}
			if readers != 1 {
				t.Errorf("%q: %d steps read %s", tags, readers, in)
			}
		}
		out := c.GetPcollections()[r.GetTransform().GetOutputs()["output"]]
		row, err := rowType(c.GetCoders()[out.GetCoderId()].GetSpec().GetPayload())
		if err != nil || !slices.Equal(columnsOf(row), []string{"id", "neighbors", "distances"}) {
			t.Errorf("%q: rows of %v, %v", tags, row, err)
		}
	}
}

func mapValues[V any](m map[string]V) func(func(V) bool) {
	return func(yield func(V) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

// checkAnswer checks what all answers have in common.
func checkAnswer(t *testing.T, req *jobpb.ExpansionRequest, r *jobpb.ExpansionResponse,
	environment *pipepb.Environment) {
	t.Helper()
	c, asked, top := r.GetComponents(), req.GetComponents(), r.GetTransform()
	if top.GetUniqueName() != req.GetTransform().GetUniqueName() || len(top.GetSubtransforms()) == 0 ||
		len(top.GetOutputs()) != 1 ||
		fmt.Sprint(top.GetInputs()) != fmt.Sprint(req.GetTransform().GetInputs()) {
		t.Errorf("the transform: %v", top)
	}
	same(t, asked.GetTransforms(), c.GetTransforms())
	same(t, asked.GetPcollections(), c.GetPcollections())
	same(t, asked.GetCoders(), c.GetCoders())
	same(t, asked.GetWindowingStrategies(), c.GetWindowingStrategies())
	same(t, asked.GetEnvironments(), c.GetEnvironments())
	exists := func(what, id string, ok bool) {
		t.Helper()
		if !ok {
			t.Errorf("there is no %s %q", what, id)
		}
	}
	for _, p := range append(slices.Collect(mapValues(c.GetTransforms())), top) {
		for _, id := range p.GetSubtransforms() {
			exists("transform", id, c.GetTransforms()[id] != nil)
		}
		for _, ends := range []map[string]string{p.GetInputs(), p.GetOutputs()} {
			for _, id := range ends {
				exists("collection", id, c.GetPcollections()[id] != nil)
			}
		}
		if id := p.GetEnvironmentId(); id != "" && !proto.Equal(c.GetEnvironments()[id], environment) {
			t.Errorf("%s: the environment %q", p.GetUniqueName(), id)
		}
		if strings.Contains(p.GetUniqueName(), inputScope) {
			t.Errorf("%s is left", p.GetUniqueName())
		}
	}
	for id, p := range c.GetPcollections() {
		if asked.GetPcollections()[id] == nil && !strings.HasPrefix(p.GetUniqueName(), req.GetNamespace()+"_") {
			t.Errorf("another answer may have a collection of the name %s", p.GetUniqueName())
		}
		exists("coder", p.GetCoderId(), c.GetCoders()[p.GetCoderId()] != nil)
		w := p.GetWindowingStrategyId()
		exists("windowing strategy", w, c.GetWindowingStrategies()[w] != nil)
	}
	for _, w := range c.GetWindowingStrategies() {
		exists("coder", w.GetWindowCoderId(), c.GetCoders()[w.GetWindowCoderId()] != nil)
	}
	for _, k := range c.GetCoders() {
		for _, id := range k.GetComponentCoderIds() {
			exists("coder", id, c.GetCoders()[id] != nil)
		}
	}
}

// same checks that an answer has what was asked with, and beside it only what is in the namespace.
func same[M proto.Message](t *testing.T, asked, answered map[string]M) {
	t.Helper()
	for id, m := range answered {
		if a, ok := asked[id]; ok && !proto.Equal(a, m) || !ok && !strings.HasPrefix(id, "external_1_") {
			t.Errorf("%q: %v, asked with %v", id, m, a)
		}
	}
	for id := range asked {
		if _, ok := answered[id]; !ok {
			t.Errorf("%q is lost", id)
		}
	}
}

// What cannot be expanded is told in one line that says what can.
func TestRefusals(t *testing.T) {
	t.Parallel()
	coderOf := func(urn string) *pipepb.Coder { return &pipepb.Coder{Spec: &pipepb.FunctionSpec{Urn: urn}} }
	type unknown struct {
		N int64 `beam:"n_neighbors"`
	}
	type mistaken struct {
		K string `beam:"k"`
	}
	type table struct {
		Target string `beam:"target"`
		Task   string `beam:"task"`
	}
	type none struct{}
	k := nearest{3, "", "name", "at"}
	points := func(c *pipepb.Coder) map[string]*pipepb.Coder { return map[string]*pipepb.Coder{"input": c} }
	windows, unbounded := request(KNN, k, points(rowCoder(t, place{}))), request(KNN, k, points(rowCoder(t, place{})))
	windows.Components.WindowingStrategies["ref_Windowing"].WindowFn.Urn = graphx.URNFixedWindowsWindowFn
	unbounded.Components.Pcollections["ref_PCollection_input"].IsBounded = pipepb.IsBounded_UNBOUNDED
	odd := &pipepb.Schema{Fields: []*pipepb.Field{{Name: "a b", Type: &pipepb.FieldType{
		TypeInfo: &pipepb.FieldType_AtomicType{AtomicType: pipepb.AtomicType_STRING}}}}}
	names, err := proto.Marshal(odd)
	if err != nil {
		t.Fatal(err)
	}
	oddRows := coderOf(urnRow)
	oddRows.Spec.Payload = names
	for _, c := range []struct {
		req  *jobpb.ExpansionRequest
		want string
	}{
		{request("beamlearn:lda:v1", k, points(rowCoder(t, place{}))),
			`"beamlearn:lda:v1", expected one of beamlearn:knn:v1, beamlearn:predict:v1, beamlearn:train:v1`},
		{request(KNN, unknown{3}, points(rowCoder(t, place{}))),
			`found the option "n_neighbors", expected one of k, radius, metric, p, algorithm, threads, staging, id, values`},
		{request(KNN, mistaken{"3"}, points(rowCoder(t, place{}))),
			"the option k: found a value of string, expected one of int"},
		{request(KNN, k, points(coderOf("beam:coder:pickled_python:v1"))),
			"the input points: found elements coded by beam:coder:pickled_python:v1, which this service cannot read"},
		{request(KNN, k, points(oddRows)), `found the fields "a b", expected names that begin with a letter`},
		{request(KNN, nearest{3, "", "id", "at"}, points(rowCoder(t, place{}))),
			"found the fields name, at, tall, expected id among them"},
		{request(KNN, nearest{0, "", "name", "at"}, points(rowCoder(t, place{}))), "one of k and radius is needed"},
		{request(KNN, powered{3, 1, "name", "at"}, points(rowCoder(t, place{}))),
			"p 1: of minkowski, not of euclidean"},
		{request(KNN, k, map[string]*pipepb.Coder{"points": rowCoder(t, place{}), "more": rowCoder(t, place{})}),
			`found the input "more", expected points, queries`},
		{request(KNN, k, map[string]*pipepb.Coder{}), "expected points"},
		{windows, "found windows of beam:window_fn:fixed_windows:v1, expected the global one"},
		{unbounded, "found a collection without end"},
		{request(Predict, none{}, points(coderOf(urnString))), "expected a model: as the option model"},
		{request(Predict, struct {
			Model string `beam:"model"`
		}{filepath.Join(t.TempDir(), "none.json")}, points(coderOf(urnString))), "none.json"},
		{request(Train, table{"rent", "regression"}, points(rowCoder(t, flat{}))),
			"found the fields id, rooms, price, expected rent among them"},
		{request(Train, table{"price", "guessing"}, points(rowCoder(t, flat{}))), "guessing"},
	} {
		r, err := service(t).Expand(context.Background(), c.req)
		if err != nil || !strings.Contains(r.GetError(), c.want) || strings.Contains(r.GetError(), "\n") ||
			r.GetTransform() != nil {
			t.Errorf("%s: %v, %q, want %q", c.req.GetTransform().GetSpec().GetUrn(), err, r.GetError(), c.want)
		}
	}
}

// A model's file goes into the pipeline whole, up to the largest that may.
func TestReadModel(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "m.json")
	if err := os.WriteFile(name, []byte("model"), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := readModel(t.Context(), name); err != nil || string(b) != "model" {
		t.Errorf("%q, %v", b, err)
	}
	for _, c := range []struct {
		size int64
		ok   bool
	}{{mostModel, true}, {mostModel + 1, false}} {
		if err := os.Truncate(name, c.size); err != nil {
			t.Fatal(err)
		}
		b, err := readModel(t.Context(), name)
		if c.ok && (err != nil || int64(len(b)) != c.size) {
			t.Errorf("%d bytes: %d were read, %v", c.size, len(b), err)
		}
		if !c.ok && (err == nil || !strings.Contains(err.Error(), "more than 64 MiB")) {
			t.Errorf("%d bytes: %v", c.size, err)
		}
	}
}

// served is a service whose workers are this process.
func served(t *testing.T) (address string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	workers, err := extworker.StartLoopback(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Environment(ctx, "EXTERNAL", workers.EnvironmentConfig(ctx), "")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	s, ended := &Service{Environment: e, Staging: t.TempDir()}, make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(s.Staging); err != nil || len(left) > 0 {
			t.Errorf("left in the staging directory: %v, %v", left, err)
		}
		if err := workers.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// A pipeline that gets the transforms by their names, as one in another language does, has the nearest neighbours, and
// the predictions of least squares; and when it runs again over other rows, those of these.
func TestServe(t *testing.T) {
	address := served(t)
	p, s := beam.NewPipelineWithRoot()
	var places []place
	for i := range 40 {
		at := []float64{math.Sin(float64(i)), math.Cos(float64(3 * i)), float64(i % 7)}
		places = append(places, place{Name: fmt.Sprint("p", i), At: at})
	}
	near := beam.CrossLanguage(s, KNN, beam.CrossLanguagePayload(nearest{3, "", "name", "at"}), address,
		beam.UnnamedInput(beam.ParDo(s, moved, beam.CreateList(s, places))),
		beam.UnnamedOutput(typex.New(reflect.TypeOf(Neighbors{}))))
	beam.ParDo0(s, keepNeighbors, near[beam.UnnamedOutputTag()])

	var flats []flat
	for i := range 30 {
		flats = append(flats, flat{fmt.Sprint("f", i), int64(i % 5), 3*float64(i%5) + 2})
	}
	rows := beam.ParDo(s, priced, beam.CreateList(s, flats))
	trained := beam.CrossLanguage(s, Train, beam.CrossLanguagePayload(struct {
		Target  string `beam:"target"`
		Task    string `beam:"task"`
		Penalty string `beam:"penalty"`
	}{"price", "regression", "none"}), address, beam.UnnamedInput(rows),
		beam.UnnamedOutput(typex.New(reflect.TypeOf(Model{}))))
	predicted := beam.CrossLanguage(s, Predict, beam.CrossLanguagePayload(struct {
		ID string `beam:"id"`
	}{"id"}), address, map[string]beam.PCollection{"rows": rows, "model": trained[beam.UnnamedOutputTag()]},
		beam.UnnamedOutput(typex.New(reflect.TypeOf(Prediction{}))))
	beam.ParDo0(s, keepPrediction, predicted[beam.UnnamedOutputTag()])
	for _, scale := range []float64{1, 10} {
		kept.scale, kept.neighbors, kept.predictions = scale, nil, nil
		if err := ptest.Run(p); err != nil {
			t.Fatal(err)
		}
		checkRun(t, places, flats)
	}
}

func checkRun(t *testing.T, places []place, flats []flat) {
	t.Helper()
	if len(kept.neighbors) != len(places) || len(kept.predictions) != len(flats) {
		t.Fatalf("%d neighbours, %d predictions", len(kept.neighbors), len(kept.predictions))
	}
	for _, n := range kept.neighbors {
		var i int
		fmt.Sscanf(n.ID, "p%d", &i)
		var all []float64
		for j, b := range places {
			if j != i {
				all = append(all, kept.scale*distance(places[i].At, b.At))
			}
		}
		slices.Sort(all)
		for j, d := range n.Distances {
			if !(math.Abs(d-all[j]) <= 1e-5) { // values are float32
				t.Errorf("%s: %v, want %v", n.ID, n.Distances, all[:3])
			}
		}
		if len(n.Neighbors) != 3 || len(n.Distances) != 3 {
			t.Errorf("%+v", n)
		}
	}
	for _, p := range kept.predictions {
		var i int
		fmt.Sscanf(p.ID, "f%d", &i)
		if want := kept.scale * flats[i].Price; !(math.Abs(p.Value-want) <= 1e-9) {
			t.Errorf("%+v, want %v", p, want)
		}
	}
}

func distance(a, b []float64) float64 {
	sum := 0.
	for i := range a {
		sum += (a[i] - b[i]) * (a[i] - b[i])
	}
	return math.Sqrt(sum)
}

// The service sends the worker's program, and no other file of its host.
func TestArtifacts(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	worker, other := filepath.Join(dir, "worker"), filepath.Join(dir, "other")
	content := bytes.Repeat([]byte("program "), 300000)
	if err := errors.Join(os.WriteFile(worker, content, 0o700), os.WriteFile(other, content, 0o600)); err != nil {
		t.Fatal(err)
	}
	e, err := Environment(ctx, "DOCKER", "an/image", worker)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- (&Service{Environment: e, Worker: worker}).Serve(ctx, l) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := jobpb.NewArtifactRetrievalServiceClient(conn)
	resolved, err := client.ResolveArtifacts(ctx, &jobpb.ResolveArtifactsRequest{Artifacts: e.GetDependencies()})
	if err != nil || len(resolved.GetReplacements()) != 1 {
		t.Fatal(resolved, err)
	}
	get := func(a *pipepb.ArtifactInformation) (got []byte, err error) {
		from, err := client.GetArtifact(ctx, &jobpb.GetArtifactRequest{Artifact: a})
		for err == nil {
			var piece *jobpb.GetArtifactResponse
			if piece, err = from.Recv(); err == nil {
				got = append(got, piece.GetData()...)
			}
		}
		return got, err
	}
	if got, err := get(resolved.GetReplacements()[0]); err != io.EOF || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	wrong, err := proto.Marshal(&pipepb.ArtifactFilePayload{Path: other})
	if err != nil {
		t.Fatal(err)
	}
	got, err := get(&pipepb.ArtifactInformation{TypeUrn: graphx.URNArtifactFileType, TypePayload: wrong})
	if len(got) > 0 || err == nil || !strings.Contains(err.Error(), "no file of this service") {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// Elements that are no vectors are told by their ids.
func TestElements(t *testing.T) {
	t.Parallel()
	f := &vectorFn{ID: "id", Values: "values"}
	type whole struct {
		ID     int64   `beam:"id"`
		Values []int64 `beam:"values"`
	}
	type maybe struct {
		ID     *string    `beam:"id"`
		Values *[]float32 `beam:"values"`
	}
	for _, c := range []struct {
		element any
		want    string // of the vector, or of the fault
	}{
		{`{"id":"a","values":[1,2.5]}`, "{a [1 2.5]}"},
		{[]byte(`{"id":7,"values":[1]}`), "{7 [1]}"},
		{whole{7, []int64{1, 2}}, "{7 [1 2]}"},
		{maybe{new("b"), &[]float32{3}}, "{b [3]}"},
		{maybe{nil, &[]float32{3}}, "found a row without id"},
		{maybe{new("b"), nil}, `the vector "b": found no values`},
		{`{"values":[1]}`, "found no id"},
		{`{"id":"a","values":"x"}`, `the vector "a": found no list of numbers as values`},
		{`[1]`, "expected an object of JSON"},
	} {
		v, err := f.ProcessElement(c.element)
		got := fmt.Sprint(v)
		if err != nil {
			got = errors.Unwrap(err).Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%v: %s, want %s", c.element, got, c.want)
		}
	}
	g := &lineFn{ID: "id"}
	for _, c := range []struct {
		element any
		want    string
	}{
		{flat{"a", 2, 0.5}, `{"id":"a","rooms":2,"price":0.5}`},
		{place{"a", []float64{1}, nil}, `{"name":"a","at":[1],"tall":null}`},
		{`{"a":1}`, `{"a":1}`},
		{flat{"a", 2, math.Inf(1)}, `the row "a", column price: found +Inf, expected finite numbers`},
		{flat{"a\xff", 2, 1}, "column id: found text that is not UTF-8"},
		{Model{}, "column file: found bytes"},
	} {
		got, err := g.ProcessElement(c.element)
		if err != nil {
			got = errors.Unwrap(err).Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%v: %s, want %s", c.element, got, c.want)
		}
	}
}

// Options that are given are read, and others stay as they are.
func TestConfigure(t *testing.T) {
	t.Parallel()
	o := trainOptions{ID: "id", Staging: "there"}
	err := configure(beam.CrossLanguagePayload(struct {
		Alpha  []float64 `beam:"alpha"`
		Task   string    `beam:"task"`
		Seed   int64     `beam:"seed"`
		Weight *string   `beam:"weight"`
		Target string    `beam:"target"`
	}{[]float64{0.1, 1}, "regression", 5, nil, "y"}), &o)
	want := trainOptions{ID: "id", Staging: "there", Alpha: []float64{0.1, 1}, Task: model.Regression, Seed: 5,
		Target: "y"}
	if err != nil || !reflect.DeepEqual(o, want) {
		t.Errorf("%+v, %v, want %+v", o, err, want)
	}
}

// Whatever the row of options has, it is read or refused. (Lists are left out: of these Beam's decoder trusts the
// lengths.)
func FuzzConfigure(f *testing.F) {
	type options struct {
		K      int64    `beam:"k"`
		Radius *float64 `beam:"radius"`
		Metric string   `beam:"metric"`
	}
	s, err := schema.FromType(reflect.TypeOf(options{}))
	if err != nil {
		f.Fatal(err)
	}
	encode, err := coder.RowEncoderForStruct(reflect.TypeOf(options{}))
	if err != nil {
		f.Fatal(err)
	}
	for _, o := range []options{{}, {3, nil, "cosine"}, {-1, new(0.5), strings.Repeat("x", 300)}} {
		var b bytes.Buffer
		if err := encode(o, &b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte{3, 0, 1, 0x80})
	// A text of length −1.
	f.Add(append([]byte{3, 0, 1, 63, 240, 0, 0, 0, 0, 0, 0}, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1))
	f.Fuzz(func(t *testing.T, row []byte) {
		payload, err := proto.Marshal(&pipepb.ExternalConfigurationPayload{Schema: s, Payload: row})
		if err != nil {
			t.Fatal(err)
		}
		var o knnOptions
		err = configure(payload, &o)
		if err == nil && (o.Algorithm != "" || o.ID != "" || !utf8.ValidString(string(o.Metric))) {
			t.Errorf("%+v: found what was not given", o)
		}
	})
}

// A service that is ended before it has begun to serve ends well, too: a signal may come as soon as the port is told.
func TestServeEnded(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range 100 { // sometimes it serves before it sees that it has ended
		l, err := net.Listen("tcp", "localhost:0")
		if err != nil {
			t.Fatal(err)
		}
		tidied := false
		s := &Service{}
		s.after(func(context.Context) error { tidied = true; return nil })
		if err := s.Serve(ctx, l); err != nil || !tidied {
			t.Fatalf("%v, tidied: %v", err, tidied)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Fatalf("it still listens: %v", err)
		}
	}
}
