package cli

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
)

// Plan is what a command would do, for --explain.
type Plan struct {
	lines    [][2]string
	warnings []string
}

// Line adds a line: what it is about, and the rest of it.
func (p *Plan) Line(about, format string, args ...any) {
	p.lines = append(p.lines, [2]string{about, fmt.Sprintf(format, args...)})
}

// Warn adds what is likely to go wrong.
func (p *Plan) Warn(warnings ...string) { p.warnings = append(p.warnings, warnings...) }

func (p *Plan) write(w io.Writer) error {
	width := 0
	for _, l := range p.lines {
		width = max(width, len(l[0]))
	}
	for _, l := range p.lines {
		if _, err := fmt.Fprintf(w, "%-*s  %s\n", width, l[0], l[1]); err != nil {
			return err
		}
	}
	for _, s := range p.warnings {
		if _, err := fmt.Fprintf(w, "warning: %s\n", s); err != nil {
			return err
		}
	}
	return nil
}

// Explaining reports whether the plan is to be shown, and nothing run.
func (a *App) Explaining() bool { return a.explains && *a.explain }

// Explain shows a plan, and writes its data where --summary says.
func (a *App) Explain(p *Plan, data any) error {
	p.Warn(a.missing...)
	if err := p.write(os.Stdout); err != nil {
		return err
	}
	return a.writeSummary(data)
}

// Slots is how many workers share a job at the runner: 1 in this process, and where nothing says.
func (a *App) Slots() int {
	n, err := strconv.Atoi(flag.Lookup("parallelism").Value.String())
	if err != nil {
		return 1 // the engine's own
	}
	return max(n, 1)
}

// Seconds shows a time as people do.
func Seconds(s float64) string {
	switch {
	case s < 10:
		return fmt.Sprintf("%.1f s", s)
	case s < 120:
		return fmt.Sprintf("%.0f s", s)
	case s < 2*3600:
		return fmt.Sprintf("%.0f minutes", s/60)
	case s < 48*3600:
		return fmt.Sprintf("%.0f hours", s/3600)
	}
	return fmt.Sprintf("%.0f days", s/86400)
}
