// Joined is a pipeline of its own kind that uses this module's transforms: it reads a table by Beam's textio, learns
// from every second row and answers the others, finds the nearest row of each, joins both by the rows' ids, and writes
// lines by textio. Everything is in one pipeline, for whatever runner.
//
//	go run ./pipelines/examples/joined --input=testdata/digits.csv --output=joined.csv --staging=.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"reflect"
	"strconv"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/textio"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/transforms/filter"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"

	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/vectors"
	"beamlearn/transforms/knn"
	"beamlearn/transforms/linear"
)

var (
	input   = flag.String("input", "testdata/digits.csv", "a .csv of an id, numbers, and a label in the last column")
	to      = flag.String("output", "", "the file of lines to write")
	staging = flag.String("staging", ".", "a directory that all workers can reach")
)

// Row is a line of the table. Its fields are columns; X is a vector.
type Row struct {
	ID    string
	X     []float64
	Label string
}

func init() {
	beam.RegisterType(reflect.TypeOf((*Row)(nil)).Elem())
	register.Function2x1(parse)
	register.Function1x1(odd)
	register.Function1x1(even)
	register.Function1x1(vector)
	register.Function1x2(byID)
	register.Function1x2(nearestByID)
	register.Function3x1(line)
	register.Iter1[linear.Predicted]()
	register.Iter1[knn.Nearest]()
}

func parse(text string, emit func(Row)) error {
	cells := strings.Split(text, ",")
	if cells[0] == "id" {
		return nil // the header
	}
	r := Row{ID: cells[0], Label: cells[len(cells)-1]}
	for _, c := range cells[1 : len(cells)-1] {
		x, err := strconv.ParseFloat(c, 64)
		if err != nil {
			return fmt.Errorf("row %s: %w", r.ID, err)
		}
		r.X = append(r.X, x)
	}
	emit(r)
	return nil
}

func odd(r Row) bool  { return len(r.ID) > 0 && (r.ID[len(r.ID)-1]-'0')%2 == 1 }
func even(r Row) bool { return !odd(r) }

func vector(r Row) vectors.Vector {
	v := vectors.Vector{ID: r.ID}
	for _, x := range r.X {
		v.Values = append(v.Values, float32(x))
	}
	return v
}

func byID(p linear.Predicted) (string, linear.Predicted) { return p.ID, p }
func nearestByID(n knn.Nearest) (string, knn.Nearest)    { return n.ID, n }

// line joins what is known of a row that was predicted.
func line(id string, predicted func(*linear.Predicted) bool, nearest func(*knn.Nearest) bool) string {
	var p linear.Predicted
	var n knn.Nearest
	if !nearest(&n) || !predicted(&p) {
		return fmt.Sprintf("%s,,%s", id, n.Neighbors[0])
	}
	return fmt.Sprintf("%s,%s,%s", id, p.Label, n.Neighbors[0])
}

func main() {
	flag.Parse()
	beam.Init()
	ctx := context.Background()
	p, s := beam.NewPipelineWithRoot()
	rows := beam.ParDo(s, parse, textio.Read(s, *input))

	train := &linear.TrainOfOptions{
		Fit:    fitting.FitOptions{Options: model.Options{Task: model.Classification}},
		Target: "Label", ID: "ID", Columns: []string{"X"}, Staging: *staging,
	}
	trained, err := linear.TrainOf(s, filter.Include(s, rows, odd), train)
	check(err)
	predicted, err := linear.PredictOf(s, filter.Include(s, rows, even), trained, &linear.PredictOfOptions{ID: "ID"})
	check(err)
	of := &knn.OfOptions{K: 1, Staging: *staging}
	nearest, err := knn.Of(s, beam.ParDo(s, vector, rows), beam.PCollection{}, of)
	check(err)

	joined := beam.CoGroupByKey(s, beam.ParDo(s, byID, predicted), beam.ParDo(s, nearestByID, nearest))
	textio.Write(s, *to, beam.ParDo(s, line, joined))
	err = beamx.Run(ctx, p)
	check(linear.CleanTrainOf(ctx, train))
	check(knn.CleanOf(ctx, of))
	check(err)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
