package formats

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/formats/internal/entries"
	"beamlearn/model/vectors"
)

// svmFormat is the text of SVMlight (https://www.cs.cornell.edu/people/tj/svm_light) and LIBSVM: a line for each row,
// as
//
//	label [qid:number] index:value … # comment
//
// The indices of a line ascend; columns that it does not name are 0. The query's number is not used. Lines that are
// empty, or a comment only, are no rows. There is one label: the target, which is read unless Options.Unlabelled is
// set.
//
// How many columns there are, and whether 0 or 1 is the index of the first, no header says. Where Options.Features does
// not say it either, Inspect reads the whole file once, by one core.
var svmFormat = &Format{Name: "svm", Extensions: []string{".svm", ".libsvm", ".svmlight"}, Text: true,
	inspect: inspectSVM}

// ZeroBased says whether the index of the first column of a .svm file is 0.
type ZeroBased string

const (
	// ZeroBasedAuto is what scikit-learn's load_svmlight_files does: 0 is the first index where any row of all files has
	// it, else 1. With Options.Features given nothing is read to find out, and 1 is the first: an index 0 is then at
	// fault.
	ZeroBasedAuto ZeroBased = "auto"
	ZeroBasedYes  ZeroBased = "yes"
	ZeroBasedNo   ZeroBased = "no"
)

// maxIndex is the greatest index there can be.
const maxIndex = math.MaxInt32 - 1

// svmSource is an inspected file.
type svmSource struct {
	textFile
	*selection // of the label alone, or of nothing
	dim        int
	base       int64 // the index of the first column
	highest    int64 // the greatest index in the file, -1 where it has none or was not read
}

func inspectSVM(ctx context.Context, f File, comp compression, o Options) (Source, error) {
	if err := o.noHeader(f, "svm"); err != nil {
		return nil, err
	}
	if err := o.noDialect(f, "svm"); err != nil {
		return nil, err
	}
	if err := o.noChoice(f, "no choice of columns: .svm has the label, which is the target, and the vector"); err != nil {
		return nil, err
	}
	s := &svmSource{textFile: o.newText(f, comp), selection: &selection{id: -1, target: 0, weight: -1, index: -1,
		labels: o.Labels, untargeted: o.Untargeted}, base: 1, highest: -1}
	if o.Unlabelled {
		s.target = -1
	}
	err := s.head(ctx, func(l *lines) error {
		_, offset, err := svmLine(l)
		if err == io.EOF {
			return fault.File(f.Name(), "a first row", "only empty lines and comments")
		}
		s.start = offset
		return err
	})
	if err != nil {
		return nil, err
	}
	if o.ZeroBased == ZeroBasedYes {
		s.base = 0
	}
	if s.dim = o.Features; s.dim == 0 {
		if err := s.measure(ctx, o.ZeroBased == ZeroBasedNo); err != nil {
			return nil, err
		}
	}
	if s.dim > maxColumns && !o.Sparse {
		return nil, s.tooMany()
	}
	return s, nil
}

// noChoice refuses columns that are asked for, of the vector and beside it, of a format that has no columns to choose.
func (o *Options) noChoice(f File, expected string) error {
	if columns := firstOf(o.Columns); columns != "" {
		return fault.Asked(f.Name(), expected, "columns asked for, %s", fault.Quote(strings.TrimPrefix(columns, "!")))
	}
	return o.noBeside(f, expected)
}

// noBeside refuses columns that are asked for beside the vector.
func (o *Options) noBeside(f File, expected string) error {
	for _, given := range []struct{ what, column string }{
		{"an id column", o.IDColumn}, {"a target column", o.TargetColumn}, {"a weight column", o.WeightColumn},
	} {
		if given.column != "" {
			return fault.Asked(f.Name(), expected, "%s asked for, %s", given.what, fault.Quote(given.column))
		}
	}
	return nil
}

func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

func (s *svmSource) tooMany() error {
	return tooManyColumns(s.Name(), int64(s.dim))
}

// measure looks at all rows to find the number of columns and, unless it is given, the base of the indices. Rows at
// fault do not count. As indices ascend, only those rows are parsed whose first or last index would change what has
// been found.
func (s *svmSource) measure(ctx context.Context, oneBased bool) (err error) {
	l, err := s.open(ctx, s.start)
	if err != nil {
		return err
	}
	defer l.closeInto(&err)
	least := int64(0)
	if oneBased {
		least = 1
	}
	p := svmParser{s: s}
	var first *fault.Fault // of a row that would have counted
	for row := 0; ; row++ {
		line, _, err := svmLine(l)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if zero := s.base > 0 && least == 0 && svmFirst(line) == 0; !zero && svmLast(line) <= s.highest {
			continue
		}
		p.columns, p.values = p.columns[:0], p.values[:0]
		f := p.row(line, least, maxIndex)
		if f != nil && first == nil {
			first = fault.File(s.Name(), f.Expected, "%s in row %d", f.Found, row)
		}
		if f != nil || len(p.columns) == 0 {
			continue
		}
		if least+int64(p.columns[0]) == 0 {
			s.base = 0
		}
		s.highest = max(s.highest, least+int64(p.columns[len(p.columns)-1]))
	}
	if s.highest < 0 && first != nil {
		return first
	}
	if s.highest < 0 {
		return fault.File(s.Name(), "a row with index:value, or the number of features", "none")
	}
	s.dim = int(s.highest - s.base + 1)
	return nil
}

// svmFirst is 0 where the first index of a line may be 0, otherwise 1.
func svmFirst(line []byte) int64 {
	i := len(svmToken(line))
	if i == 0 || i+1 >= len(line) || line[i+1]-'1' > 8 {
		return 0
	}
	return 1
}

// svmLast is the last index of a line that ends with index:value, and otherwise one above all: of a line that is a
// row without a fault it is never below the row's last.
func svmLast(line []byte) int64 {
	i := bytes.LastIndexByte(line, ':')
	if i < 1 || bytes.IndexByte(line, '#') >= 0 {
		return math.MaxInt64
	}
	var index int64
	for power := int64(1); i > 0 && line[i-1]-'0' <= 9; power *= 10 {
		if power > maxIndex {
			return math.MaxInt64
		}
		i--
		index += power * int64(line[i]-'0')
	}
	return index
}

// Settle fixes what Options leave to be found in .svm files, and where rows are lists of columns and numbers, for all
// files of a dataset: how many columns there are, at least as many as any file has, and whether 0 is the index of the
// first of .svm. Inspected by the options that it
// returns, each of the files has the same columns, and none is read to find them.
func Settle(o Options, sources []Source) Options {
	highest, dim := int64(-1), 0
	zero, found := o.ZeroBased == ZeroBasedYes, false
	for _, src := range sources {
		s, ok := src.(*svmSource)
		if !ok {
			dim = max(dim, src.Dim())
			found = found || isListed(src) && !hasListNames(src)
			continue
		}
		found = true
		zero = zero || s.base == 0
		highest = max(highest, s.highest)
	}
	if !found {
		return o
	}
	if o.ZeroBased = ZeroBasedNo; zero {
		o.ZeroBased = ZeroBasedYes
		highest++
	}
	if o.Features == 0 {
		o.Features = max(int(highest), dim)
	}
	return o
}

// Reinspect inspects a file anew by options that [Settle] has returned, if they can make a difference for its source.
func Reinspect(ctx context.Context, f File, src Source, o Options) (Source, error) {
	if _, ok := src.(*svmSource); !ok && (!isListed(src) || hasListNames(src)) {
		return src, nil
	}
	return Inspect(ctx, f, o)
}

func (s *svmSource) Dim() int { return s.dim }

// Columns is nil: they have no names.
func (s *svmSource) Columns() []string { return nil }

// Schema is nil: a row names the columns that it has, and no other.
func (s *svmSource) Schema() []Column { return nil }

// svmRow reports whether a line is a row.
func svmRow(line []byte) bool {
	for _, c := range line {
		if !isSpace(c) {
			return c != '#'
		}
	}
	return false
}

// svmLine is the next line that is a row, and its offset. Its memory is valid until more is read.
func svmLine(l *lines) ([]byte, int64, error) {
	for {
		n, err := l.find(0)
		if err != nil {
			return nil, 0, err
		}
		line, offset := l.decoded(trimEnd(l.ahead(n))), l.offset
		l.advance(n)
		if svmRow(line) {
			return line, offset, nil
		}
	}
}

// Count counts the lines that are rows. None begins within quotes, so both states are the same.
func (s *svmSource) Count(ctx context.Context, r Range) (Count, error) {
	return s.countLines(ctx, r, svmRow)
}

func (s *svmSource) isWhole() bool { return s.sequential() }

// Resolve numbers the rows.
func (s *svmSource) Resolve(counts []Count) ([]Span, error) {
	spans, _, _ := resolve(counts)
	return spans, nil
}

func (s *svmSource) Read(ctx context.Context, span Span) (Reader, error) {
	r, err := s.read(ctx, span)
	if err != nil {
		return nil, err
	}
	r.past = func() error {
		_, _, err := svmLine(r.lines)
		return err
	}
	p := svmParser{s: s}
	last := s.base + int64(s.dim) - 1
	r.parse = func(b *vectors.Block, number int64) error {
		if b.Sparse == nil && s.dim > maxColumns {
			return s.tooMany()
		}
		line, _, err := svmLine(r.lines)
		if err != nil {
			return err
		}
		f := p.read(b, line, last, number)
		if f != nil {
			f.File, f.Row = s.Name(), number
			return f
		}
		return nil
	}
	return r, nil
}

// svmParser reads rows. Its faults lack the file and the row.
type svmParser struct {
	s       *svmSource
	columns []int32
	values  []float64
	learned
}

// read adds the row of a line, straight into a block that is sparse and rounds nothing.
func (p *svmParser) read(b *vectors.Block, line []byte, last, number int64) *fault.Fault {
	if sparse := b.Sparse; sparse != nil && b.DType != vectors.Float32 {
		if p.columns, p.values = sparse.Indices, sparse.Values; len(sparse.Offsets) == 0 {
			sparse.Offsets = append(sparse.Offsets, 0)
		}
		f := p.row(line, p.s.base, last)
		if f == nil {
			sparse.Indices, sparse.Values = p.columns, p.values
			sparse.Offsets, b.Numbers = append(sparse.Offsets, len(p.columns)), append(b.Numbers, number)
			p.appendTo(b, p.s.selection)
		}
		return f
	}
	p.columns, p.values = p.columns[:0], p.values[:0]
	if f := p.row(line, p.s.base, last); f != nil {
		return f
	}
	if i := b.AppendSparse(p.columns, p.values, number); i >= 0 {
		return &fault.Fault{Column: strconv.FormatInt(p.s.base+int64(p.columns[i]), 10), Found: formatFloat(p.values[i]),
			Expected: storable(p.values[i])}
	}
	p.appendTo(b, p.s.selection)
	return nil
}

// svmToken is what b begins with, up to a space, a tab or a comment.
func svmToken(b []byte) []byte {
	for i, c := range b {
		if c == ' ' || c == '\t' || c == '#' {
			return b[:i]
		}
	}
	return b
}

// row appends the entries of a line that is a row, whose indices are at least first and at most last.
func (p *svmParser) row(line []byte, first, last int64) *fault.Fault {
	columns, values := p.columns, p.values
	if n, about := len(columns), min(len(line)/8+1, 4096); cap(columns)-n < about || cap(values)-n < about {
		columns, values = slices.Grow(columns, n+about), slices.Grow(values, n+about)
	}
	ahead := line[:cap(line)] // what stands behind a line is read, and not used
	i := 0
	for line[i] == ' ' || line[i] == '\t' {
		i++ // as far as a byte that makes it a row
	}
	label := svmToken(line[i:])
	if f := p.readLabel(label); f != nil {
		return f
	}
	i += len(label)
	next := first // the least index that may follow
	for entry := 0; ; entry++ {
		if k := len(columns); i < len(line) && line[i] == ' ' {
			n, at := entries.Parse(line, i, next, last, first, columns[k:cap(columns)], values[k:cap(values)])
			if n > 0 {
				columns, values, i = columns[:k+n], values[:k+n], at
				next = first + int64(columns[k+n-1]) + 1
				entry += n
			}
		}
		for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
			i++
		}
		if i == len(line) || line[i] == '#' {
			p.columns, p.values = columns, values
			return nil
		}
		if len(ahead)-i >= 2*8+1 {
			index, length := shortInteger(ahead[i:])
			if at := i + length + 1; length > 0 && ahead[at-1] == ':' && index >= next && index <= last {
				if v, length := shortDecimal(ahead[at:]); length > 0 &&
					(at+length == len(line) || at+length < len(line) && line[at+length] == ' ') {
					i = at + length
					columns, values = append(columns, int32(index-first)), append(values, v)
					next = index + 1
					continue
				}
			}
		}
		begin := i
		var index int64
		for i < len(line) && line[i]-'0' <= 9 && i-begin < 18 {
			index = index*10 + int64(line[i]-'0')
			i++
		}
		if i == begin || i == len(line) || line[i] != ':' {
			token := svmToken(line[begin:])
			if n, ok := bytes.CutPrefix(token, []byte("qid:")); ok && entry == 0 && allDigits(n) {
				i = begin + len(token)
				continue
			}
			return &fault.Fault{Found: fault.Quote(token), Expected: "index:value"}
		}
		if index < next || index > last {
			p.columns = columns
			return p.indexFault(line, index, first, last)
		}
		i++
		v, n := number(line[i:], false)
		end := i + n
		if n == 0 || v-v != 0 || end < len(line) && line[end] != ' ' && line[end] != '\t' && line[end] != '#' {
			return numberFault("", 0, strconv.FormatInt(index, 10), svmToken(line[i:]))
		}
		i = end
		columns, values = append(columns, int32(index-first)), append(values, v)
		next = index + 1
	}
}

// readLabel reads the first token of a line.
func (p *svmParser) readLabel(label []byte) (f *fault.Fault) {
	switch {
	case bytes.IndexByte(label, ':') >= 0:
		return &fault.Fault{Found: fault.Quote(label), Expected: "a label, and then index:value"}
	case p.s.target < 0:
		return nil
	case bytes.IndexByte(label, ',') >= 0:
		return &fault.Fault{Column: "label", Found: fault.Quote(label), Expected: "one label"}
	}
	if p.s.lacksTarget(label) {
		p.none()
		return nil
	}
	if f = p.readTarget(label, p.s.labels, &dialect{decimal: '.'}, &p.s.textFile); f != nil {
		f.Column = "label"
	}
	return f
}

func allDigits(b []byte) bool {
	for _, c := range b {
		if c-'0' > 9 {
			return false
		}
	}
	return len(b) > 0
}

// indexFault is the fault of an index that is out of its order, or of its bounds.
func (p *svmParser) indexFault(line []byte, index, first, last int64) *fault.Fault {
	if before, after := unordered(line); after >= 0 {
		return &fault.Fault{Column: strconv.FormatInt(after, 10), Found: fmt.Sprintf("the index %d after %d", after, before),
			Expected: svmAscend}
	}
	expected := fmt.Sprintf("one from %d to %d", first, last)
	if index > last {
		expected += sayFeatures
	}
	return &fault.Fault{Found: fmt.Sprintf("the index %d", index), Expected: expected}
}

// svmAscend is what the indices of a row should do.
const svmAscend = "indices that ascend"

// unordered is the first two indices of a line that do not ascend, or −1 where all do, up to what is no index:value.
func unordered(line []byte) (before, after int64) {
	tokens := tokensOf(nil, line[:commentAt(line)])
	before = -1
	for i, token := range tokens {
		name, _, ok := bytes.Cut(token, []byte{':'})
		if i == 0 || i == 1 && string(name) == "qid" {
			continue
		}
		index, err := strconv.ParseInt(string(name), 10, 64)
		if !ok || err != nil {
			break
		}
		if index <= before {
			return before, index
		}
		before = index
	}
	return -1, -1
}

// commentAt is where the comment of a line begins, or its end.
func commentAt(line []byte) int {
	if i := bytes.IndexByte(line, '#'); i >= 0 {
		return i
	}
	return len(line)
}
