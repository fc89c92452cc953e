package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"beamlearn/pipelines/internal/startup"
)

// commands are those of one program.
type commands struct {
	name string
	apps []*App
}

// Commands is the whole of a program with several commands, the first argument: it does not return. It is the worker
// of each, too: an engine starts it with Beam's own flags and no command.
func Commands(of ...func() *App) {
	startup.Done()
	worker(os.Args[1:])
	c := &commands{name: "beamlearn"}
	for _, command := range of {
		a := command()
		a.called = c.name + " " + a.name
		c.apps = append(c.apps, a)
	}
	os.Exit(c.main(os.Args[1:]))
}

func (c *commands) main(args []string) int {
	if len(args) == 0 {
		c.help(os.Stderr)
		return exitUsage
	}
	var err error
	switch name, rest := args[0], args[1:]; name {
	case "help", "--help", "-help", "-h", "--h":
		err = c.helpOn(os.Stdout, rest)
	case "--help=" + clusterTopic:
		err = c.helpOn(os.Stdout, []string{clusterTopic})
	case "version", "--version", "-version":
		fmt.Println(version())
	case "completion":
		err = c.completion(os.Stdout, rest)
	default:
		if a := c.find(name); a != nil {
			return a.main(rest)
		}
		err = c.unknown(name)
	}
	if err == nil {
		return 0
	}
	fmt.Fprintf(os.Stderr, "%s: %v\nSee %[1]s help.\n", c.name, err)
	return exitUsage
}

func (c *commands) find(name string) *App {
	for _, a := range c.apps {
		if a.name == name {
			return a
		}
	}
	return nil
}

func (c *commands) unknown(name string) error {
	var names []string
	for _, a := range c.apps {
		names = append(names, a.name)
	}
	switch best := nearest(name, names); {
	case strings.HasPrefix(name, "-"):
		return fmt.Errorf("the command comes first: one of %s", strings.Join(names, ", "))
	case best != "":
		return fmt.Errorf("there is no command %s: is it %s?", name, best)
	}
	return fmt.Errorf("there is no command %s, only %s", name, strings.Join(names, ", "))
}

// helpOn shows the help of the program, of a command, or on where to run.
func (c *commands) helpOn(w io.Writer, topics []string) error {
	switch {
	case len(topics) == 0:
		c.help(w)
		return nil
	case len(topics) > 1:
		return fmt.Errorf("help %s: one command at a time", strings.Join(topics, " "))
	}
	topic, on := "true", c.find(topics[0])
	if topics[0] == clusterTopic {
		topic, on = clusterTopic, c.find("kneighbors")
	}
	if on == nil {
		return c.unknown(topics[0])
	}
	return on.help(w, topic)
}

func (c *commands) help(w io.Writer) {
	fmt.Fprintf(w, "Nearest neighbours, linear models and principal components: files in, files out.\n\n")
	for _, a := range c.apps {
		first, _, _ := strings.Cut(a.synopsis, "\n")
		fmt.Fprintf(w, "  %s %-12s%s\n", c.name, a.name, first)
	}
	fmt.Fprintf(w, `
  %[1]s help COMMAND    the flags of a command
  %[1]s help %[2]s    where to run: Flink, Spark, Dataflow
  %[1]s completion bash|zsh
  %[1]s --version
`, c.name, clusterTopic)
}
