package cli

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"beamlearn/transforms/files"
)

// Path is a flag whose value names files. What it declares is all that anything else of this package knows of a
// command's files: what workers elsewhere must reach, where progress is told, and what must not be one file.
type Path struct {
	app  *App
	flag *flag.Flag
	kind kind
	here bool
	// streams: it may be a device, a FIFO or standard output
	streams bool
	is      func(value string) bool
	value   string
	path    string
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
func (g *Group) OutputFile(name, usage string) *Path {
	p := g.path(name, usage, writes)
	g.app.Writes(func() []files.Named { return []files.Named{{Flag: "--" + name, Name: p.Path()}} })
	return p
}

// Writes declares files that the command may write, beside those of its flags for output files: what is derived from
// them. It is asked when the flags are known. Files without a name do not count.
func (a *App) Writes(of func() []files.Named) { a.outputs = append(a.outputs, of) }

// OutputModel adds the flag --output_model, whose old name was --model: that of an input is so called now.
func (g *Group) OutputModel(usage string) *Path {
	p := g.OutputFile("output_model", usage)
	g.app.alias("model", "output_model")
	return p
}

// Directory adds a flag for a directory of files that go when the job is over: [Path.Path].
func (g *Group) Directory(name, usage string) *Path { return g.path(name, usage, keeps) }

// Here says that this process reads or writes the file and no worker does, so that the file may be on this host
// wherever the job runs.
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

// Path is the file or directory as every process of this host understands it; empty where none was given, or the
// value is no path.
func (p *Path) Path() string { return p.path }

// List are the paths and globs as they were given; nil where there are none, or the value is no path.
func (p *Path) List() []string {
	if !p.is(p.value) {
		return nil
	}
	return Paths(p.value)
}

// Paths cuts a value at its commas, except at those with a backslash before, which are of a file's name.
func Paths(value string) []string {
	const comma = "\x00" // which is in no name
	list := List(strings.ReplaceAll(value, `\,`, comma))
	for i := range list {
		list[i] = strings.ReplaceAll(list[i], comma, ",")
	}
	return list
}

// commaHint says how to give a file with a comma in its name, where there is one and its value would be cut.
func (p *Path) commaHint() error {
	if list := p.List(); p.kind != reads || len(list) < 2 {
		return nil
	} else if _, err := os.Stat(list[0]); err == nil {
		return nil
	}
	if _, err := os.Stat(p.value); err != nil {
		return nil
	}
	return fmt.Errorf(
		`--%s=%s: a comma stands between files; one that is in the name of a file has a backslash before it: '%s'`,
		p.flag.Name, p.value, strings.ReplaceAll(p.value, ",", `\,`))
}

// resolve makes the paths that a command writes absolute, and tells which paths workers must reach.
func (a *App) resolve() (shared []string, err error) {
	var errs []error
	for _, p := range a.paths {
		if p.names() == nil {
			continue
		}
		if p.kind != reads {
			p.path, err = files.Absolute(p.value)
			errs = append(errs, err)
		}
		errs = append(errs, p.commaHint())
		if !p.here {
			shared = append(shared, p.names()...)
		}
	}
	return shared, errors.Join(append(errs, a.conflict())...)
}

// conflict says which output would destroy an input or another output, by whatever names they go.
func (a *App) conflict() error {
	var inputs, outputs []files.Named
	for _, p := range a.paths {
		if p.kind == reads {
			for _, name := range p.names() {
				inputs = append(inputs, files.Named{Flag: "--" + p.flag.Name, Name: name})
			}
		}
	}
	for _, of := range a.outputs {
		for _, out := range of() {
			out.Shown = a.shown(out.Name)
			outputs = append(outputs, out)
		}
	}
	return files.Conflict(inputs, outputs)
}

// shown is the name of an output as the user wrote it, or would have: one that is derived stands beside that which it
// follows from.
func (a *App) shown(name string) string {
	dir, base := files.Split(name)
	for _, p := range a.paths {
		if p.kind != writes || p.Path() == "" {
			continue
		}
		if p.Path() == name {
			return p.value
		}
		if beside, _ := files.Split(p.Path()); beside == dir {
			given, _ := files.Split(p.value)
			return given + base
		}
	}
	return Relative(name)
}

// asGiven writes the paths of a message as the user gave them. To all but the user a file to write is an absolute path,
// as workers may have another working directory; so is what stands beside it, as a page or a shard.
func (a *App) asGiven(message string) string {
	type name struct{ absolute, given string }
	var names, dirs []name
	here, err := os.Getwd()
	if err != nil {
		return message
	}
	for _, p := range a.paths {
		if p.kind == reads || p.names() == nil {
			continue
		}
		absolute, err := files.Absolute(p.value)
		if err != nil || absolute == p.value {
			continue
		}
		names = append(names, name{absolute, p.value})
		dir, _ := files.Split(absolute)
		given, _ := files.Split(p.value)
		for _, d := range []name{{dir, given}, {here + "/", ""}} {
			if strings.Trim(d.absolute, "/") != "" && !a.gave(d.absolute) {
				dirs = append(dirs, d)
			}
		}
	}
	names = append(names, dirs...)
	var b strings.Builder
next:
	for at := 0; at < len(message); {
		if shown, ok := a.triples.shown(message[at:]); ok {
			b.WriteString(shown)
			break
		}
		for _, n := range names {
			if strings.HasPrefix(message[at:], n.absolute) && (at == 0 || strings.IndexByte(" \"'(=", message[at-1]) >= 0) {
				b.WriteString(n.given)
				at += len(n.absolute)
				continue next
			}
		}
		b.WriteByte(message[at])
		at++
	}
	return b.String()
}

// gave reports whether a path that the user gave begins like this.
func (a *App) gave(dir string) bool {
	return slices.ContainsFunc(a.paths, func(p *Path) bool {
		return slices.ContainsFunc(p.names(), func(name string) bool { return strings.HasPrefix(name, dir) })
	})
}

// names are the paths and globs that were given.
func (p *Path) names() []string {
	if p.value == "" || !p.is(p.value) {
		return nil
	}
	if p.kind == reads {
		return p.List()
	}
	return []string{p.value}
}

// writable says which of the files cannot be written, as far as that can be told beforehand. On hosts elsewhere local
// files may be others than here.
func (a *App) writable(elsewhere bool) error {
	var errs []error
	for _, p := range a.paths {
		if p.kind == writes && p.Path() != "" && (p.here || !elsewhere) {
			errs = append(errs, files.CheckWritable(files.Named{Flag: "--" + p.flag.Name, Name: p.Path(), Shown: p.value}))
		}
	}
	return errors.Join(errs...)
}
