package cli

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// clusterTopic is the help on where to run.
const clusterTopic = "cluster"

// valueNames are shown for values that a usage does not name.
var valueNames = map[string]string{"int": "N", "float": "X", "string": "TEXT", "value": "X"}

// help prints the command's own flags by groups, or those of where to run.
func (a *App) help(w io.Writer, topic string) error {
	switch topic {
	case "true":
		fmt.Fprintf(w, "%s\n", a.synopsis)
		for _, g := range a.groups {
			g.help(w)
		}
		if a.runHere == nil {
			fmt.Fprintf(w, "\nWhere to run, on Flink, Spark or Dataflow: %s --help=%s\n", a.called, clusterTopic)
		}
		return nil
	case clusterTopic:
		if a.runHere != nil {
			return Usage(fmt.Errorf("--help=%s: %s works in this process only", topic, a.name))
		}
		a.helpCluster(w)
		return nil
	}
	return Usage(fmt.Errorf("--help=%s: there is --help, and --help=%s", topic, clusterTopic))
}

func (a *App) helpCluster(w io.Writer) {
	fmt.Fprintln(w, "The same flags in every command but inspect and expansion. Without them a job runs in this process.")
	a.cluster.help(w)
	var rest []string
	flag.VisitAll(func(f *flag.Flag) {
		own := slices.ContainsFunc(a.cluster.flags, func(g *flag.Flag) bool { return f.Name == g.Name })
		if !own && !strings.HasPrefix(f.Name, "test.") {
			rest = append(rest, "--"+f.Name)
		}
	})
	fmt.Fprintln(w, "\nBeam's other flags, for its runners:")
	for _, line := range wrap(strings.Join(rest, " "), 96) {
		fmt.Fprintf(w, "  %s\n", line)
	}
}

// help prints the flags of a group.
func (g *Group) help(w io.Writer) {
	fmt.Fprintf(w, "\n%s:\n", g.heading)
	for _, f := range g.flags {
		value, usage := flag.UnquoteUsage(f)
		if name, ok := valueNames[value]; ok {
			value = name
		}
		if value != "" {
			value = "=" + value
		}
		fmt.Fprintf(w, "  --%s%s\n", f.Name, value)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "-1" {
			usage += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		if example := "--" + f.Name + "=" + examples[f.Name]; value != "" && !strings.Contains(usage, "--"+f.Name+"=") {
			usage += "; for example " + example
		}
		for _, line := range wrap(usage, 90) {
			fmt.Fprintf(w, "        %s\n", line)
		}
	}
}

// wrap breaks a text at spaces.
func wrap(s string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
