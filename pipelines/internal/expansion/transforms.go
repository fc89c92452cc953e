package expansion

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/neighbors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/knn"
	"beamlearn/transforms/linear"
)

// Names of the transforms.
const (
	KNN     = "beamlearn:knn:v1"
	Predict = "beamlearn:predict:v1"
	Train   = "beamlearn:train:v1"
)

// modelColumn is the field of a model's row that has its file.
const modelColumn = "file"

// mostModel is the largest file of a model that goes into a pipeline as a part of its description.
const mostModel = 64 << 20

// transform is what the service can expand.
type transform struct {
	inputs []string // their names; all but the first are optional
	expand func(ctx context.Context, service *Service, s beam.Scope, in map[string]*input, payload []byte) error
}

var transforms = map[string]transform{
	KNN:     {[]string{"points", "queries"}, expandKNN},
	Predict: {[]string{"rows", "model"}, expandPredict},
	Train:   {[]string{"rows"}, expandTrain},
}

// URNs are the names of all transforms.
func URNs() []string { return slices.Sorted(maps.Keys(transforms)) }

// knnOptions are those of KNN: see [knn.OfOptions].
type knnOptions struct {
	K         int                 `json:"k"`
	Radius    *float64            `json:"radius"`
	Metric    neighbors.Metric    `json:"metric"`
	P         float64             `json:"p"`
	Algorithm neighbors.Algorithm `json:"algorithm"`
	Threads   int                 `json:"threads"`
	Staging   string              `json:"staging"`
	ID        string              `json:"id"`
	Values    string              `json:"values"`
}

func expandKNN(_ context.Context, service *Service, s beam.Scope, in map[string]*input, payload []byte) error {
	o := knnOptions{ID: "id", Values: "values", Staging: service.Staging}
	if err := configure(payload, &o); err != nil {
		return err
	}
	if o.P != 0 {
		if err := cmp.Or(o.Metric, neighbors.Euclidean).CheckPower(o.P); err != nil {
			return err
		}
	}
	var of [2]beam.PCollection
	for i, name := range []string{"points", "queries"} {
		if in[name] == nil {
			continue
		}
		if err := in[name].has(name, o.ID, o.Values); err != nil {
			return err
		}
		of[i] = beam.ParDo(s, &vectorFn{ID: o.ID, Values: o.Values}, in[name].collection)
	}
	options := &knn.OfOptions{
		Neighbors: neighbors.Options{Metric: o.Metric, P: o.P, Algorithm: o.Algorithm},
		K:         o.K, Radius: o.Radius, Threads: o.Threads, Staging: o.Staging,
	}
	found, err := knn.Of(s, of[0], of[1], options)
	if err != nil {
		return err
	}
	service.after(func(ctx context.Context) error { return knn.CleanOf(ctx, options) })
	beam.ParDo(s, neighborsOf, found)
	return nil
}

// predictOptions are those of Predict: see [linear.PredictOfOptions].
type predictOptions struct {
	Model    string `json:"model"`
	ID       string `json:"id"`
	Proba    bool   `json:"proba"`
	Decision bool   `json:"decision"`
	Threads  int    `json:"threads"`
}

func expandPredict(ctx context.Context, _ *Service, s beam.Scope, in map[string]*input, payload []byte) error {
	o := predictOptions{ID: "id"}
	if err := configure(payload, &o); err != nil {
		return err
	}
	if err := in["rows"].has("rows", o.ID); err != nil {
		return err
	}
	var trained beam.PCollection
	switch given := in["model"]; {
	case (given == nil) == (o.Model == ""):
		return errors.New("expected a model: as the option model, the path of its file, or as the input model, not both")
	case given == nil:
		b, err := readModel(ctx, o.Model)
		if err != nil {
			return err
		}
		trained = beam.Create(s, linear.Trained{File: b})
	default:
		if err := given.has("model", modelColumn); err != nil {
			return err
		}
		trained = beam.ParDo(s, &trainedFn{}, given.collection)
	}
	found, err := linear.PredictOf(s, beam.ParDo(s, &lineFn{ID: o.ID}, in["rows"].collection), trained,
		&linear.PredictOfOptions{ID: o.ID, Proba: o.Proba, Decision: o.Decision, Threads: o.Threads})
	if err != nil {
		return err
	}
	beam.ParDo(s, predictionOf, found)
	return nil
}

func readModel(ctx context.Context, name string) ([]byte, error) {
	r, err := files.OpenRead(ctx, name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(r, mostModel+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	if len(b) > mostModel {
		return nil, fmt.Errorf("%s: found more than %d MiB, expected at most so many: give it as the input model", name,
			mostModel>>20)
	}
	return b, nil
}

// trainOptions are those of Train: see [linear.TrainOfOptions] and [fitting.FitOptions].
type trainOptions struct {
	Target      string         `json:"target"`
	Task        model.Task     `json:"task"`
	Weight      string         `json:"weight"`
	ID          string         `json:"id"`
	Columns     []string       `json:"columns"`
	Loss        model.Loss     `json:"loss"`
	Penalty     model.Penalty  `json:"penalty"`
	Alpha       []float64      `json:"alpha"`
	L1Ratio     []float64      `json:"l1_ratio"`
	Folds       int            `json:"folds"`
	Solver      fitting.Solver `json:"solver"`
	Standardize bool           `json:"standardize"`
	Epochs      int            `json:"epochs"`
	Seed        uint64         `json:"seed"`
	Threads     int            `json:"threads"`
	Staging     string         `json:"staging"`
}

func expandTrain(_ context.Context, service *Service, s beam.Scope, in map[string]*input, payload []byte) error {
	o := trainOptions{ID: "id", Staging: service.Staging}
	if err := configure(payload, &o); err != nil {
		return err
	}
	if err := in["rows"].has("rows", o.Target, o.ID); err != nil {
		return err
	}
	options := &linear.TrainOfOptions{
		Fit: fitting.FitOptions{Options: model.Options{Task: o.Task, Loss: o.Loss, Penalty: o.Penalty}, Alphas: o.Alpha,
			L1Ratios: o.L1Ratio, Folds: o.Folds, Solver: o.Solver, Standardize: o.Standardize, Epochs: o.Epochs, Seed: o.Seed},
		Target: o.Target, Weight: o.Weight, ID: o.ID, Columns: o.Columns, Threads: o.Threads, Staging: o.Staging,
	}
	trained, err := linear.TrainOf(s, beam.ParDo(s, &lineFn{ID: o.ID}, in["rows"].collection), options)
	if err != nil {
		return err
	}
	service.after(func(ctx context.Context) error { return linear.CleanTrainOf(ctx, options) })
	beam.ParDo(s, modelOf, trained)
	return nil
}
