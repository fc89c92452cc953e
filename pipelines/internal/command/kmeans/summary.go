package kmeans

import (
	"fmt"
	"time"

	model "beamlearn/model/kmeans"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/linear"
)

// summary is what --summary writes.
type summary struct {
	Rows          int64              `json:"rows"`
	Rejected      int64              `json:"rejected"`
	Features      int                `json:"features"`
	Clusters      int                `json:"n_clusters"`
	Inertia       float64            `json:"inertia"`
	Iterations    int                `json:"n_iter"`
	Sizes         []int64            `json:"sizes"`
	Compared      []model.Comparison `json:"compared"`
	Passes        int                `json:"passes"`
	ResumedPasses int                `json:"resumed_passes"`
	Seconds       float64            `json:"total_s"`
	RowsPerSecond float64            `json:"rows_per_s"`
	// of the process that submits, which on Prism does the work too
	PeakMemory    int64    `json:"peak_memory_bytes"`
	Warnings      []string `json:"warnings,omitempty"`
	Files         []string `json:"files"`
	RejectedFiles []string `json:"rejected_files,omitempty"`
}

func newSummary(m *model.Model, r *linear.Report) *summary {
	return &summary{
		Rows: m.Rows, Rejected: r.Rejected, Features: m.Features(), Clusters: len(m.Centers), Inertia: m.Inertia,
		Iterations: m.Iters,
		Sizes:      m.Sizes, Compared: m.Compared, Passes: r.Passes, ResumedPasses: r.Resumed, Warnings: m.Warnings(),
		Files: r.Files,
	}
}

func (s *summary) time(total time.Duration) {
	s.Seconds, s.RowsPerSecond, s.PeakMemory = total.Seconds(), float64(s.Rows)/total.Seconds(), cli.PeakMemory()
}

// What the terminal shows at most.
const (
	shownNumbers  = 30
	shownClusters = 10
)

func (s *summary) lines(m *model.Model) []string {
	lines := []string{fmt.Sprintf("%s × %s, %s, %s in %s, %.2f s: %.0f rows/s; peak memory %s",
		cli.Count(s.Rows, "row"), cli.Count(int64(s.Features), "column"), cli.Count(int64(s.Clusters), "cluster"),
		cli.Count(int64(s.Iterations), "iteration"), cli.Count(int64(s.Passes+s.ResumedPasses), "pass"), s.Seconds,
		s.RowsPerSecond, files.Bytes(s.PeakMemory))}
	if s.ResumedPasses > 0 {
		lines = append(lines, "  "+cli.Agree(s.ResumedPasses, "of the passes was", "of the passes were")+" made before")
	}
	for i, c := range s.Compared {
		if i == shownNumbers {
			lines = append(lines, "  … and "+cli.Count(len(s.Compared)-i, "more number")+" of clusters")
			break
		}
		lines = append(lines, fmt.Sprintf("  %s: inertia %.6g%s", cli.Count(c.Clusters, "cluster"), c.Inertia, silhouette(c)))
	}
	for i, n := range s.Sizes {
		if i == shownClusters {
			lines = append(lines, "  … and "+cli.Count(len(s.Sizes)-i, "more cluster"))
			break
		}
		line := fmt.Sprintf("  cluster %d: %s", i, cli.Count(n, "row"))
		if text := m.Unusual(i); text != "" {
			line += "; " + text
		}
		lines = append(lines, line)
	}
	for _, w := range s.Warnings {
		lines = append(lines, "  warning: "+w)
	}
	if s.Rejected > 0 && len(s.RejectedFiles) == 0 {
		lines = append(lines, "  "+cli.Count(s.Rejected, "row")+" left out")
	}
	return append(lines, cli.FileLines(s.Rejected, s.RejectedFiles, s.Files)...)
}

func silhouette(c model.Comparison) string {
	if c.Silhouette == nil {
		return ""
	}
	return fmt.Sprintf(", silhouette %.4f on a sample", *c.Silhouette)
}
