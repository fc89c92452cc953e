// Types reads what `go list -deps -json=ImportPath,Dir,GoFiles,ImportMap` says of a program for another system, and
// checks the types of all of it: of the packages of this module whole, of the others what they declare. That finds
// what would not compile there, in ten seconds instead of the minutes that Beam takes.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const module = "beamlearn"

// listed is a package as `go list` has it, after all that it imports.
type listed struct {
	ImportPath, Dir string
	GoFiles         []string
	ImportMap       map[string]string
}

// checker has the packages that have been checked, and what was wrong with them.
type checker struct {
	done   map[string]*types.Package
	faults []error
	own    int
}

// importer finds what a package imports among those that have been checked.
type importer struct {
	c    *checker
	from *listed
}

func (i importer) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	if vendored, ok := i.from.ImportMap[path]; ok {
		path = vendored
	}
	if p := i.c.done[path]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%s is not listed before %s", path, i.from.ImportPath)
}

func (c *checker) check(p *listed) {
	own := p.ImportPath == module || strings.HasPrefix(p.ImportPath, module+"/")
	if own {
		c.own++
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			c.faults = append(c.faults, err)
			continue
		}
		files = append(files, f)
	}
	config := types.Config{
		Importer: importer{c, p}, IgnoreFuncBodies: !own, Sizes: types.SizesFor("gc", "amd64"),
		Error: func(err error) { c.faults = append(c.faults, err) },
	}
	c.done[p.ImportPath], _ = config.Check(p.ImportPath, fset, files, nil) // its errors are told of by Error
}

func main() {
	c := &checker{done: map[string]*types.Package{}}
	for d := json.NewDecoder(os.Stdin); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			fmt.Fprintln(os.Stderr, "types:", err)
			os.Exit(1)
		}
		if p.ImportPath != "unsafe" {
			c.check(&p)
		}
	}
	for _, err := range c.faults {
		fmt.Println(err)
	}
	fmt.Printf("%d packages, %d of them ours, %d errors\n", len(c.done), c.own, len(c.faults))
	if len(c.faults) > 0 || c.own == 0 { // nothing was listed
		os.Exit(1)
	}
}
