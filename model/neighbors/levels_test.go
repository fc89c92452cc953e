package neighbors_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"beamlearn/model/internal/simd"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/internal/tile"
	"beamlearn/model/neighbors/ivf"
	"beamlearn/model/vectors"
)

// asked is set where the test binary is run to print what it computes.
const levelEnvironment = "BEAMLEARN_TEST_LEVELS"

// Indexes, neighbours and approximate neighbours have the same bytes whatever instructions the processor has.
func TestEveryLevel(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this starts a process for each level of instructions")
	}
	if os.Getenv(levelEnvironment) != "" {
		fmt.Printf("sum %s\n", sumOfAll(t))
		return
	}
	t.Parallel()
	var settings []string
	for _, l := range tile.Levels() {
		settings = append(settings, simd.Environment+"="+l.Name)
	}
	if runtime.GOARCH == "amd64" {
		settings = append(settings, "GODEBUG=cpu.avx2=off", "GODEBUG=cpu.fma=off", "GODEBUG=cpu.avx512f=off",
			"GODEBUG=cpu.all=off")
	}
	if os.Getenv("BEAMLEARN_TESTS") != "all" {
		settings = []string{settings[0], settings[len(settings)-1]}
	}
	sums := map[string][]string{}
	for _, s := range settings {
		c := exec.Command(os.Args[0], "-test.run=^TestEveryLevel$")
		c.Env = append(os.Environ(), levelEnvironment+"=1", s)
		out, err := c.CombinedOutput()
		sum, _, _ := strings.Cut(string(out), "\n")
		if err != nil || !strings.HasPrefix(sum, "sum ") {
			t.Fatalf("%s: %v: %s", s, err, out)
		}
		sums[sum] = append(sums[sum], s)
	}
	if len(sums) != 1 {
		t.Errorf("other bytes: %v", sums)
	}
}

// sumOfAll is a checksum of the files of indexes, and of what they find, for each metric and algorithm.
func sumOfAll(t *testing.T) string {
	h := sha256.New()
	write := func(m neighbors.Metric, file []byte, all ...*neighbors.Neighbors) {
		fmt.Fprintf(h, "%s %x", m, sha256.Sum256(file))
		for _, found := range all {
			for _, numbers := range []any{found.Offsets, found.Positions, found.Distances} {
				if err := binary.Write(h, binary.LittleEndian, numbers); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, dim := range []int{2, 3, 21} {
		values := make([]float64, 400*dim)
		for i := range values {
			values[i] = math.Mod(r.NormFloat64(), 1.5) // as latitudes are
		}
		wide, err := vectors.FromFloat64(values, dim)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range neighbors.Metrics {
			if m == neighbors.Haversine && dim != 2 {
				continue
			}
			x, err := neighbors.Fit(wide, neighbors.Options{Metric: m, P: 3})
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if _, err := x.WriteFile(&b, []byte("note")); err != nil {
				t.Fatal(err)
			}
			found, err := x.KNeighbors(wide, 5, neighbors.Search{Self: true})
			if err != nil {
				t.Fatal(err)
			}
			within, err := x.RadiusNeighbors(wide, math.Abs(found.Distances[2]), neighbors.Search{Self: true})
			if err != nil {
				t.Fatal(err)
			}
			write(m, b.Bytes(), found, within)
		}
		for _, m := range ivf.Metrics {
			found, _, err := ivf.Graph(wide, 5, ivf.Options{Metric: m, Recall: 0.5, Sample: 50}, neighbors.Search{})
			if err != nil {
				t.Fatal(err)
			}
			write(m, nil, found)
		}
	}
	sparse := &vectors.Block{Dim: 1000, Sparse: &vectors.CSR{}}
	for i := range 300 {
		sparse.AppendSparse([]int32{int32(i % 9), int32(100 + i%31), int32(500 + i%7)},
			[]float64{1, r.NormFloat64(), r.Float64()}, int64(i))
	}
	for _, m := range []neighbors.Metric{neighbors.Euclidean, neighbors.Cosine, neighbors.InnerProduct,
		neighbors.Manhattan, neighbors.Jaccard} {
		x, err := neighbors.Fit(sparse, neighbors.Options{Metric: m})
		if err != nil {
			t.Fatal(err)
		}
		found, err := x.KNeighbors(sparse, 5, neighbors.Search{Self: true})
		if err != nil {
			t.Fatal(err)
		}
		write(m, []byte("sparse"), found)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}
