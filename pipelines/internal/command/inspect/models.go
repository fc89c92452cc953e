package inspect

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/bayes"
	"beamlearn/model/eigen"
	"beamlearn/model/fault"
	encoding "beamlearn/model/features"
	"beamlearn/model/kmeans"
	"beamlearn/model/linear"
	"beamlearn/model/linear/targets"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/features"
	"beamlearn/transforms/files"
)

// encodingFormat is the kind of a file that holds an encoding, and does not say so.
const encodingFormat = "encoding"

// models read the files of models of each format into what is found.
var models = map[string]func(f *found, name string, b []byte) error{
	linear.Format: func(f *found, name string, b []byte) error {
		m, err := linear.Load(name, bytes.NewReader(b))
		if err == nil {
			f.Models = append(f.Models, summarize(name, int64(len(b)), m))
		}
		return err
	},
	targets.Format: func(f *found, name string, b []byte) error {
		m, err := targets.Load(name, bytes.NewReader(b))
		if err == nil {
			f.Targets = append(f.Targets, targetsOf(name, int64(len(b)), m))
		}
		return err
	},
	eigen.Format: func(f *found, name string, b []byte) error {
		m, err := eigen.Load(name, bytes.NewReader(b))
		if err == nil {
			f.PCAs = append(f.PCAs, componentsOf(name, int64(len(b)), m))
		}
		return err
	},
	kmeans.Format: func(f *found, name string, b []byte) error {
		m, err := kmeans.Load(name, bytes.NewReader(b))
		if err == nil {
			f.Clusters = append(f.Clusters, clustersOf(name, int64(len(b)), m))
		}
		return err
	},
	bayes.Format: func(f *found, name string, b []byte) error {
		m, err := bayes.Load(name, bytes.NewReader(b))
		if err == nil {
			f.Bayes = append(f.Bayes, bayesOf(name, int64(len(b)), m))
		}
		return err
	},
	encodingFormat: func(f *found, name string, b []byte) error {
		e, err := features.Parse(name, b)
		if err == nil {
			f.Encodings = append(f.Encodings, &encodingSummary{File: name, Bytes: int64(len(b)), Features: e.Dim(),
				Columns: columnsOf(e)})
		}
		return err
	},
}

// saysFormat finds the format where a model has it first, as it is written.
var saysFormat = regexp.MustCompile(`^\{\s*"format"\s*:\s*"(beamlearn\.[a-z.]+)"`)

// modelKind is the format of a file that holds a model, by its first bytes, and of .json by all of it; or "".
func modelKind(ctx context.Context, name string, begin []byte) (string, error) {
	if m := saysFormat.FindSubmatch(begin); m != nil && models[string(m[1])] != nil {
		return string(m[1]), nil
	}
	if !strings.HasSuffix(strings.ToLower(name), ".json") {
		return "", nil
	}
	b, err := files.ReadFile(ctx, name)
	if err != nil {
		return "", err
	}
	if format := linear.FormatOf(b); models[format] != nil && format != encodingFormat {
		return format, nil
	}
	if _, err := features.Parse(name, b); err == nil {
		return encodingFormat, nil
	}
	return "", fault.File(name, "a model or an encoding, as a command writes it, or vectors as .jsonl", "other JSON")
}

// modelSummary is what a linear model holds.
type modelSummary struct {
	File      string          `json:"file"`
	Bytes     int64           `json:"bytes"`
	Task      linear.Task     `json:"task"`
	Loss      linear.Loss     `json:"loss"`
	Features  int             `json:"features"`
	Classes   []string        `json:"classes,omitempty"`
	NonZero   int             `json:"nonzero_coefficients"` // of all rows
	Scaled    bool            `json:"standardized"`
	Intercept []float64       `json:"intercept"`
	Largest   []coefficient   `json:"largest_coefficients"`
	Training  linear.Training `json:"training"`
	Resumes   bool            `json:"can_go_on"` // with SGD, where it stopped
}

type coefficient struct {
	Feature string  `json:"feature"`
	Class   string  `json:"class,omitempty"` // of more than two
	Value   float64 `json:"value"`
}

const mostCoefficients = 8

func summarize(name string, size int64, m *linear.Model) *modelSummary {
	s := &modelSummary{
		File: name, Bytes: size, Task: m.Task, Loss: m.Loss, Features: m.Features(), Scaled: m.Scaler != nil,
		Intercept: m.Intercept, Training: m.Training, Resumes: m.State != nil,
	}
	for i := range m.Classes.Len() {
		s.Classes = append(s.Classes, m.Classes.Label(i))
	}
	for i, row := range m.Coef {
		for j, v := range row {
			if v == 0 {
				continue
			}
			s.NonZero++
			c := coefficient{Feature: strconv.Itoa(j), Value: v}
			if m.FeatureNames != nil {
				c.Feature = m.FeatureNames[j]
			}
			if len(m.Coef) > 1 {
				c.Class = s.Classes[i]
			}
			// Those that are kept stand in their order: a model may have millions.
			at, _ := slices.BinarySearchFunc(s.Largest, c, func(a, b coefficient) int {
				return cmp.Or(cmp.Compare(math.Abs(b.Value), math.Abs(a.Value)), -1)
			})
			if at < mostCoefficients {
				s.Largest = slices.Insert(s.Largest, at, c)
				s.Largest = s.Largest[:min(len(s.Largest), mostCoefficients)]
			}
		}
	}
	return s
}

// targetsSummary is what a file of linear models of several targets holds.
type targetsSummary struct {
	File     string          `json:"file"`
	Bytes    int64           `json:"bytes"`
	Features int             `json:"features"`
	Targets  []string        `json:"targets"`
	Models   []*modelSummary `json:"models"` // of the targets, in their order
}

func targetsOf(name string, size int64, m *targets.Model) *targetsSummary {
	s := &targetsSummary{File: name, Bytes: size, Features: m.Models[0].Features(), Targets: m.Targets}
	for _, one := range m.Models {
		s.Models = append(s.Models, summarize(name, size, one))
	}
	return s
}

// pcaSummary is what a file of principal components holds.
type pcaSummary struct {
	File       string    `json:"file"`
	Bytes      int64     `json:"bytes"`
	Rows       int64     `json:"rows"`
	Features   int       `json:"features"`
	Components int       `json:"components"`
	Ratio      []float64 `json:"explained_variance_ratio"`
}

func componentsOf(name string, size int64, m *eigen.PCA) *pcaSummary {
	s := &pcaSummary{File: name, Bytes: size, Rows: m.Rows, Features: m.Features(), Components: len(m.Components)}
	for i := range m.Components {
		s.Ratio = append(s.Ratio, m.Ratio(i))
	}
	return s
}

// clustersSummary is what a file of clusters holds.
type clustersSummary struct {
	File     string              `json:"file"`
	Bytes    int64               `json:"bytes"`
	Rows     int64               `json:"rows"`
	Features int                 `json:"features"`
	Clusters int                 `json:"clusters"`
	Sizes    []int64             `json:"sizes"`
	Scaled   bool                `json:"standardized"`
	Inertia  float64             `json:"inertia"`
	Iters    int                 `json:"iterations"`
	Compared []kmeans.Comparison `json:"compared"`
	Resumes  bool                `json:"can_go_on"` // online, where it stopped
}

func clustersOf(name string, size int64, m *kmeans.Model) *clustersSummary {
	return &clustersSummary{File: name, Bytes: size, Rows: m.Rows, Features: m.Features(), Clusters: len(m.Centers),
		Sizes: m.Sizes, Scaled: m.Scale != nil, Inertia: m.Inertia, Iters: m.Iters, Compared: m.Compared,
		Resumes: m.Stream != nil}
}

// bayesSummary is what a file of a naive Bayes classifier holds.
type bayesSummary struct {
	File      string     `json:"file"`
	Bytes     int64      `json:"bytes"`
	Kind      bayes.Kind `json:"kind"`
	Rows      int64      `json:"rows"`
	Features  int        `json:"features"`
	Classes   []string   `json:"classes"`
	ClassRows []int64    `json:"class_rows"`
	Telling   [][]string `json:"telling"` // for each class, what speaks most for it
}

// mostTelling is how many features of a class are told.
const mostTelling = 3

func bayesOf(name string, size int64, m *bayes.Model) *bayesSummary {
	s := &bayesSummary{File: name, Bytes: size, Kind: m.Options.Kind, Rows: m.Rows, Features: m.Features(),
		ClassRows: m.ClassRows(), Telling: m.Telling(m.Classes.Len(), mostTelling)}
	for i := range m.Classes.Len() {
		s.Classes = append(s.Classes, m.Classes.Label(i))
	}
	return s
}

// encodingSummary is what a file of an encoding holds.
type encodingSummary struct {
	File     string          `json:"file"`
	Bytes    int64           `json:"bytes"`
	Features int             `json:"features"`
	Columns  []encodedColumn `json:"columns"`
}

// encodedColumn is a column of a table, and what becomes of it.
type encodedColumn struct {
	Name     string        `json:"name"`
	Kind     encoding.Kind `json:"kind"`
	Why      string        `json:"why"`
	Features int           `json:"features"`
}

func columnsOf(e *encoding.Encoding) []encodedColumn {
	var all []encodedColumn
	for i := range e.Columns() {
		c := &e.Columns()[i]
		_, n := c.Span()
		all = append(all, encodedColumn{c.Name, c.Kind, c.Why, n})
	}
	return all
}

func (p *page) model(m *modelSummary) {
	p.title(m.File, "a linear model, "+files.Bytes(m.Bytes))
	p.parts(m)
}

// parts tells what a linear model is made of.
func (p *page) parts(m *modelSummary) {
	p.line("task", "%s, %s", m.Task, m.Loss)
	if len(m.Classes) > 0 {
		p.line("classes", "%d: %s", len(m.Classes), names(m.Classes, shownFiles))
	}
	scaled := ""
	if m.Scaled {
		scaled = ", standardized first"
	}
	p.line("features", "%d%s", m.Features, scaled)
	of := fmt.Sprintf("of %d", len(m.Intercept)*m.Features)
	p.line("coef", "%s not zero", cli.Agree(m.NonZero, of+" is", of+" are"))
	var largest []string
	for _, c := range m.Largest {
		name := oneLine(c.Feature)
		if c.Class != "" {
			name += " for " + oneLine(c.Class)
		}
		largest = append(largest, name+" "+number(c.Value))
	}
	if len(largest) > 0 {
		p.line("largest", "%s", strings.Join(largest, ", "))
	}
	p.line("intercept", "%s", numbers(m.Intercept, shownFiles))
	training := fmt.Sprintf("%s, %s, %s", m.Training.Solver, cli.Count(m.Training.Rows, "row"),
		cli.Count(int64(m.Training.Epochs), "epoch"))
	if m.Resumes {
		training += "; can go on"
	}
	p.line("training", "%s", training)
}

func (p *page) components(c *pcaSummary, columns int) {
	p.title(c.File, "principal components, "+files.Bytes(c.Bytes))
	p.line("size", "%s × %s, of %s", cli.Count(c.Components, "component"), cli.Count(c.Features, "feature"),
		cli.Count(c.Rows, "row"))
	p.line("variance", "explained, by component: %s", numbers(c.Ratio, columns))
}

func (p *page) targets(s *targetsSummary) {
	p.title(s.File, fmt.Sprintf("linear models of %s, %s", cli.Count(len(s.Targets), "target"), files.Bytes(s.Bytes)))
	for i, m := range s.Models {
		p.line("target", "%s", oneLine(s.Targets[i]))
		p.parts(m)
	}
}

func (p *page) clusters(s *clustersSummary, columns int) {
	p.title(s.File, "clusters, "+files.Bytes(s.Bytes))
	p.line("size", "%s × %s, of %s", cli.Count(s.Clusters, "cluster"), cli.Count(s.Features, "feature"),
		cli.Count(s.Rows, "row"))
	var sizes []float64
	for _, n := range s.Sizes {
		sizes = append(sizes, float64(n))
	}
	p.line("rows", "by cluster: %s", numbers(sizes, columns))
	scaled := ""
	if s.Scaled {
		scaled = ", of standardized columns"
	}
	p.line("inertia", "%s%s, in %s", number(s.Inertia), scaled, cli.Count(s.Iters, "iteration"))
	if len(s.Compared) > 1 {
		for _, c := range s.Compared {
			silhouette := ""
			if c.Silhouette != nil {
				silhouette = ", silhouette " + number(*c.Silhouette)
			}
			p.line("compared", "%s: inertia %s%s", cli.Count(c.Clusters, "cluster"), number(c.Inertia), silhouette)
		}
	}
	if s.Resumes {
		p.line("training", "online; can go on")
	}
}

func (p *page) bayes(s *bayesSummary, columns int) {
	p.title(s.File, fmt.Sprintf("a naive Bayes classifier, %s, %s", s.Kind, files.Bytes(s.Bytes)))
	p.line("size", "%s × %s", cli.Count(s.Rows, "row"), cli.Count(s.Features, "feature"))
	for i, class := range s.Classes[:min(len(s.Classes), columns)] {
		text := cli.Count(s.ClassRows[i], "row")
		if len(s.Telling[i]) > 0 {
			text += "; for it speaks " + strings.Join(s.Telling[i], ", ")
		}
		p.line("class", "%s: %s", oneLine(class), text)
	}
	if n := len(s.Classes) - columns; n > 0 {
		p.line("", "… and %d more", n)
	}
}

func (p *page) encoding(s *encodingSummary) {
	p.title(s.File, "an encoding of tables, "+files.Bytes(s.Bytes))
	p.line("size", "%s, %s", cli.Count(len(s.Columns), "column"), cli.Count(s.Features, "feature"))
	p.table(func(row func(cells ...string)) {
		row("column", "kind", "features", "")
		for _, c := range s.Columns {
			row(oneLine(c.Name), string(c.Kind), fmt.Sprint(c.Features), c.Why)
		}
	})
}
