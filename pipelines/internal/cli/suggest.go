package cli

import (
	"flag"
	"fmt"
	"strings"
)

// suggest names, of a flag that there is not, the nearest that there is.
func (a *App) suggest(err error) error {
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return err
	}
	var names []string
	a.flags.VisitAll(func(f *flag.Flag) {
		if a.aliases[f.Name] == "" {
			names = append(names, f.Name)
		}
	})
	if file := a.written(); name == "output" && file != "" {
		return fmt.Errorf("there is no flag --output: the file to write is --%s", file)
	}
	if best := nearest(name, names); best != "" {
		return fmt.Errorf("there is no flag --%s: is it --%s?", name, best)
	}
	return fmt.Errorf("there is no flag --%s", name)
}

// written is the flag of the first file that the command writes, or nothing.
func (a *App) written() string {
	for _, p := range a.paths {
		if p.kind == writes {
			return p.flag.Name
		}
	}
	return ""
}

// nearest is the first of the names that differ least from a word that is none of them; empty where none is near.
func nearest(word string, names []string) string {
	best, least := "", min((len(word)+1)/2, 3)+1
	for _, name := range names {
		if d := distance(word, name); d < least {
			best, least = name, d
		}
	}
	return best
}

// distance is the least number of bytes to insert, to leave out or to change that makes a of b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
