package cli

import (
	"context"
	"fmt"
	"os"
	"strings"

	"beamlearn/model/results"
	"beamlearn/transforms/files"
	out "beamlearn/transforms/output"
)

// NoReport is the --report that writes none.
const NoReport = "none"

// Page is the flag of a page to look at.
type Page struct {
	flag   *Path
	beside []*Path
	not    func() bool
}

// Unless says when there is nothing to show on a page: it is asked when the flags are known.
func (p *Page) Unless(not func() bool) { p.not = not }

// Page adds the flag --report. Without it the page is beside the first of these outputs that is given, under its
// name, where that is on this host.
func (g *Group) Page(usage string, beside ...*Path) *Page {
	p := &Page{
		flag:   g.path("report", usage, writes).Here().Where(func(value string) bool { return value != NoReport }),
		beside: beside,
		not:    func() bool { return false },
	}
	named := func(given bool, flag string) func() []files.Named {
		return func() []files.Named {
			name, err := p.Path()
			if err != nil || given != (p.flag.value != "") {
				return nil // the command says what is wrong
			}
			return []files.Named{{Flag: flag, Name: name}}
		}
	}
	g.app.Writes(named(true, "--report"))
	g.app.Byproducts(named(false, "the page (--report)"))
	return p
}

// Given is the value of the flag.
func (p *Page) Given() string { return p.flag.value }

// Path is where the page goes, or nothing.
func (p *Page) Path() (string, error) {
	switch given := p.flag.value; {
	case given == NoReport:
		return "", nil
	case given != "" && !strings.HasSuffix(given, ".html"):
		return "", fmt.Errorf("--report=%s: must end in .html", given)
	case given != "":
		return p.flag.Path(), nil
	case p.not():
		return "", nil
	}
	for _, of := range p.beside {
		if of.Path() != "" {
			return pageOf(of.Path()), nil
		}
	}
	return "", nil
}

// pageOf is where the page of an output goes, or nothing.
func pageOf(output string) string {
	if !files.IsLocal(output) || files.IsStream(output) {
		return ""
	}
	dir, name := files.Split(output)
	if dot := strings.LastIndexByte(name, '.'); dot > 0 {
		name = name[:dot]
	}
	return files.Join(dir, name+".html")
}

// Output is the flags of rows to write.
type Output struct {
	*Path
	Format *string
	Shards *int
	layout results.Layout
	now    func() results.Layout
}

// As says what is written where that depends on other flags: it is asked when they are known.
func (o *Output) As(layout func() results.Layout) { o.now = layout }

// Destination is where the flags say that rows go.
func (o *Output) Destination() out.Destination {
	return out.Destination{Output: o.Path.Path(), OutputFormat: *o.Format, NumShards: *o.Shards}
}

// Output adds the flags --output, --output_format and --num_shards.
func (g *Group) Output(usage string, layout results.Layout) *Output {
	var formats []string
	for _, f := range results.Formats(layout) {
		formats = append(formats, f.Name)
	}
	o := &Output{
		Path: g.path("output", usage, writes),
		Format: g.Choice("output_format", "", formats, "the `FORMAT` of the output (default by the extension): "+
			strings.Join(formats, ", ")),
		Shards: g.Int("num_shards", 1, "cut the output into this many files, NAME-00000-of-0000N.csv and so on"),
		layout: layout,
	}
	o.now = func() results.Layout { return o.layout }
	g.app.Writes(o.files)
	o.Path.Streams().Rejects()
	return o
}

// manyShards are so many that only those of them are looked at that are there already.
const manyShards = 256

// files are all that the flags may write.
func (o *Output) files() []files.Named {
	path := o.Path.Path()
	format, err := results.Detect(path, *o.Format, o.now())
	if path == "" || err != nil || *o.Shards < 1 {
		return nil // which the job says
	}
	var named []files.Named
	for i := range *o.Shards {
		name := path
		if *o.Shards > 1 {
			name = results.ShardName(name, i, *o.Shards)
		}
		for _, f := range format.Files(name, o.now()) {
			if _, err := os.Lstat(f); *o.Shards <= manyShards || err == nil {
				named = append(named, files.Named{Flag: "--output", Name: f})
			}
		}
	}
	if files.IsLocal(path) {
		d := o.Destination()
		earlier, err := d.Of(o.now()).EarlierShards(context.Background())
		if err != nil {
			return named // the job will say so
		}
		for _, f := range earlier {
			named = append(named, files.Named{Flag: "--output, of which it is an earlier shard,", Name: f})
		}
	}
	return named
}

// rejectedRows is how the user knows the list of the rows that are left out.
const rejectedRows = "the list of rejected rows"

// rejected is where the rows go that are left out of an output; those of an earlier run go away.
func rejected(output string) files.Named {
	return files.Named{Flag: rejectedRows, Name: out.RejectedPath(output)}
}

// Rejects declares the list of rejected rows beside a file that is written.
func (p *Path) Rejects() *Path {
	p.app.Byproducts(func() []files.Named {
		if p.Path() == "" || files.IsStream(p.Path()) {
			return nil
		}
		return []files.Named{rejected(p.Path())}
	})
	return p
}

// SourceOf names the files of an input: those of triples, where its rows were made of them.
func SourceOf(all []files.Info) string {
	if name, ok := madeOf[all[0].Name]; ok {
		return name
	}
	_, name := files.Split(all[0].Name)
	if len(all) > 1 {
		name += " and " + Count(len(all)-1, "more file")
	}
	return name
}
