package formats

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

// word2vecFormat is the text of word2vec, fastText and GloVe (https://nlp.stanford.edu/projects/glove): a line for
// each word, as
//
//	word number number …
//
// with spaces between. The word is the row's id; as in GloVe's files, it may have spaces itself. The first line may
// be how many words and how many numbers there are, as word2vec writes it; then both must be so.
var word2vecFormat = &Format{Name: "word2vec", Extensions: []string{".vec", ".glove.txt"}, Text: true,
	inspect: inspectWords}

// wordsSource is an inspected file.
type wordsSource struct {
	textFile
	*selection
	place []int // place of each number in the vector, or -1
	words int64 // as many as the first line says, or -1
}

func inspectWords(ctx context.Context, f File, comp compression, o Options) (Source, error) {
	if err := o.noHeader(f, "word2vec"); err != nil {
		return nil, err
	}
	if err := o.noDialect(f, "word2vec"); err != nil {
		return nil, err
	}
	if err := o.noBeside(f, "columns of numbers: the word is the id, and there is nothing else"); err != nil {
		return nil, err
	}
	s := &wordsSource{textFile: o.newText(f, comp), words: -1}
	dim := 0
	err := s.head(ctx, func(l *lines) (err error) {
		dim, err = s.first(l)
		return err
	})
	if err != nil {
		return nil, err
	}
	if s.selection, err = o.choose(f.Name(), nil, dim); err != nil {
		return nil, err
	}
	s.place = s.places()
	return s, nil
}

// first finds how many numbers a row has: as many as the first line says, or as most of the first rows have.
func (s *wordsSource) first(l *lines) (dim int, err error) {
	line, offset, err := objectLine(l)
	if err == io.EOF {
		return 0, fault.File(s.Name(), "a first row", "only empty lines")
	}
	if err != nil {
		return 0, err
	}
	s.start = offset
	var tokens [][]byte
	if tokens = tokensOf(tokens, line); len(tokens) == 2 {
		words, errWords := strconv.ParseInt(string(tokens[0]), 10, 64)
		columns, errColumns := strconv.Atoi(string(tokens[1]))
		next, err := l.peek(1)
		if err != nil {
			return 0, err
		}
		if errWords == nil && errColumns == nil && words > 0 && columns > 0 && len(next) > 0 {
			if columns > maxColumns {
				return 0, fault.File(s.Name(), fmt.Sprintf("at most %d columns", maxColumns), "%d columns", columns)
			}
			s.words, s.start = words, l.offset
			return columns, nil
		}
	}
	times, most := map[int]int{}, 0
	for n := 0; n < sampleRows && err == nil; n++ {
		tokens = tokensOf(tokens, line)
		times[len(tokens)-1]++
		if l.offset >= headAhead {
			break
		}
		line, _, err = objectLine(l)
	}
	if err != nil && err != io.EOF {
		return 0, err
	}
	for n, k := range times {
		if k > most || k == most && n < dim {
			dim, most = n, k
		}
	}
	if dim < 1 || dim > maxColumns {
		return 0, fault.File(s.Name(), fmt.Sprintf("a word, and from 1 to %d numbers, in each row", maxColumns), "%d of them",
			dim)
	}
	return dim, nil
}

// tokensOf are the parts of a line between spaces and tabs, in the memory of tokens.
func tokensOf(tokens [][]byte, line []byte) [][]byte {
	tokens = tokens[:0]
	for i := 0; i < len(line); {
		first := i
		for i < len(line) && line[i] != ' ' && line[i] != '\t' {
			i++
		}
		if i > first {
			tokens = append(tokens, line[first:i])
		}
		for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
			i++
		}
	}
	return tokens
}

func (s *wordsSource) Dim() int { return len(s.vector) }

// Columns is nil: they have no names.
func (s *wordsSource) Columns() []string { return nil }

// Count counts lines that are not empty. No line begins within quotes, so both states are the same.
func (s *wordsSource) Count(ctx context.Context, r Range) (Count, error) {
	return s.countLines(ctx, r, func(line []byte) bool { return !isBlank(line) })
}

func (s *wordsSource) isWhole() bool { return s.sequential() }

// Resolve numbers the rows, which must be as many as the first line says.
func (s *wordsSource) Resolve(counts []Count) ([]Span, error) {
	spans, rows, _ := resolve(counts)
	if s.words >= 0 && rows != s.words && s.complete(counts) {
		return nil, fault.File(s.Name(), fmt.Sprintf("%d, as its first line says", s.words), "%d rows", rows)
	}
	return spans, nil
}

// complete reports whether counts may be of the whole file: a look at its beginning counts a single range.
func (s *wordsSource) complete(counts []Count) bool {
	return len(counts) > 1 || s.sequential() || s.Size() <= headAhead
}

func (s *wordsSource) Read(ctx context.Context, span Span) (Reader, error) {
	r, err := s.read(ctx, span)
	if err != nil {
		return nil, err
	}
	r.past = func() error {
		_, _, err := objectLine(r.lines)
		return err
	}
	p := wordsParser{s: s, vector: make([]float64, s.Dim())}
	r.parse = func(b *vectors.Block, number int64) error {
		line, _, err := objectLine(r.lines)
		if err != nil {
			return err
		}
		if f := p.row(line, b, number); f != nil {
			f.File, f.Row = s.Name(), number
			return f
		}
		return nil
	}
	return r, nil
}

// wordsParser reads rows. Its faults lack the file and the row.
type wordsParser struct {
	s      *wordsSource
	tokens [][]byte
	vector []float64
}

func (p *wordsParser) row(line []byte, b *vectors.Block, number int64) *fault.Fault {
	s := p.s
	p.tokens = tokensOf(p.tokens, line)
	first := len(p.tokens) - s.selection.count // of the numbers
	if first < 1 || line[0] == ' ' || line[0] == '\t' {
		return &fault.Fault{Found: fmt.Sprintf("%d parts", len(p.tokens)),
			Expected: fmt.Sprintf("a word and %d numbers", s.selection.count)}
	}
	numbers := p.tokens[first:]
	for c, place := range s.place {
		if place < 0 {
			continue
		}
		v, ok := wholeNumber(numbers[c])
		if !ok {
			return numberFault("", 0, strconv.Itoa(c), numbers[c])
		}
		p.vector[place] = v
	}
	if _, ok := wholeNumber(p.tokens[first-1]); ok && first > 1 {
		return &fault.Fault{Found: fmt.Sprintf("more than %d numbers", s.selection.count),
			Expected: fmt.Sprintf("a word and %d numbers", s.selection.count)}
	}
	word := line[:len(line)-len(afterToken(line, p.tokens[first-1]))]
	if f := s.textFault(word); f != nil {
		f.Column = "word"
		return f
	}
	if i := b.Append(p.vector, number); i >= 0 {
		c := s.vector[i]
		return numberFault("", 0, strconv.Itoa(c), numbers[c])
	}
	b.AppendID(parseID(word))
	return nil
}

// afterToken is what follows a token within its line.
func afterToken(line, token []byte) []byte {
	return line[cap(line)-cap(token)+len(token):]
}
