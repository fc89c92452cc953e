package progress

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/transforms/files"
)

// # Workers in other processes
//
// The job services of Flink and Spark tell the metrics of a batch job only once it is over (Beam 2.62): GetJobMetrics
// gives none before. So workers write what they have done into small files in a directory beside the output, where
// whoever shows the run reads them. A pipeline option tells the workers which. Where they cannot write, nothing is
// shown.

// option is the pipeline option that names a directory and, before it, the id of its run.
const option = "beamlearn_progress"

const (
	// writeEvery is how often a worker writes what is new.
	writeEvery = 2 * time.Second
	fileName   = "progress-"
)

// Share makes the workers of a pipeline that is submitted from now on leave their progress in a directory, which all of
// them and this process reach.
func Share(id, dir string) { beam.PipelineOptions.Set(option, id+" "+dir) }

// snapshot is the state of a run as a worker writes it into its file.
type snapshot struct {
	Phase string `json:"phase"`
	Since int64  `json:"since"` // when the phase began, in milliseconds of Unix time
	Lap   string `json:"lap"`   // the phase of which rows are counted
	Done  int64  `json:"done"`
	Total int64  `json:"total"`
}

// follower makes a run of which this process is a worker only, where the run is shared.
func follower(id string) *Run {
	of, dir, ok := strings.Cut(beam.PipelineOptions.Get(option), " ")
	if !ok || of != id {
		return nil
	}
	r := &Run{}
	have, raced := runs.LoadOrStore(id, r)
	if !raced {
		go r.tell(files.Join(dir, fileName+rand.Text()+".json"))
	}
	return have.(*Run)
}

// tell writes what is new, for as long as the process lives.
func (r *Run) tell(name string) {
	var last snapshot
	for range time.Tick(writeEvery) {
		if now := r.snapshot(); now != last && write(name, now) == nil {
			last = now
		}
	}
}

func (r *Run) snapshot() snapshot {
	r.mu.Lock()
	defer r.mu.Unlock()
	return snapshot{r.phase, r.since.UnixMilli(), r.lap, r.done.Load(), r.total}
}

// write replaces a file. A local one is written only where its directory is there: that of a run that is over is not
// made anew.
func write(name string, t snapshot) error {
	b, err := json.Marshal(t)
	if err != nil {
		return err
	}
	if files.IsLocal(name) {
		if err := os.WriteFile(name+".new", b, 0o666); err != nil {
			return err
		}
		return os.Rename(name+".new", name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return files.WriteFile(ctx, name, b)
}

// Gather makes the state that of all workers, as they have told it. What cannot be read is left out: it is there the
// next time.
func (r *Run) Gather(ctx context.Context, dir string) {
	infos, err := files.List(ctx, []string{files.Join(dir, fileName+"*.json")})
	if err != nil {
		return // no worker has told anything yet
	}
	var all []snapshot
	for _, info := range infos {
		if t, err := read(ctx, info); err == nil {
			all = append(all, t)
		}
	}
	if len(all) > 0 {
		r.set(sum(all))
	}
}

func read(ctx context.Context, info files.Info) (t snapshot, err error) {
	f, err := files.Open(info).OpenRange(ctx, 0, -1)
	if err != nil {
		return t, err
	}
	b, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return t, err
	}
	return t, json.Unmarshal(b, &t)
}

// sum is the phase that has begun last and the rows that all workers have done in its lap. Rows that were done twice,
// as a worker has died, count twice, up to the total.
func sum(all []snapshot) snapshot {
	var s snapshot
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

func (r *Run) set(t snapshot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phase, r.lap, r.total = t.Phase, t.Lap, t.Total
	r.done.Store(t.Done)
}
