package cli

import (
	"errors"
	"flag"
	"strings"

	"beamlearn/transforms/files"
)

// Path is a flag whose value names files. What it declares is all that anything else of this package knows of a command's files:
// what workers elsewhere must reach, where progress is told, and what must not be one file.
type Path struct {
	app   *App
	flag  *flag.Flag
	kind  kind
	here  bool
	is    func(value string) bool
	value string
	path  string
}

// kind is what a path is for.
type kind int

const (
	reads  kind = iota // files that are there, or one
	writes             // a file to put there
	keeps              // a directory for files that go when the job is over
)

func (g *Group) path(name, usage string, k kind) *Path {
	p := &Path{app: g.app, kind: k, is: func(string) bool { return true }}
	g.app.flags.Var(p, name, usage)
	p.flag = g.app.flags.Lookup(name)
	g.add(name)
	g.app.paths = append(g.app.paths, p)
	return p
}

// InputFiles adds a flag for paths and globs of files to read, with commas between: [Path.List].
func (g *Group) InputFiles(name, usage string) *Path { return g.path(name, usage, reads) }

// InputFile adds a flag for a file to read: [Path.String], as the user knows it.
func (g *Group) InputFile(name, usage string) *Path { return g.path(name, usage, reads) }

// OutputFile adds a flag for a file to write: [Path.Path].
func (g *Group) OutputFile(name, usage string) *Path { return g.path(name, usage, writes) }

// OutputModel adds the flag --output_model, whose old name was --model: that of an input is so called now.
func (g *Group) OutputModel(usage string) *Path {
	p := g.OutputFile("output_model", usage)
	g.app.alias("model", "output_model")
	return p
}

// Directory adds a flag for a directory of files that go when the job is over: [Path.Path].
func (g *Group) Directory(name, usage string) *Path { return g.path(name, usage, keeps) }

// Here says that this process reads or writes the file and no worker does, so that the file may be on this host wherever the
// job runs.
func (p *Path) Here() *Path {
	p.here = true
	return p
}

// Where says which values are paths, of a flag with others: --target is a column, or .npy files.
func (p *Path) Where(is func(value string) bool) *Path {
	p.is = is
	return p
}

// String is the value as it was given.
func (p *Path) String() string { return p.value }

// Set takes a value.
func (p *Path) Set(value string) error {
	p.value = value
	return nil
}

// Path is the file or directory as every process of this host understands it; empty where none was given, or the value is no path.
func (p *Path) Path() string { return p.path }

// List are the paths and globs as they were given; nil where there are none, or the value is no path.
func (p *Path) List() []string {
	if !p.is(p.value) {
		return nil
	}
	return List(p.value)
}

// resolve makes the paths that a command writes absolute, and tells which paths workers must reach.
func (a *App) resolve() (shared []string, err error) {
	var errs []error
	for _, p := range a.paths {
		if p.value == "" || !p.is(p.value) {
			continue
		}
		if p.kind != reads {
			p.path, err = files.Absolute(p.value)
			errs = append(errs, err)
		}
		if !p.here {
			shared = append(shared, p.names()...)
		}
	}
	return shared, errors.Join(errs...)
}

// names are the paths and globs that were given.
func (p *Path) names() []string {
	if p.kind == reads {
		return p.List()
	}
	return []string{strings.TrimSpace(p.value)}
}
