package predict

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"beamlearn/model/onnx"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/linear"
)

// converted is what --summary writes of a model as ONNX.
type converted struct {
	Kind    string   `json:"kind"`
	Opset   int      `json:"opset"`
	Bytes   int      `json:"bytes"`
	Inputs  []string `json:"inputs"`
	Outputs []string `json:"outputs"`
	File    string   `json:"onnx_file"`
}

// convert writes the model as ONNX.
func (c *command) convert(ctx context.Context) error {
	var faults []error
	if c.model.String() == "" {
		faults = append(faults, errors.New("--model is needed"))
	}
	for _, name := range []string{"input", "output", "target", "evaluate", "proba", "decision"} {
		if c.Given(name) {
			faults = append(faults, fmt.Errorf("--output_onnx: writes the model, and predicts no rows: without --%s", name))
		}
	}
	if err := cli.Usage(faults...); err != nil {
		return err
	}
	name := c.model.String()
	b, err := linear.ReadModelFile(ctx, name)
	if err != nil {
		return err
	}
	graph, err := onnx.Convert(name, b)
	if err != nil {
		return err
	}
	if c.Explaining() {
		show := &cli.Plan{}
		show.Line("model", "%s", graph.Kind)
		return c.Explain(show, graph)
	}
	if err := files.OutputFile(ctx, c.onnx.Path(), graph.Bytes); err != nil {
		return err
	}
	summary := &converted{
		Kind: graph.Kind, Opset: onnx.Opset, Bytes: len(graph.Bytes),
		Inputs: texts(graph.Inputs), Outputs: texts(graph.Outputs), File: c.onnx.Path(),
	}
	return c.Summary(summary.lines(), summary)
}

func texts(values []onnx.Value) (out []string) {
	for _, v := range values {
		out = append(out, v.String())
	}
	return out
}

func (s *converted) lines() []string {
	const most = 8
	inputs := s.Inputs
	if n := len(inputs) - most; n > 0 {
		inputs = append(inputs[:most:most], fmt.Sprintf("and %d more", n))
	}
	return []string{
		fmt.Sprintf("%s as ONNX, opset %d, %s", s.Kind, s.Opset, files.Bytes(int64(s.Bytes))),
		"  inputs: " + strings.Join(inputs, ", "),
		"  outputs: " + strings.Join(s.Outputs, ", "),
		cli.Relative(s.File),
	}
}
