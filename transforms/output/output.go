// Package output is what every job that writes files shares. Its tasks, each of them consecutive rows of the input,
// write parts into a staging directory beside the output; [Publish] assembles the parts in the order of the rows, and
// puts the files in place when all of them are complete:
//
//	tasks ─▶ Run: parts, rejected rows, reports ─▶ Publish ─▶ output, OUTPUT.rejected.jsonl; reports for ReadReports
//
// Until the last step there is no output: a job that is killed leaves nothing but a directory whose name begins with
// a dot. What is written has the same bytes however the rows are cut into tasks.
package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"beamlearn/model/results"
	"beamlearn/transforms/files"
)

// Options say where a run writes, and what.
type Options struct {
	// Path is the file to write: PATH/NAME.csv, .jsonl, .parquet or .npy, .npz or .mtx. Optional: without it there are
	// only reports. A link is followed. What cannot be replaced, as a FIFO or files.Std, is written to, by workers in
	// this process only; then no rejected rows are listed. Shards of an earlier output of this name, of other numbers,
	// are removed.
	Path string `json:",omitempty"`
	// Format is its format. Default: by the extension.
	Format string `json:",omitempty"`
	// Layout is what is written.
	Layout results.Layout
	// Names is a file of the staging directory with the names of the features, as a JSON array, where [results.Features]
	// lacks them as only a task of the run finds them out; it is there before the parts. Default: the layout has them.
	Names string `json:",omitempty"`
	// NumShards is the number of files that the output is cut into; with one it is at the very path. Required.
	NumShards int
	// Scratch is a directory for the staging directory. Required where there is no Path. Default: that of Path.
	Scratch string `json:",omitempty"`
	// RunID is unique to the run: it keys what is shared in a worker process, and the temporary files. Required.
	RunID string
	// Leaves are the directories that the run leaves, where nobody waits for it to call [Clean]: [Publish] removes them
	// when the output is in place, and leaves no summary.
	Leaves []string `json:",omitempty"`
}

// Validate reports every fault of the options at once.
func (o *Options) Validate() error {
	var errs []error
	if o.NumShards < 1 {
		errs = append(errs, fmt.Errorf("number of shards %d: must be at least 1", o.NumShards))
	}
	if o.Path == "" {
		if o.Scratch == "" {
			errs = append(errs, errors.New("an output is needed"))
		}
	} else if f, err := o.format(); err != nil {
		errs = append(errs, err)
	} else if err := f.Check(o.Layout); err != nil {
		errs = append(errs, err)
	} else if files.IsStream(o.Path) && (o.NumShards > 1 || len(f.Files(o.Path, o.Layout)) > 1) {
		errs = append(errs, fmt.Errorf("%s takes one file: several shards, or neighbours in .npy, need the name of a file",
			o.Path))
	} else if f.IsGraph() && o.NumShards > 1 {
		errs = append(errs, fmt.Errorf("number of shards %d: .%s is one file with the whole graph; "+
			"an edge list can be in several (--layout=edges, .csv or .parquet)", o.NumShards, f.Name))
	}
	return errors.Join(errs...)
}

func (o *Options) format() (*results.Format, error) {
	return results.Detect(o.Path, o.Format, o.Layout)
}

// Staging is the directory of the files of a run that is not over. Its name begins with a dot, and nothing in it
// looks like an output. [Clean] removes it.
func (o *Options) Staging() string {
	at := o.Path
	switch {
	case o.Scratch != "":
		_, base := files.Split(o.Path)
		at = files.Join(o.Scratch, base)
	case files.IsStream(o.Path):
		at = files.Join(os.TempDir(), "stream")
	}
	return files.Beside(at, o.RunID, files.EndStaging)
}

// staged is the path of a file in the staging directory.
func (o *Options) staged(format string, args ...any) string {
	return files.Join(o.Staging(), fmt.Sprintf(format, args...))
}

// RejectedPath is where the rejected rows of an output go.
func RejectedPath(output string) string { return output + ".rejected.jsonl" }

// Clean ends a run, well or not, and removes what it has left in its staging directory. From then on no bundle of the
// run in this process, which may not have heard of its end, creates a file.
func Clean(ctx context.Context, o *Options) error {
	End(o.RunID)
	for wait := time.Millisecond; ; wait *= 2 {
		// A bundle may still give a file that it had begun its name, while the directory is being emptied.
		err := files.RemoveAll(ctx, o.Staging())
		if err == nil || wait > cleanPatience {
			return err
		}
		time.Sleep(wait)
	}
}

// cleanPatience is how long a directory that does not get empty is tried again, at the most.
const cleanPatience = 200 * time.Millisecond

// write writes a file, whole or not at all, that will survive a crash of the machine, and says what it is then.
func (o *Options) write(ctx context.Context, path string, fill func(io.Writer) error) (files.Info, error) {
	f, err := Create(ctx, o.RunID, path)
	if err != nil {
		return files.Info{}, err
	}
	if err := f.Fill(true, fill); err != nil {
		return files.Info{}, err
	}
	return files.Stat(ctx, path)
}
