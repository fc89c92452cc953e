package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
)

// logFormats are those of what is said on standard error.
var logFormats = []string{"text", "json"}

// logFormat adds the flag of the format of what is said.
func (g *Group) logFormat() {
	a := g.app
	a.values["log_format"] = logFormats
	g.Func("log_format",
		"say what is said on standard error as `FORMAT`: text, or json, an object on each line, with time, level, command "+
			"and msg, and at the end the summary: --log_format=json (default text)",
		func(s string) error {
			if !slices.Contains(logFormats, s) {
				return errors.New("must be text or json")
			}
			if a.log = nil; s == "json" {
				a.log = slog.New(slog.NewJSONHandler(os.Stderr, nil)).With("command", a.name)
			}
			return nil
		})
}

// logAsAsked takes the format of what is said before all other flags, so that their faults are said in it, too. A
// format that does not exist is a fault of its own, in its turn.
func (a *App) logAsAsked(args []string) {
	for i, arg := range args {
		name, value, whole := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if name != "log_format" || name == arg {
			continue
		}
		if !whole && i+1 < len(args) {
			value = args[i+1]
		}
		if slices.Contains(logFormats, value) {
			_ = a.flags.Set(name, value) // which is one of them
		}
	}
}

// Say says something of a level on standard error, on a line that begins with the command's name, or as JSON.
func (a *App) Say(level slog.Level, format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if a.log != nil {
		a.log.Log(context.Background(), level, line)
		return
	}
	fmt.Fprintf(os.Stderr, "%s: %s\n", a.name, line)
}

// sayPlain says how far a run is, on a line without the command's name, or as JSON.
func (a *App) sayPlain(line string) {
	if a.log != nil {
		a.log.Info(line)
		return
	}
	fmt.Fprintln(os.Stderr, line)
}
