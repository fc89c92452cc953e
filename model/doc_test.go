package model_test

import (
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
