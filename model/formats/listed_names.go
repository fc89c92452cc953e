package formats

import (
	"encoding/json"
	"fmt"

	"beamlearn/model/fault"
)

// ListNamesKey is the key in the footer of .parquet of the names of the columns that lists have numbers in, as a JSON
// array of texts: package results writes it.
const ListNamesKey = "beamlearn.columns"

// listNames are the names of the columns of sparse rows.
type listNames struct {
	own   []string // in the file, or nil
	read  []string // as they are read
	place []int32  // of each of own among read, or −1; nil where both are the same
}

// parseListNames reads what a file says.
func parseListNames(name, text string) ([]string, error) {
	var names []string
	err := json.Unmarshal([]byte(text), &names)
	seen := make(map[string]bool, len(names))
	for _, n := range names {
		seen[n] = true
	}
	if err != nil || len(names) == 0 || len(seen) < len(names) {
		return nil, fault.File(name, fmt.Sprintf("different names of columns under %s in the footer, as a JSON array of "+
			"texts", fault.Quote(ListNamesKey)), "something else")
	}
	return names, nil
}

// take sets the names by which columns are read: nil for those of the file. It says which columns of the file are left
// out. A file that has none of the columns is at fault.
func (l *listNames) take(file string, names []string) (note string, err error) {
	l.read = l.own
	if names == nil {
		return "", nil
	}
	at := make(map[string]int32, len(names))
	for i, n := range names {
		at[n] = int32(i)
	}
	l.read, l.place = names, make([]int32, len(l.own))
	var left []string
	for i, n := range l.own {
		place, ok := at[n]
		if !ok {
			place = -1
			left = append(left, n)
		}
		l.place[i] = place
	}
	switch len(left) {
	case 0:
		return "", nil
	case len(l.own):
		return "", fault.Asked(file, "some of the columns "+list(names), "the columns %s", list(l.own))
	}
	return "left out, as columns of no point and of no feature: " + list(left), nil
}

// rename brings the columns of a row to those that are read.
func (l *listNames) rename(e *entryRow) {
	if l.place == nil {
		return
	}
	n, ascending := 0, true
	for i, c := range e.columns {
		if c = l.place[c]; c < 0 {
			continue
		}
		ascending = ascending && (n == 0 || e.columns[n-1] < c)
		e.columns[n], e.values[n] = c, e.values[i]
		n++
	}
	if e.columns, e.values = e.columns[:n], e.values[:n]; !ascending {
		e.ascend()
	}
}
