package eigen

import (
	"fmt"
	"time"

	model "beamlearn/model/eigen"
	"beamlearn/model/features"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/eigen"
	"beamlearn/transforms/files"
)

// summary is what --summary writes.
type summary struct {
	Rows          int64     `json:"rows"`
	Rejected      int64     `json:"rejected_rows"`
	Features      int       `json:"features"`
	Components    int       `json:"components"`
	Share         float64   `json:"variance_share,omitempty"` // that was asked for, if no number of components was
	Solver        string    `json:"svd_solver"`
	Transform     string    `json:"transform,omitempty"` // the file of the components, if of another run
	Variance      []float64 `json:"explained_variance"`
	Ratio         []float64 `json:"explained_variance_ratio"`
	Seconds       float64   `json:"total_s"`
	RowsPerSecond float64   `json:"rows_per_s"`
	PeakMemory    int64     `json:"peak_memory_bytes"` // of the process that submits, which on Prism does the work too
	OutputFiles   []string  `json:"output_files"`
	RejectedFiles []string  `json:"rejected_files,omitempty"`
	// UnseenCells are cells of which the encoding of the components has learned nothing.
	features.UnseenCells
}

func newSummary(transform string, p *model.PCA, r *eigen.Report, files []string, total time.Duration) *summary {
	s := &summary{
		Rows: r.Rows, Rejected: r.Rejected, Features: p.Features(), Components: p.Len(), Solver: string(p.Options.Solver),
		Variance: p.ExplainedVariance, Seconds: total.Seconds(), RowsPerSecond: float64(r.Rows) / total.Seconds(),
		PeakMemory: cli.PeakMemory(), OutputFiles: files, RejectedFiles: r.RejectedFiles, UnseenCells: r.UnseenCells,
		Transform: transform, Share: p.Options.VarianceShare,
	}
	for i := range p.Len() {
		s.Ratio = append(s.Ratio, p.Ratio(i))
	}
	return s
}

// shownComponents are told one by one.
const shownComponents = 5

func (s *summary) lines() []string {
	sum := 0.0
	for _, r := range s.Ratio {
		sum += r
	}
	lines := []string{
		fmt.Sprintf("%s × %s in %.2f s: %.0f rows/s; peak memory %s", cli.Count(s.Rows, "row"),
			cli.Count(s.Features, "column"), s.Seconds,
			s.RowsPerSecond, files.Bytes(s.PeakMemory)),
		fmt.Sprintf("  %s %.4g %% of the variance", cli.Agree(s.Components, "component by "+s.Solver+" explains",
			"components by "+s.Solver+" explain"), 100*sum),
	}
	if s.Share > 0 {
		lines[1] += ", as many as explain " + model.ShareText(s.Share)
	}
	if s.Transform != "" {
		lines[1] = fmt.Sprintf("  %s %.4g %% of the variance there", cli.Agree(s.Components,
			"component of "+s.Transform+", which explains", "components of "+s.Transform+", which explain"), 100*sum)
	}
	for i := range min(s.Components, shownComponents) {
		lines = append(lines, fmt.Sprintf("  %s: eigenvalue %.6g, %.4g %%", model.Name(i), s.Variance[i], 100*s.Ratio[i]))
	}
	lines = append(lines, cli.UnseenLines(s.UnseenCells, "the encoding of the components")...)
	lines = append(lines, cli.FileLines(s.Rejected, s.RejectedFiles, s.OutputFiles)...)
	return lines
}
