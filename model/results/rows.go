package results

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"beamlearn/model/vectors"
)

// Features describes rows of features, which are what an encoding makes of a table. Beside its features, a row may
// have an id, a target and a weight:
//
//	.svm      target index:value …: a line for each row, indices from 1, zeros left out, a target of 0 where there is none; no ids
//	.npz      the matrix as scipy.sparse.load_npz reads it, in CSR, and the targets, weights and ids as arrays target, weight and id
//	.npy      n × features, the features alone
//	.csv      the id, the target, the features and the weight under their names, with a header
//	.jsonl    {"NAME":…}: a line for each row, in the order of .csv
//	.parquet  the columns of .csv: numbers are double, or float; an id is int64 where all of the file are integers, else string
type Features struct {
	// Dim is the number of features. Required, unless rows are Listed: then a part may tell it instead, as Info.Points.
	Dim int
	// Listed says that rows of .jsonl and .parquet are two lists behind the id, indices and values, as package formats
	// reads sparse rows. Such rows have neither targets nor weights, and go to .npz and .svm, too.
	Listed bool `json:",omitempty"`
	// Names are theirs: Required of .csv, .jsonl and .parquet, unless rows are Listed. Those of lists are kept in the
	// footer of .parquet, where they are known, and are of no use otherwise.
	Names []string `json:",omitempty"`
	// ID, Target and Weight are names of columns. Default: rows have none.
	ID, Target, Weight string `json:",omitempty"`
	// Texts says that targets are texts. Default: numbers.
	Texts bool `json:",omitempty"`
	// Float32 says that all values of features are float32, and are written so: in .npy, .npz and .parquet in 4 bytes
	// each.
	Float32 bool `json:",omitempty"`
}

// MaxColumns bounds the features of .csv, .jsonl and .parquet, where each is a column.
const MaxColumns = 1 << 12

// MaxDense bounds the features of .npy.
const MaxDense = 1 << 16

// Rows are consecutive rows of features: those of Block from From to To, with its ids, targets or labels, and weights.
type Rows struct {
	Block    *vectors.Block
	From, To int
	// Threads is the number of goroutines that share the work. Default: GOMAXPROCS.
	Threads int
}

// cut ends a run that begins at row from.
func (r *Rows) cut(from int) int {
	s := r.Block.Sparse
	if s == nil {
		return min(from+max(runSize/(1+r.Block.Dim), 1), r.To)
	}
	to := from
	for to < r.To && s.Offsets[to]-s.Offsets[from]+to-from < runSize {
		to++
	}
	return to
}

// entries are the features of row i that are not zero; scratch is memory for them.
func (r *Rows) entries(i int, scratch *vectors.CSR) (columns []int32, values []float64) {
	if r.Block.Sparse != nil {
		return r.Block.Sparse.Row(i)
	}
	if len(scratch.Values) < r.Block.Dim {
		scratch.Values, scratch.Indices = make([]float64, 2*r.Block.Dim), make([]int32, r.Block.Dim)
	}
	n := r.Block.Dim
	values = scratch.Values[n:n]
	for j, v := range r.Block.Row(i, scratch.Values[:n]) {
		if v != 0 {
			scratch.Indices[len(values)] = int32(j)
			values = append(values, v)
		}
	}
	return scratch.Indices[:len(values)], values
}

// target is the target of row i, as a number.
func (r *Rows) target(i int) float64 {
	if len(r.Block.Target) == 0 {
		return 0
	}
	return r.Block.Target[i]
}

// weight is the weight of row i.
func (r *Rows) weight(i int) float64 {
	if len(r.Block.Weights) == 0 {
		return 1
	}
	return r.Block.Weights[i]
}

// text is the target of row i, as a text.
func (r *Rows) text(i int) string {
	if len(r.Block.Labels) == 0 {
		return string(appendFloat(nil, r.target(i)))
	}
	return r.Block.Labels[i]
}

// HoldsIDs reports whether the format has a place for the ids of rows of features.
func (f *Format) HoldsIDs() bool { return f != svmFormat && f != npyFormat }

// checkRows says why the format cannot hold rows of features, if so.
func (f *Format) checkRows(l *Features) error {
	const textFormats = "write .csv, .jsonl or .parquet"
	if l.Listed {
		return f.checkListed(l)
	}
	named := f == csvFormat || f == jsonlFormat || f == parquetFormat
	switch {
	case l.Dim < 1:
		return errors.New("results: rows without features")
	case named && l.Dim > MaxColumns:
		return fmt.Errorf("%d features are too many for columns of .%s, which takes %d: write .svm or .npz", l.Dim, f.Name,
			MaxColumns)
	case f == npyFormat && l.Dim > MaxDense:
		return fmt.Errorf("%d features are too many for rows of .npy, which takes %d: write .svm or .npz", l.Dim, MaxDense)
	case f == npyFormat && (l.Target != "" || l.Weight != ""):
		return errors.New(".npy holds one array, the features, and neither targets nor weights: write .npz, .svm, .csv, " +
			".jsonl or .parquet")
	case f == svmFormat && l.Weight != "":
		return errors.New(".svm holds no weights: write .npz, .csv, .jsonl or .parquet")
	case !named && l.Texts:
		return fmt.Errorf("the target %s is text, and .%s holds numbers: %s", l.Target, f.Name, textFormats)
	case !named:
		return nil
	case len(l.Names) != l.Dim:
		return fmt.Errorf("results: %d names of %d features", len(l.Names), l.Dim)
	}
	seen := map[string]bool{}
	for _, name := range l.columns() {
		if seen[name] {
			return fmt.Errorf("two columns of the output are called %q: rename that of the input, or write .svm or .npz", name)
		}
		seen[name] = true
	}
	return nil
}

// columns are the names of all columns, in their order.
func (l *Features) columns() []string {
	var names []string
	for _, name := range []string{l.ID, l.Target} {
		if name != "" {
			names = append(names, name)
		}
	}
	names = append(names, l.Names...)
	if l.Weight != "" {
		names = append(names, l.Weight)
	}
	return names
}

// appendValue appends the shortest decimal of a feature.
func (l *Features) appendValue(b []byte, v float64) []byte {
	if !l.Float32 {
		return appendFloat(b, v)
	}
	if a := math.Abs(v); a != 0 && a < 1e-4 || a >= 1e21 {
		return strconv.AppendFloat(b, v, 'e', -1, 32)
	}
	return strconv.AppendFloat(b, v, 'f', -1, 32)
}

// textRow is how a text format writes the cells of a row: sep is what stands before each, by its place among the
// columns.
type textRow struct {
	sep  func(b []byte, column int) []byte
	id   func(b []byte, id vectors.ID) []byte
	text func(b []byte, s string) []byte
	end  string
}

// encodeTextRows appends rows of .csv or .jsonl.
func encodeTextRows(b []byte, r *Rows, from, to int, l *Features, w textRow) []byte {
	row := make([]float64, l.Dim)
	for i := from; i < to; i++ {
		column := 0
		next := func() {
			b = w.sep(b, column)
			column++
		}
		if l.ID != "" {
			next()
			b = w.id(b, r.Block.ID(i))
		}
		if l.Target != "" {
			if next(); l.Texts {
				b = w.text(b, r.text(i))
			} else {
				b = appendFloat(b, r.target(i))
			}
		}
		for _, v := range r.Block.Row(i, row) {
			next()
			b = l.appendValue(b, v)
		}
		if l.Weight != "" {
			next()
			b = appendFloat(b, r.weight(i))
		}
		b = append(b, w.end...)
	}
	return b
}

func encodeCSVRows(dst [][]byte, r *Rows, from, to int, l Layout) (bool, error) {
	dst[0] = encodeTextRows(dst[0], r, from, to, l.Features, textRow{
		sep: func(b []byte, column int) []byte {
			if column == 0 {
				return b
			}
			return append(b, ',')
		},
		id: appendCSV, text: appendCSVText, end: "\n",
	})
	return false, nil
}

func encodeJSONLRows(dst [][]byte, r *Rows, from, to int, l Layout) (bool, error) {
	if l.Features.Listed {
		dst[0] = encodeListedJSON(dst[0], r, from, to, l.Features)
		return false, nil
	}
	var keys [][]byte // with what stands around them
	for i, name := range l.Features.columns() {
		keys = append(keys, append(appendJSONText([]byte{"{,"[min(i, 1)]}, name), ':'))
	}
	dst[0] = encodeTextRows(dst[0], r, from, to, l.Features, textRow{
		sep: func(b []byte, column int) []byte { return append(b, keys[column]...) },
		id:  appendJSON, text: appendJSONText, end: "}\n",
	})
	return false, nil
}

// appendNumber appends a feature in binary.
func (l *Features) appendNumber(b []byte, v float64) []byte {
	if l.Float32 {
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
	}
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
}

// itemSize is the size of a feature in binary.
func (l *Features) itemSize() int {
	if l.Float32 {
		return 4
	}
	return 8
}

// descr is numpy's name of the type of features.
func (l *Features) descr() string { return "<f" + strconv.Itoa(l.itemSize()) }

func encodeNPYRows(dst [][]byte, r *Rows, from, to int, l Layout) (bool, error) {
	b, row := dst[0], make([]float64, l.Features.Dim)
	for i := from; i < to; i++ {
		for _, v := range r.Block.Row(i, row) {
			b = l.Features.appendNumber(b, v)
		}
	}
	dst[0] = b
	return false, nil
}

// A part of rows of .parquet is its rows one after the other: the id, the target (the length of the text, uvarint,
// and the text; or float64, little-endian), the weight (float64), each where there is one; and the number of features
// that are not zero, their places (uvarint) and their values (float64).

func encodeParquetRows(dst [][]byte, r *Rows, from, to int, l Layout) (bool, error) {
	b, texts, o := dst[0], false, l.Features
	var scratch vectors.CSR
	for i := from; i < to; i++ {
		if o.ID != "" {
			id := r.Block.ID(i)
			texts = texts || !id.IsInt()
			b = appendRecordID(b, id)
		}
		switch {
		case o.Target != "" && o.Texts:
			s := validUTF8(r.text(i))
			b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
		case o.Target != "":
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(r.target(i)))
		}
		if o.Weight != "" {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(r.weight(i)))
		}
		columns, values := r.entries(i, &scratch)
		b = binary.AppendUvarint(b, uint64(len(columns)))
		for _, j := range columns {
			b = binary.AppendUvarint(b, uint64(j))
		}
		for _, v := range values {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
	}
	dst[0] = b
	return texts, nil
}

// featureRows are rows of features of a row group.
type featureRows struct {
	layout  *Features
	ids     idColumn
	texts   idColumn // targets that are texts
	targets []float64
	weights []float64
	values  [][]float64 // of each feature
	rows    int
	places  []int // of a row
}

func (g *featureRows) record(d partReader) error {
	l := g.layout
	var err error
	if l.ID != "" {
		if err = d.id(&g.ids); err != nil {
			return err
		}
	}
	switch {
	case l.Target != "" && l.Texts:
		err = d.text(&g.texts)
	case l.Target != "":
		g.targets, err = d.append(g.targets)
	}
	if err == nil && l.Weight != "" {
		g.weights, err = d.append(g.weights)
	}
	if err != nil {
		return err
	}
	n, err := binary.ReadUvarint(d.r)
	if err != nil {
		return err
	}
	if n > uint64(len(g.values)) {
		return errDamagedPart
	}
	g.places = g.places[:0]
	for range n {
		j, err := binary.ReadUvarint(d.r)
		if err != nil {
			return err
		}
		if j >= uint64(len(g.values)) {
			return errDamagedPart
		}
		g.places = append(g.places, int(j))
	}
	for j := range g.values {
		g.values[j] = append(g.values[j], 0)
	}
	for _, j := range g.places {
		v, err := d.float()
		if err != nil {
			return err
		}
		g.values[j][g.rows] = v
	}
	g.rows++
	return nil
}

func (d partReader) append(to []float64) ([]float64, error) {
	v, err := d.float()
	return append(to, v), err
}

func (g *featureRows) len() int { return g.rows }

func (g *featureRows) full() bool {
	return g.rows >= rowGroupRows || 8*g.rows*(len(g.values)+2)+len(g.ids.data)+len(g.texts.data) >= rowGroupBytes
}

func (g *featureRows) reset() {
	g.rows, g.targets, g.weights = 0, g.targets[:0], g.weights[:0]
	g.ids.reset()
	g.texts.reset()
	for j := range g.values {
		g.values[j] = g.values[j][:0]
	}
}

func (g *featureRows) schema() (*schema.GroupNode, error) {
	l := g.layout
	double := func(name string) schema.Node {
		return schema.NewFloat64Node(validUTF8(name), parquet.Repetitions.Required, -1)
	}
	var fields schema.FieldList
	if l.ID != "" {
		fields = append(fields, g.ids.node(validUTF8(l.ID), parquet.Repetitions.Required))
	}
	switch {
	case l.Target != "" && l.Texts:
		fields = append(fields, stringNode(validUTF8(l.Target), parquet.Repetitions.Required))
	case l.Target != "":
		fields = append(fields, double(l.Target))
	}
	for _, name := range l.Names {
		if l.Float32 {
			fields = append(fields, schema.NewFloat32Node(validUTF8(name), parquet.Repetitions.Required, -1))
		} else {
			fields = append(fields, double(name))
		}
	}
	if l.Weight != "" {
		fields = append(fields, double(l.Weight))
	}
	return schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
}

func (g *featureRows) properties() (all []parquet.WriterProperty) {
	for _, name := range append([]string{g.layout.Target}, g.layout.Names...) { // most are few values, as 0 and 1
		all = append(all, parquet.WithDictionaryFor(validUTF8(name), true))
	}
	return all
}

func (g *featureRows) columns() []func(file.ColumnChunkWriter) error {
	l := g.layout
	var columns []func(file.ColumnChunkWriter) error
	add := func(write func(file.ColumnChunkWriter) error) { columns = append(columns, write) }
	numbers := func(v []float64) { add(func(w file.ColumnChunkWriter) error { return writeNumbers(w, v) }) }
	if l.ID != "" {
		add(func(w file.ColumnChunkWriter) error { return g.ids.write(w, nil, nil) })
	}
	switch {
	case l.Target != "" && l.Texts:
		add(func(w file.ColumnChunkWriter) error { return g.texts.write(w, nil, nil) })
	case l.Target != "":
		numbers(g.targets)
	}
	for j := range g.values {
		numbers(g.values[j])
	}
	if l.Weight != "" {
		numbers(g.weights)
	}
	return columns
}

func writeNumbers(w file.ColumnChunkWriter, values []float64) (err error) {
	switch w := w.(type) {
	case *file.Float64ColumnChunkWriter:
		_, err = w.WriteBatch(values, nil, nil)
	case *file.Float32ColumnChunkWriter:
		narrow := make([]float32, len(values))
		for i, v := range values {
			narrow[i] = float32(v)
		}
		_, err = w.WriteBatch(narrow, nil, nil)
	}
	return err
}

// svmFormat is LIBSVM's, of rows of features alone.
var svmFormat = &Format{
	Name:       "svm",
	Extensions: []string{".svm", ".libsvm"},
	encodeRows: encodeSVMRows,
	assemble:   func(file int, w io.Writer, parts []Part, _ Layout) error { return concatenate(file, w, parts) },
}

func encodeSVMRows(dst [][]byte, r *Rows, from, to int, l Layout) (bool, error) {
	b := dst[0]
	var scratch vectors.CSR
	for i := from; i < to; i++ {
		b = appendFloat(b, r.target(i))
		columns, values := r.entries(i, &scratch)
		for k, j := range columns {
			b = strconv.AppendInt(append(b, ' '), int64(j)+1, 10)
			b = l.Features.appendValue(append(b, ':'), values[k])
		}
		b = append(b, '\n')
	}
	dst[0] = b
	return false, nil
}
