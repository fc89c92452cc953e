// Command growth measures how the time of the k nearest neighbours of every point grows with the points, approximate
// and exact, on rows from everywhere in a file, and draws it. Each measurement is that of knnbench, in a process of
// its own.
//
//	go run ./model/neighbors/internal/knnbench/growth -plot out/growth.html bench/G_clust_4m_128.npy
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"beamlearn/model/report"
)

var (
	sizes   = flag.String("sizes", "100000,200000,400000,800000,1600000", "numbers of points")
	exact   = flag.Int("exact", 800_000, "the most points that are searched exactly, too")
	k       = flag.Int("k", 10, "number of neighbours")
	threads = flag.Int("threads", 2, "number of threads")
	recall  = flag.Float64("recall", 0.95, "recall that is asked")
	repeat  = flag.Int("repeat", 3, "runs, of which the fastest counts; exact ones are run once")
	plot    = flag.String("plot", "", "the page to draw: .html")
)

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "growth:", err)
		os.Exit(1)
	}
}

// line is what knnbench prints.
type line struct {
	N         int     `json:"n"`
	QueryS    float64 `json:"query_s"`
	PeakRSSMB int64   `json:"peak_rss_mb"`
	Recall    float64 `json:"recall"`
}

func run() error {
	if flag.NArg() != 1 {
		return fmt.Errorf("one file is needed, found %d", flag.NArg())
	}
	dir, err := os.MkdirTemp("", "growth")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bench := filepath.Join(dir, "knnbench")
	build := exec.Command("go", "build", "-o", bench, "./model/neighbors/internal/knnbench")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return err
	}
	series := []report.Series{{Name: fmt.Sprintf("recall %g asked", *recall)}, {Name: "exact"}}
	fmt.Println("|", "points", "|", "recall", "|", "s", "|", "MB", "|", "exact, s", "|")
	fmt.Println("|---|---|---|---|---|")
	for _, size := range strings.Split(*sizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil {
			return err
		}
		some, err := measure(bench, n, "ivf", *repeat)
		if err != nil {
			return err
		}
		all := "–"
		add(&series[0], n, some.QueryS)
		if n <= *exact {
			e, err := measure(bench, n, "brute", 1)
			if err != nil {
				return err
			}
			all = report.Format(e.QueryS)
			add(&series[1], n, e.QueryS)
		}
		fmt.Printf("| %d | %.3f | %s | %d | %s |\n", n, some.Recall, report.Format(some.QueryS), some.PeakRSSMB, all)
	}
	for i := range series {
		s := &series[i]
		s.Name += fmt.Sprintf(": n to the power of %.2f", exponent(s.X, s.Y))
		fmt.Println(s.Name)
	}
	if *plot == "" {
		return nil
	}
	page := report.Page{Title: "How the time grows",
		Sections: []report.Section{{ID: "growth", Title: filepath.Base(flag.Arg(0)), Blocks: []report.Block{report.Chart{
			Title: fmt.Sprintf("The %d nearest neighbours of every point, %d threads", *k, *threads),
			X:     report.Axis{Label: "points", Log: true}, Y: report.Axis{Label: "seconds", Log: true}, Series: series,
		}}}}}
	f, err := os.Create(*plot)
	if err != nil {
		return err
	}
	if err := page.Write(f); err != nil {
		return err
	}
	return f.Close()
}

func add(s *report.Series, n int, seconds float64) {
	s.X, s.Y = append(s.X, float64(n)), append(s.Y, seconds)
}

func measure(bench string, n int, algorithm string, repeat int) (*line, error) {
	truth := "1000"
	if algorithm == "brute" {
		truth = "1" // its recall is no question here
	}
	c := exec.Command(bench, "-threads", strconv.Itoa(*threads), "-k", strconv.Itoa(*k), "-repeat", strconv.Itoa(repeat),
		"-rows", strconv.Itoa(n),
		"-algorithm", algorithm, "-recall", fmt.Sprint(*recall), "-truth", truth, flag.Arg(0))
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s of %d points: %w", algorithm, n, err)
	}
	l := &line{}
	return l, json.Unmarshal(out, l)
}

// exponent is the slope of the line through the logarithms, by least squares.
func exponent(x, y []float64) float64 {
	mx, my := 0.0, 0.0
	for i := range x {
		mx += math.Log(x[i]) / float64(len(x))
		my += math.Log(y[i]) / float64(len(x))
	}
	xx, xy := 0.0, 0.0
	for i := range x {
		dx := math.Log(x[i]) - mx
		xx += dx * dx
		xy += dx * (math.Log(y[i]) - my)
	}
	return xy / xx
}
