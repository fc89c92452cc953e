// Package onnx writes models as ONNX, for programs that apply models in any language: onnxruntime, browsers, databases.
//
// [Convert] takes the file of any model that has operators there: a linear one, clusters, naive Bayes, principal
// components, and how a table becomes numbers, also as a part of any of these. The graph calculates in float64, as
// predict does, so the numbers are equal but for rounding; it has no operator beyond ai.onnx 18 and ai.onnx.ml 3.
//
// Inputs and outputs follow skl2onnx. Rows of numbers are one input X, double[N, features]; of a table, each column
// that the model needs is an input by its name: double[N, 1] with NaN for what is missing, truth values as 0 and 1;
// string[N, 1] of categories, with "" for what is missing; double[N, n] of a list. A classifier has the outputs label,
// probabilities (double[N, classes], where there are such) and decision; a regression, components and an encoding have
// variable; clusters have label and distance; a one-class model label and scores. Of several targets variable has a
// column for each, and a classification the outputs of each by its name: label_TARGET and so on. A graph does not check
// its rows: where predict refuses a value, such as a number that is missing and has no substitute, the graph gives NaN
// where it can, and a label that says nothing.
package onnx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"beamlearn/model/bayes"
	"beamlearn/model/eigen"
	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/kmeans"
	"beamlearn/model/linear"
	"beamlearn/model/linear/targets"
)

// Versions of the file, and of the operators.
const (
	fileVersion     = 8
	Opset           = 18
	operatorVersion = 3 // of ai.onnx.ml
)

// mostBytes is what a protocol buffer may have.
const mostBytes = math.MaxInt32

// Graph is a model as ONNX.
type Graph struct {
	// Bytes are the file: a ModelProto.
	Bytes           []byte  `json:"-"`
	Kind            string  `json:"kind"` // what it was made of, in a few words
	Inputs, Outputs []Value `json:"-"`
}

// Value is an input or an output: a tensor of N rows, of so many columns; of 0 a vector.
type Value struct {
	Name    string
	Type    string // double, int64 or string
	Columns int
}

var typeNames = map[int]string{doubles: "double", int64s: "int64", strings: "string"}

// String is the value in words: X double[N,3].
func (v Value) String() string {
	if v.Columns == 0 {
		return fmt.Sprintf("%s %s[N]", fault.Plain(v.Name), v.Type)
	}
	return fmt.Sprintf("%s %s[N,%d]", fault.Plain(v.Name), v.Type, v.Columns)
}

// refused is the fault of a model that has what no operator does; [Convert] sets its file.
func refused(found string, args ...any) error {
	return fault.File("", "what ONNX has operators for", found, args...)
}

// Convert makes a graph of the file of a model, as sgd, bayes, kmeans and eigen write it, or of an encoding, as
// transform does; the name stands in its faults. It takes memory in proportion to the file.
func Convert(name string, b []byte) (*Graph, error) {
	var head struct {
		Format  string
		Columns json.RawMessage
	}
	if json.Unmarshal(b, &head) != nil {
		head.Format = "" // linear.Load says what is wrong
	}
	g, err := convert(name, b, head.Format, head.Columns != nil)
	var f *fault.Fault
	switch {
	case err == nil && len(g.Bytes) > mostBytes:
		return nil, fault.File(name, "a model of at most 2 GB, as ONNX has it", "%d bytes", len(g.Bytes))
	case errors.As(err, &f) && f.File == "":
		f.File = name
		return nil, f
	}
	return g, err
}

func convert(name string, b []byte, format string, columns bool) (*Graph, error) {
	switch {
	case format == bayes.Format:
		return made(name, b, bayes.Load, Bayes)
	case format == kmeans.Format:
		return made(name, b, kmeans.Load, KMeans)
	case format == eigen.Format:
		return made(name, b, eigen.Load, PCA)
	case format == targets.Format:
		return made(name, b, targets.Load, Targets)
	case format == "" && columns:
		e := new(features.Encoding)
		if err := e.UnmarshalJSON(b); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return Encoding(e)
	}
	return made(name, b, linear.Load, Linear)
}

// made is the graph of a model that is read.
func made[M any](
	name string, b []byte, load func(string, io.Reader) (M, error), of func(M) (*Graph, error),
) (*Graph, error) {
	m, err := load(name, bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return of(m)
}
