//go:build unix

// Command knnbench measures the exact nearest neighbours of all points of a file, and prints one line of JSON for each
// number of threads, which a process of its own runs, so that its peak memory is its own.
//
//	go run ./model/neighbors/internal/knnbench -k 10 -threads 1,2 -repeat 3 points.npy
//
// Recall is against the reference, in float64, on sampled queries: 1 or there is a bug. With -algorithm ivf it is an
// approximate graph of the recall asked with -recall, all of its time is query_s, also that in which it measures its
// recall, and recall is of other queries than those that it has measured itself:
//
//	go run ./model/neighbors/internal/knnbench -k 10 -threads 2 -algorithm ivf -recall 0.95 -truth 1000 points.npy
package main

import (
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/ivf"
	"beamlearn/model/vectors"
)

// result is a line of output.
type result struct {
	System    string  `json:"system"`
	Threads   int     `json:"threads"`
	N         int     `json:"n"`
	D         int     `json:"d"`
	K         int     `json:"k"`
	Metric    string  `json:"metric"`
	Algorithm string  `json:"algorithm"`
	BuildS    float64 `json:"build_s"`
	QueryS    float64 `json:"query_s"`
	CPUS      float64 `json:"cpu_s"`
	PeakRSSMB int64   `json:"peak_rss_mb"`
	DataMB    int64   `json:"data_mb"`
	Recall    float64 `json:"recall"`
	RowsWrong float64 `json:"rows_wrong"`

	Report *ivf.Report `json:"report,omitempty"`
}

var (
	k         = flag.Int("k", 10, "number of neighbours")
	metric    = flag.String("metric", string(neighbors.Euclidean), "metric")
	algorithm = flag.String("algorithm", string(neighbors.Auto), "algorithm")
	threads   = flag.String("threads", "1,2", "numbers of threads")
	wanted    = flag.Float64("recall", 0.95, "recall, of the algorithm ivf")
	seed      = flag.Uint64("seed", 0, "seed, of the algorithm ivf")
	repeat    = flag.Int("repeat", 3, "runs, of which the fastest counts")
	truth     = flag.Int("truth", 100, "sampled queries to check against the reference")
	rows      = flag.Int("rows", 0, "take so many rows from everywhere in the file")
	profile   = flag.String("cpuprofile", "", "write a profile of the searches to this file, for go tool pprof")
	worker    = flag.Int("worker", 0, "run in this process, with so many threads")
)

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "knnbench:", err)
		os.Exit(1)
	}
}

func run() error {
	if flag.NArg() != 1 {
		return fmt.Errorf("one file is needed, found %d", flag.NArg())
	}
	if *worker > 0 {
		return measure(flag.Arg(0), *worker)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for _, t := range strings.Split(*threads, ",") {
		args := append([]string{"-worker", t}, os.Args[1:]...)
		c := exec.Command(self, args...)
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		if err := c.Run(); err != nil {
			return fmt.Errorf("%s threads: %w", t, err)
		}
	}
	return nil
}

func measure(name string, threads int) error {
	runtime.GOMAXPROCS(threads)
	points, err := load(name)
	if err != nil {
		return err
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	if *algorithm == "ivf" {
		return approximate(points, threads)
	}
	o := neighbors.Options{Metric: neighbors.Metric(*metric), Algorithm: neighbors.Algorithm(*algorithm)}
	start := time.Now()
	index, err := neighbors.Fit(points, o)
	if err != nil {
		return err
	}
	r := result{System: "beamlearn", Threads: threads, N: points.Len(), D: points.Dim, K: *k, Metric: *metric,
		Algorithm: string(index.Algorithm()), BuildS: seconds(time.Since(start)), QueryS: math.Inf(1),
		DataMB: int64(points.Len()) * int64(points.Dim) * 4 >> 20}
	var found *neighbors.Neighbors
	for range *repeat {
		found = nil
		cpu, start := cpuTime(), time.Now()
		if found, err = index.KNeighbors(points, *k, neighbors.Search{Self: true, Threads: threads}); err != nil {
			return err
		}
		if s := seconds(time.Since(start)); s < r.QueryS {
			r.QueryS, r.CPUS = s, seconds(cpuTime()-cpu)
		}
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return err
	}
	r.PeakRSSMB = usage.Maxrss >> 10
	r.Recall, r.RowsWrong = recall(points, found, o)
	return json.NewEncoder(os.Stdout).Encode(r)
}

// approximate measures a graph by partition.
func approximate(points *vectors.Block, threads int) error {
	o := ivf.Options{Metric: neighbors.Metric(*metric), Recall: *wanted, Seed: *seed}
	r := result{System: "beamlearn", Threads: threads, N: points.Len(), D: points.Dim, K: *k, Metric: *metric,
		Algorithm: *algorithm, QueryS: math.Inf(1), DataMB: int64(points.Len()) * int64(points.Dim) * 4 >> 20}
	search := neighbors.Search{Self: true, Threads: threads}
	var found *neighbors.Neighbors
	for range *repeat {
		found = nil
		cpu, start := cpuTime(), time.Now()
		var report *ivf.Report
		var err error
		if found, report, err = ivf.Graph(points, *k, o, search); err != nil {
			return err
		}
		if s := seconds(time.Since(start)); s < r.QueryS {
			r.QueryS, r.CPUS, r.Report = s, seconds(cpuTime()-cpu), report
		}
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return err
	}
	r.PeakRSSMB = usage.Maxrss >> 10
	r.Recall, r.RowsWrong = recall(points, found, neighbors.Options{Metric: o.Metric})
	return json.NewEncoder(os.Stdout).Encode(r)
}

// load reads a .npy of float32 rows. It is for the files of peers.py: the package formats is 10 MB of program that is
// not the engine's, most of it for Parquet, and would be in the peak memory.
func load(name string) (*vectors.Block, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 10)
	if _, err := io.ReadFull(f, head); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	text := make([]byte, binary.LittleEndian.Uint16(head[8:]))
	if _, err := io.ReadFull(f, text); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var n, d int
	shape := strings.Index(string(text), "'shape': (")
	if string(head[:7]) != "\x93NUMPY\x01" || shape < 0 || !strings.Contains(string(text), "'<f4'") ||
		!strings.Contains(string(text), "'fortran_order': False") {
		return nil, fmt.Errorf("%s: not a .npy of float32 rows", name)
	}
	if _, err := fmt.Sscanf(string(text[shape:]), "'shape': (%d, %d)", &n, &d); err != nil {
		return nil, fmt.Errorf("%s: not a .npy of rows: %w", name, err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if n < 1 || d < 1 || n > math.MaxInt/4/d || info.Size() != int64(10+len(text)+4*n*d) {
		return nil, fmt.Errorf("%s: %d × %d numbers in %d bytes", name, n, d, info.Size())
	}
	if *rows > n {
		return nil, fmt.Errorf("%s: %d rows of %d", name, *rows, n)
	}
	of := n
	if *rows > 0 {
		n = *rows
	}
	values := make([]float32, n*d)
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), 4*len(values))
	if n == of {
		_, err = io.ReadFull(f, bytes)
	}
	for i := 0; i < n && n < of && err == nil; i++ {
		_, err = f.ReadAt(bytes[4*d*i:4*d*(i+1)], int64(10+len(text))+4*int64(d)*int64(i*of/n))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return vectors.FromFloat32(values, d)
}

func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }

func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// recall is the share of the neighbours of sampled queries that neighbors.Distance gives too, at the same place, and
// the share of queries with one that differs.
func recall(points *vectors.Block, found *neighbors.Neighbors, o neighbors.Options) (share, wrong float64) {
	n := points.Len()
	sample := min(*truth, n)
	good, rows := 0, 0
	x, y := make([]float64, points.Dim), make([]float64, points.Dim)
	for s := range sample {
		i := s * n / sample
		positions, distances := found.Of(i)
		query := append([]float64(nil), points.Row(i, x)...)
		// The neighbours are right if their distances are, if they ascend, and if no other point comes before the last.
		last := len(positions) - 1
		is := make(map[int32]bool, len(positions))
		bad := 0
		for r, p := range positions {
			d := neighbors.Distance(query, points.Row(int(p), y), o)
			if d != distances[r] || is[p] || int(p) == i ||
				r > 0 && (distances[r-1] > d || distances[r-1] == d && positions[r-1] > p) {
				bad++
			}
			is[p] = true
		}
		for j := range n {
			if j == i || is[int32(j)] {
				continue
			}
			if d := neighbors.Distance(query, points.Row(j, y), o); d < distances[last] ||
				d == distances[last] && int32(j) < positions[last] {
				bad++
			}
		}
		good += max(len(positions)-bad, 0)
		if bad > 0 {
			rows++
		}
	}
	return float64(good) / float64(sample**k), float64(rows) / float64(sample)
}
