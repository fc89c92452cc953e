// Package states says how far the workers of a run are, without what it takes to reach them: its tests are linked in no
// time.
package states

import "os"

// State is the state of a run as a worker writes it into its file.
type State struct {
	Phase string `json:"phase"`
	Since int64  `json:"since"` // when the phase began, in milliseconds of Unix time
	Lap   string `json:"lap"`   // the phase of which rows are counted
	Done  int64  `json:"done"`
	Total int64  `json:"total"`
}

// Sum is the phase that has begun last and the rows that all workers have done in its lap. Rows that were done twice,
// as a worker has died, count twice, up to the total.
func Sum(all []State) State {
	var s State
	for _, t := range all {
		if t.Since >= s.Since {
			s.Phase, s.Since, s.Lap = t.Phase, t.Since, t.Lap
		}
	}
	for _, t := range all {
		if t.Lap == s.Lap {
			s.Done += t.Done
			s.Total = max(s.Total, t.Total)
		}
	}
	if s.Total > 0 {
		s.Done = min(s.Done, s.Total)
	}
	return s
}

// Replace replaces a file where its directory is there: that of a run that is over is not made anew.
func Replace(name string, b []byte) error {
	if err := os.WriteFile(name+".new", b, 0o666); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}
