package progress

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/transforms/files"
	"beamlearn/transforms/progress/internal/states"
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
	var last states.State
	for range time.Tick(writeEvery) {
		if now := r.state(); now != last && write(name, now) == nil {
			last = now
		}
	}
}

func (r *Run) state() states.State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return states.State{Phase: r.phase, Since: r.since.UnixMilli(), Lap: r.lap, Done: r.done.Load(), Total: r.total}
}

// write replaces a file.
func write(name string, t states.State) error {
	b, err := json.Marshal(t)
	if err != nil {
		return err
	}
	if files.IsLocal(name) {
		return states.Replace(name, b)
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
	var all []states.State
	for _, info := range infos {
		if t, err := read(ctx, info); err == nil {
			all = append(all, t)
		}
	}
	if len(all) > 0 {
		r.set(states.Sum(all))
	}
}

func read(ctx context.Context, info files.Info) (t states.State, err error) {
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

func (r *Run) set(t states.State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phase, r.lap, r.total = t.Phase, t.Lap, t.Total
	r.done.Store(t.Done)
}
