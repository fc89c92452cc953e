package output

import (
	"beamlearn/model/results"
	"beamlearn/transforms/files"
)

// Destination is what the options of jobs that write rows have in common. Whether an Output is Required, and of which
// formats it is, a job says.
type Destination struct {
	// Output is the file to write.
	Output string
	// OutputFormat is its format. Default: by the extension.
	OutputFormat string
	// NumShards is the number of files that the output is cut into. Default: 1, at the very path.
	NumShards int
	// RunID is unique to the run: it keys what is shared in a worker process, and the temporary files. Default: random.
	RunID string
	// Alone says that nobody waits for the run, which then removes what it leaves beside the output itself.
	Alone bool `json:",omitempty"`
}

// To is the destination of one file, in the format that its extension says.
func To(path string) Destination { return Destination{Output: path} }

// EnsureDefaults fills in what is not set.
func (d *Destination) EnsureDefaults() {
	if d.NumShards == 0 {
		d.NumShards = 1
	}
	if d.RunID == "" {
		d.RunID = files.NewRunID()
	}
}

// Of are the options of writing a layout there.
func (d *Destination) Of(layout results.Layout) *Options {
	return &Options{Path: d.Output, Format: d.OutputFormat, Layout: layout, NumShards: d.NumShards, RunID: d.RunID}
}
