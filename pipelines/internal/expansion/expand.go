// Package expansion is an expansion service: pipelines of other SDKs get this module's transforms from it by their
// names, beamlearn:knn:v1 and so on, as Python's ExternalTransform does it. Beam's Go SDK has only the other side.
package expansion

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"google.golang.org/protobuf/proto"
)

// inputScope begins the name of the scope in which a placeholder of an input stands.
const inputScope = "input "

// expand builds the transform that is asked for as a pipeline of its own, in which impulses stand in the place of the
// inputs, and makes of it a part of the pipeline that asks.
func (s *Service) expand(ctx context.Context, req *jobpb.ExpansionRequest) (*jobpb.ExpansionResponse, error) {
	urn := req.GetTransform().GetSpec().GetUrn()
	t, ok := transforms[urn]
	if !ok {
		return nil, fmt.Errorf("found the transform %q, expected one of %s", urn, strings.Join(URNs(), ", "))
	}
	inputs, err := inputsOf(req, t.inputs)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", urn, err)
	}
	p, root := beam.NewPipelineWithRoot()
	in := map[string]*input{}
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		if in[name], err = inputs[name].element(req.GetComponents(), name); err != nil {
			return nil, fmt.Errorf("%s: %w", urn, err)
		}
		in[name].collection = beam.Impulse(root.Scope(inputScope + name))
	}
	if err := t.expand(ctx, s, root.Scope(urn), in, req.GetTransform().GetSpec().GetPayload()); err != nil {
		return nil, fmt.Errorf("%s: %w", urn, err)
	}
	edges, _, err := p.Build()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", urn, err)
	}
	marshalled, err := graphx.Marshal(edges, &graphx.Options{Environment: s.Environment})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", urn, err)
	}
	g := &graft{req: req, from: marshalled, pcollections: map[string]string{}, left: map[string]bool{}}
	return g.response(inputs)
}

// graft makes a pipeline a transform of another one.
type graft struct {
	req          *jobpb.ExpansionRequest
	from         *pipepb.Pipeline
	pcollections map[string]string // of placeholders → those of the request
	left         map[string]bool   // transforms that stay behind: the placeholders
}

// id is the id of a new component: the request's namespace keeps it apart from all others.
func (g *graft) id(old string) string {
	if old == "" {
		return ""
	}
	return g.req.GetNamespace() + "_" + old
}

func (g *graft) pcollection(old string) string {
	if id, ok := g.pcollections[old]; ok {
		return id
	}
	return g.id(old)
}

func (g *graft) response(inputs map[string]source) (*jobpb.ExpansionResponse, error) {
	from := g.from.GetComponents()
	var root string
	for _, id := range g.from.GetRootTransformIds() {
		t := from.GetTransforms()[id]
		name, isInput := strings.CutPrefix(t.GetUniqueName(), inputScope)
		if !isInput {
			root = id
			continue
		}
		g.left[id] = true
		for _, sub := range t.GetSubtransforms() {
			g.left[sub] = true
			for _, out := range from.GetTransforms()[sub].GetOutputs() {
				g.pcollections[out] = inputs[name].pcollection
			}
		}
	}
	outputs := g.outputs()
	if len(outputs) != 1 {
		return nil, fmt.Errorf("found %d outputs, expected one", len(outputs))
	}
	to := proto.Clone(g.req.GetComponents()).(*pipepb.Components)
	g.collections(to)
	if err := g.transforms(to); err != nil {
		return nil, err
	}
	composite := to.Transforms[g.id(root)]
	delete(to.Transforms, g.id(root))
	composite.UniqueName, composite.Spec = g.req.GetTransform().GetUniqueName(), g.req.GetTransform().GetSpec()
	composite.Inputs = maps.Clone(g.req.GetTransform().GetInputs())
	composite.Outputs = map[string]string{"output": outputs[0]}
	return &jobpb.ExpansionResponse{Components: to, Transform: composite, Requirements: g.from.GetRequirements()}, nil
}

// outputs are the collections that nothing takes in. (Those of a composite, as Beam has them, are also what one
// of its parts gives to another.)
func (g *graft) outputs() (ids []string) {
	taken := map[string]bool{}
	for _, t := range g.from.GetComponents().GetTransforms() {
		for _, c := range t.GetInputs() {
			taken[c] = true
		}
	}
	for c := range g.from.GetComponents().GetPcollections() {
		if !taken[c] {
			ids = append(ids, g.pcollection(c))
		}
	}
	return ids
}

// collections adds all but the transforms.
func (g *graft) collections(to *pipepb.Components) {
	from := g.from.GetComponents()
	for id, c := range from.GetPcollections() {
		if _, ok := g.pcollections[id]; ok {
			continue
		}
		// Flink's job server refuses two collections of one name.
		c.UniqueName, c.CoderId, c.WindowingStrategyId = g.id(c.UniqueName), g.id(c.CoderId), g.id(c.WindowingStrategyId)
		put(&to.Pcollections, g.id(id), c)
	}
	for id, c := range from.GetCoders() {
		for i, component := range c.ComponentCoderIds {
			c.ComponentCoderIds[i] = g.id(component)
		}
		put(&to.Coders, g.id(id), c)
	}
	for id, w := range from.GetWindowingStrategies() {
		w.WindowCoderId, w.EnvironmentId = g.id(w.WindowCoderId), g.id(w.EnvironmentId)
		put(&to.WindowingStrategies, g.id(id), w)
	}
	for id, e := range from.GetEnvironments() {
		put(&to.Environments, g.id(id), e)
	}
}

// transforms adds the transforms. What a payload says of other components is not looked into: of the transforms that
// have such payloads there is none here.
func (g *graft) transforms(to *pipepb.Components) error {
	for id, t := range g.from.GetComponents().GetTransforms() {
		if g.left[id] {
			continue
		}
		switch urn := t.GetSpec().GetUrn(); urn {
		case "", graphx.URNImpulse, graphx.URNParDo, graphx.URNGBK, graphx.URNReshuffle, graphx.URNFlatten:
		default:
			return fmt.Errorf("the transform %s: %s is not among those that are expanded", t.GetUniqueName(), urn)
		}
		if t.GetSpec().GetUrn() == graphx.URNParDo {
			var p pipepb.ParDoPayload
			if err := proto.Unmarshal(t.GetSpec().GetPayload(), &p); err != nil {
				return err
			}
			if p.GetRestrictionCoderId() != "" || len(p.GetStateSpecs())+len(p.GetTimerFamilySpecs()) > 0 {
				return fmt.Errorf("the transform %s: one with restrictions, state or timers is not expanded", t.GetUniqueName())
			}
		}
		for i, sub := range t.Subtransforms {
			t.Subtransforms[i] = g.id(sub)
		}
		for _, ends := range []map[string]string{t.Inputs, t.Outputs} {
			for tag, c := range ends {
				ends[tag] = g.pcollection(c)
			}
		}
		_, below, _ := strings.Cut(t.UniqueName, "/")
		t.UniqueName = g.req.GetTransform().GetUniqueName() + "/" + below
		t.EnvironmentId = g.id(t.EnvironmentId)
		put(&to.Transforms, g.id(id), t)
	}
	return nil
}

// put adds to a map, which may be nil.
func put[V any](m *map[string]V, id string, v V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[id] = v
}
