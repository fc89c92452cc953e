package kneighbors

import (
	"fmt"
	"time"

	"beamlearn/model/linear"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/knn"
)

// summary is what --summary writes.
type summary struct {
	*knn.Report
	Seconds        float64 `json:"total_s"`
	InspectSeconds float64 `json:"inspect_s"`
	RowsPerSecond  float64 `json:"rows_per_s"`
	PeakMemory     int64   `json:"peak_memory_bytes"` // of the process that submits, which on Prism does the work too
	Page           string  `json:"report_file,omitempty"`
	RecallShort    bool    `json:"recall_short,omitempty"` // less than was asked
	// Of predictions: what they are, by how many neighbours, and how many points answer nothing, as they have no target.
	Task       linear.Task `json:"task,omitempty"`
	K          int         `json:"k,omitempty"`
	NoTarget   int64       `json:"rows_without_target,omitempty"`
	ScoresFile string      `json:"scores_file,omitempty"`

	Evaluation *evaluation `json:"evaluation,omitempty"`

	scoring string // that k was chosen by
}

func newSummary(r *knn.Report, total, inspected time.Duration) *summary {
	return &summary{
		Report: r, Evaluation: newEvaluation(r.Evaluation), Seconds: total.Seconds(), InspectSeconds: inspected.Seconds(),
		RowsPerSecond: float64(r.Queries) / total.Seconds(), PeakMemory: cli.PeakMemory(),
		RecallShort: r.Approximate != nil && r.Approximate.Short(),
	}
}

func (s *summary) lines() []string {
	lines := []string{
		fmt.Sprintf("%s × %s, %s, %s in %.2f s: %.0f rows/s",
			cli.Count(s.Points, "point"), cli.Count(s.Dim, "column"), cli.Count(s.Queries, "query"),
			cli.Count(s.Neighbors, "neighbour"), s.Seconds, s.RowsPerSecond),
		fmt.Sprintf("  inspect %.2f s, read %.2f s, index %.2f s (%s), search %.2f s, write %.2f s; peak memory %s",
			s.InspectSeconds, s.ReadPoints, s.BuildIndex+s.DecodeIndex, s.indexText(),
			s.Search, s.Write+s.Assemble, files.Bytes(s.PeakMemory)),
	}
	if s.Edges > 0 {
		lines = append(lines, "  "+cli.Count(s.Edges, "edge")+" in the symmetric graph")
	}
	if s.Approximate != nil {
		lines = append(lines, recallLines(s.Report)...)
	}
	lines = append(lines, s.scoreLines()...)
	lines = append(lines, s.outlierLines()...)
	lines = append(lines, s.evaluationLines()...)
	if s.NoTarget > 0 {
		lines = append(lines, "  "+cli.Agree(s.NoTarget, "row without a target is", "rows without a target are")+
			" left out of the points")
	}
	if s.DuplicateIDs > 0 {
		lines = append(lines, "  "+cli.Agree(s.DuplicateIDs, "point has", "points have")+" an id that an earlier point has")
	}
	lines = append(lines, cli.UnseenLines(s.UnseenCells, "the encoding of the points")...)
	lines = append(lines, cli.FileLines(s.Rejected, s.RejectedFiles, s.OutputFiles)...)
	if s.ScoresFile != "" {
		lines = append(lines, cli.Relative(s.ScoresFile))
	}
	if s.Page != "" {
		lines = append(lines, cli.Relative(s.Page))
	}
	return lines
}

// indexText says what the index is, and what it weighed where it was sent to workers.
func (s *summary) indexText() string {
	if s.IndexBytes == 0 {
		return s.Algorithm
	}
	return s.Algorithm + ", " + files.Bytes(s.IndexBytes)
}

// recallLines say how many of the neighbours were found.
func recallLines(s *knn.Report) []string {
	r := s.Approximate
	switch {
	case r.Method == "exact":
		return []string{"  recall 1: all were answered exactly, which was cheaper"}
	case r.Sample == 0:
		return []string{"  no query was left to measure the recall by"}
	}
	how := fmt.Sprintf("%s, %d of them for each query", cli.Count(r.Leaders, "list"), r.Fanout)
	switch {
	case s.Broadcast == knn.Parts:
		how = fmt.Sprintf("in %s, with %.1f copies of each point", cli.Count(s.Shards, "part"), r.Copies)
	case r.Method == "partition":
		how = cli.Count(r.Repetitions, "partition")
		if r.Refined {
			how += " and a round of neighbours of neighbours"
		}
	case r.Method == "pruned":
		how = "by the greatest of their products"
	}
	return []string{fmt.Sprintf("  recall %.3f ± %.3f (95 %%), by %s answered exactly too: %s",
		r.Recall, (r.High-r.Low)/2, cli.Count(r.Sample, "query"), how)}
}

// short is the error of a recall that falls short of what was asked.
func (s *summary) short() error {
	if !s.RecallShort {
		return nil
	}
	a := s.Approximate
	return &cli.ShortError{Found: fmt.Sprintf(
		"the output has a recall of %.6g, less than the %v that was asked: ask for more, or search exactly, without --recall",
		a.Recall, a.Asked)}
}
