// Eigen finds the principal components of rows that need not fit into memory, projects the rows onto them, and draws a page
// to look at them: files in, files out, as a Beam pipeline.
//
//	go run ./pipelines/eigen --input=testdata/digits.csv --id_column=id --columns='pixel_*' --color=target --components=10 --output=out/digits_pca.csv --report=out/eigen.html
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	model "beamlearn/model/eigen"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/eigen"
	"beamlearn/transforms/files"
)

var (
	app   = cli.New("eigen", "Finds principal components, the eigenvectors of the covariance, and draws a page to look at them: files in, files out.")
	input = app.Input()
	color = input.Group().String("color", "", "the `COLUMN`, a name or an index, that colours the points of the page, and is no part of the vector; or a .npy file with a number for each row")

	compute     = app.Group("What to compute (scikit-learn's names)")
	transform   = compute.String("transform", "", "find nothing, but project onto the components of this `FILE`, the --model of an earlier run")
	components  = compute.Int("components", 0, "how many components to find, e.g. 10 (default: all, as many as columns or rows; of svd_solver=randomized 50)")
	standardize = compute.Bool("standardize", false, "divide the columns by their standard deviation first, as where they have different units")
	whiten      = compute.Bool("whiten", false, "bring the projected rows to variance 1 in each component")
	solver      = compute.String("svd_solver", "auto", "the `SOLVER`: covariance_eigh (the covariance, in one pass), randomized (a sketch, in two), or auto: covariance_eigh up to 2,000 columns")
	oversamples = compute.Int("n_oversamples", 0, "how many random vectors a sketch has beyond the components (default 10)")
	power       = compute.Int("iterated_power", 0, "how many passes a sketch makes beyond two, each of which brings it closer")
	seed        = compute.Int("random_state", 0, "seed of a sketch")
	threads     = compute.Int("threads", 0, "how many threads a worker has (default: all cores)")

	write  = app.Group("What to write")
	path   = write.String("model", "", "the `FILE` of the components: .json, e.g. out/eigen.json")
	output = write.String("output", "", "the `FILE` of the projected rows: .csv (id,pca0,pca1,…), .jsonl, .parquet or .npy (without the ids, in the order of the rows), which kneighbors reads")
	format = write.String("output_format", "", "the `FORMAT` of the output (default by the extension): csv, jsonl, parquet, npy")
	shards = write.Int("num_shards", 1, "cut the output into this many files, NAME-00000-of-0000N.csv and so on")
	page   = write.String("report", "", "the `FILE` of the page: .html, e.g. out/eigen.html (default: beside the output or the model, where that is on this host, NAME.html; none for none)")
	image  = write.String("image", "", "the `SIZE` of the picture that the columns are, row by row: 28x28 is width and height (default: square, where all names of columns begin with pixel)")
)

func main() { app.Main(run) }

func run(ctx context.Context) error {
	start := time.Now()
	reading, faults := input.Options()
	if strings.HasSuffix(strings.ToLower(*color), ".npy") {
		reading.Formats.Unlabelled, reading.Targets = false, cli.List(*color)
	} else if *color != "" {
		reading.Formats.Unlabelled, reading.Formats.Labels, reading.Formats.TargetColumn = false, true, *color
	}
	paths, pathErr := absolute(*output, *path, *page)
	show, pageErr := cli.ReportPath(*page, cmp.Or(paths[0], paths[1]))
	paths[2] = show
	size, imageErr := cli.ParseImage(*image)
	job := &eigen.Job{Reading: reading, Options: eigen.Options{
		Threads: *threads, Output: paths[0], OutputFormat: *format, NumShards: *shards,
	}}
	if cli.InProcess() {
		job.Options.Groups = 1
	}
	if job.Options.Scratch = scratch(paths); show != "" {
		job.Options.Sample, job.Options.SampleComponents = model.SampleRows, model.SampleComponents
	}
	job.Options.EnsureDefaults()
	finding := model.Options{
		Components: *components, Whiten: *whiten, Standardize: *standardize, Solver: model.Solver(*solver),
		Oversamples: *oversamples, IteratedPower: *power, Seed: uint64(*seed),
	}
	if err := cli.Usage(faults, pathErr, pageErr, imageErr, reused(), job.Validate()); err != nil {
		return err
	}
	var pca *model.PCA
	var err error
	if *transform != "" {
		pca, err = job.Reuse(ctx, *transform, input.Patterns(), input.ChunkRows())
	} else {
		job.Data, err = job.Inspect(ctx, input.Patterns(), input.ChunkRows())
	}
	if err != nil {
		return err
	}
	if size, err = size.Of(job.Data.Dim, job.Data.Columns); err != nil {
		return cli.Usage(err)
	}
	if pca == nil {
		if err := cli.Usage(finding.Settle(job.Data.Dim)); err != nil {
			return err
		}
		if pca, err = eigen.Fit(ctx, job, finding, runner(job)); err != nil {
			return errors.Join(err, job.Clean(context.WithoutCancel(ctx)))
		}
	}
	err = finish(ctx, job, pca, paths, size, start)
	return errors.Join(err, job.Clean(context.WithoutCancel(ctx)))
}

func runner(job *eigen.Job) eigen.Run {
	return func(ctx context.Context, p *beam.Pipeline) error { return app.Run(ctx, p, job.Options.RunID) }
}

// reused says which flags are of no use with the components of another run.
func reused() error {
	if *transform == "" {
		return nil
	}
	var errs []error
	for _, name := range []string{"components", "standardize", "whiten", "svd_solver", "n_oversamples", "iterated_power", "random_state", "model"} {
		if cli.Given(name) {
			errs = append(errs, fmt.Errorf("--%s: with --transform, the components are those of its file", name))
		}
	}
	return errors.Join(errs...)
}

// finish projects the rows, and writes the files.
func finish(ctx context.Context, job *eigen.Job, pca *model.PCA, paths [3]string, size cli.Image, start time.Time) error {
	report := &eigen.Report{Rows: pca.Rows}
	if *output != "" || paths[2] != "" {
		pipeline, s := beam.NewPipelineWithRoot()
		if err := eigen.Project(ctx, s, job, pca); err != nil {
			return err
		}
		if err := runner(job)(ctx, pipeline); err != nil {
			return err
		}
		var err error
		if report, err = job.Report(ctx, pca); err != nil {
			return err
		}
	}
	written := report.OutputFiles
	if *path != "" {
		if err := files.Replace(ctx, paths[1], pca.Save); err != nil {
			return err
		}
		written = append(written, paths[1])
	}
	if paths[2] != "" {
		p, err := pca.Page(&model.View{
			Source: cli.SourceOf(job.Data.Files), Rows: report.Rows, Sample: report.Sample, Color: *color, Width: size.Width, Height: size.Height,
		})
		if err == nil {
			err = files.Replace(ctx, paths[2], p.Write)
		}
		if err != nil {
			return err
		}
		written = append(written, paths[2])
	}
	summary := newSummary(pca, report, written, time.Since(start))
	return app.Summary(summary.lines(), summary)
}

// absolute makes the paths of what is to be written, of which there must be one; that of the page is not made here.
func absolute(output, path, page string) (paths [3]string, err error) {
	if output == "" && path == "" && (page == "" || page == cli.NoReport) {
		return paths, errors.New("--model, --output or --report is needed")
	}
	var errs []error
	for i, name := range []string{output, path} {
		if name == "" {
			continue
		}
		var err error
		paths[i], err = files.Absolute(name)
		errs = append(errs, err)
	}
	return paths, errors.Join(errs...)
}

// scratch is the directory of the first file that is written.
func scratch(paths [3]string) string {
	for _, p := range paths {
		if p != "" {
			dir, _ := files.Split(p)
			return dir
		}
	}
	return ""
}
