package model_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Dependencies run one way: pipelines → transforms → model, and only the first two know Beam.
func TestImports(t *testing.T) {
	const beam, module = "github.com/apache/beam", "beamlearn/"
	for folder, forbidden := range map[string][]string{
		"model":      {beam, module + "transforms", module + "pipelines"},
		"transforms": {module + "pipelines"},
	} {
		files := 0
		err := filepath.WalkDir(filepath.Join("..", folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
				return err
			}
			files++
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			for _, spec := range f.Imports {
				name, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					return err
				}
				for _, prefix := range forbidden {
					if name == prefix || strings.HasPrefix(name, prefix+"/") {
						t.Errorf("%s imports %s", path, name)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if files == 0 {
			t.Errorf("%s has no Go files", folder)
		}
	}
}

// A function has at most 80 lines: a longer one is cut where a reader would cut it. Tests may be longer, as tables of
// cases are.
func TestLengths(t *testing.T) {
	const most = 80
	functions := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "_asm" || d.Name() == "testdata"):
			return filepath.SkipDir
		case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			functions++
			first := files.Position(fn.Pos()).Line
			if n := files.Position(fn.End()).Line - first + 1; n > most {
				t.Errorf("%s:%d: %s has %d lines, at most %d are expected", path, first, fn.Name.Name, n, most)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if functions == 0 {
		t.Error("no function found")
	}
}

// rooms are packages and what is below them, the lowest first: each may import those of lower ranks, and what is in
// its own room.
var rooms = []struct {
	rank int
	name string
}{
	{0, "model/fault"}, {0, "model/heap"}, {0, "model/internal"}, {0, "model/tables"},
	{1, "model/internal/jsontext"}, {1, "model/report"}, {1, "model/vectors"},
	{2, "model/features"},
	{3, "model/formats"}, {3, "model/linear"}, {3, "model/neighbors"}, {3, "model/triples"},
	{4, "model/lake"}, {4, "model/linear/overview"}, {4, "model/neighbors/ivf"}, {4, "model/neighbors/choice"},
	{4, "model/neighbors/evaluate"},
	{4, "model/neighbors/outliers"}, {4, "model/neighbors/vote"},
	{4, "model/eigen"}, {4, "model/internal/lineartest"}, {4, "model/kmeans"}, {4, "model/preprocessing"},
	{4, "model/profile"}, {4, "model/recommend"}, {4, "model/results"},
	{5, "model/bayes"}, {5, "model/neighbors/groups"}, {5, "model/neighbors/impute"}, {5, "model/neighbors/overview"},
	{5, "model/neighbors/internal/knnbench"},
	{6, "model/onnx"}, {6, "transforms/files/gcstest"}, {6, "transforms/files"}, {6, "transforms/internal/jsoncoder"},
	{6, "transforms/internal/registry"},
	{6, "transforms/inprocess"}, {6, "transforms/placement"}, {7, "transforms/internal/beamtest"},
	{7, "transforms/progress"}, {7, "transforms/vectorio"},
	{8, "transforms/output"}, {9, "transforms/features"}, {9, "transforms/triples"},
	{10, "transforms/knn"}, {10, "transforms/impute"}, {10, "transforms/linear"},
	{10, "transforms/recommend"},
	{11, "transforms/bayes"}, {11, "transforms/eigen"}, {11, "transforms/kmeans"},
	{12, "pipelines"},
}

// room is that of a package: the one with the longest name.
func room(pkg string) (name string, rank int) {
	for _, r := range rooms {
		if (pkg == r.name || strings.HasPrefix(pkg, r.name+"/")) && len(r.name) > len(name) {
			name, rank = r.name, r.rank
		}
	}
	return name, rank
}

// Arrows go one way between the rooms, too.
func TestRooms(t *testing.T) {
	seen := map[string]bool{}
	for _, top := range []string{"model", "transforms", "pipelines"} {
		err := filepath.WalkDir(filepath.Join("..", top), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && (d.Name() == "_asm" || d.Name() == "testdata" || d.Name() == "e2e") {
				return fs.SkipDir
			}
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") ||
				filepath.Dir(path) == "../model" {
				return err
			}
			pkg := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../")
			from, rank := room(pkg)
			if from == "" {
				t.Errorf("%s has no room", pkg)
			}
			seen[from] = true
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			for _, spec := range f.Imports {
				name, ok := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), "beamlearn/")
				if !ok {
					continue
				}
				if to, other := room(name); to != from && other >= rank {
					t.Errorf("%s imports %s, which is not below it", path, name)
				}
				if name == "transforms/files/gcstest" && !strings.HasPrefix(pkg, "pipelines/internal/dataflow") {
					t.Errorf("%s imports %s, which is for tests", path, name)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range rooms {
		if !seen[r.name] {
			t.Errorf("there is no %s", r.name)
		}
	}
}

// The top level is what a reader sees first.
func TestLayout(t *testing.T) {
	allowed := []string{"LICENSE", "README.md", "go.mod", "go.sum", "model", "out", "pipelines", "testdata", "transforms"}
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); !strings.HasPrefix(name, ".") && !slices.Contains(allowed, name) {
			t.Errorf("%s stands at the top level", name)
		}
	}
}
