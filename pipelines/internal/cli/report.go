package cli

import (
	"fmt"
	"strings"

	"beamlearn/model/results"
	"beamlearn/transforms/files"
	"beamlearn/transforms/output"
)

// NoReport is the --report that writes none.
const NoReport = "none"

// Page is the flag of a page to look at.
type Page struct {
	flag   *Path
	beside []*Path
}

// Page adds the flag --report. Without it the page is beside the first of these outputs that is given, under its name, where
// that is on this host.
func (g *Group) Page(usage string, beside ...*Path) *Page {
	p := g.OutputFile("report", usage).Here().Where(func(value string) bool { return value != NoReport })
	return &Page{p, beside}
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
	if !files.IsLocal(output) {
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
}

// Output adds the flags --output, --output_format and --num_shards.
func (g *Group) Output(usage string, layout results.Layout) *Output {
	var formats []string
	for _, f := range results.All {
		formats = append(formats, f.Name)
	}
	o := &Output{
		Path:   g.OutputFile("output", usage),
		Format: g.Choice("output_format", "", formats, "the `FORMAT` of the output (default by the extension): "+strings.Join(formats, ", ")),
		Shards: g.Int("num_shards", 1, "cut the output into this many files, NAME-00000-of-0000N.csv and so on"),
		layout: layout,
	}
	return o
}

// files are all that the flags may write.
func (o *Output) files() []string {
	format, err := results.Detect(o.Path.Path(), *o.Format)
	if o.Path.Path() == "" || err != nil || *o.Shards < 1 {
		return nil // which the job says
	}
	names := []string{output.RejectedPath(o.Path.Path())}
	for i := range *o.Shards {
		name := o.Path.Path()
		if *o.Shards > 1 {
			name = results.ShardName(name, i, *o.Shards)
		}
		names = append(names, format.Files(name, o.layout)...)
	}
	return names
}

// SourceOf names the files of an input.
func SourceOf(all []files.Info) string {
	_, name := files.Split(all[0].Name)
	if len(all) > 1 {
		name += fmt.Sprintf(" and %d more files", len(all)-1)
	}
	return name
}
