package formats

import (
	"context"
	"fmt"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

// besideArrays are the arrays of an archive that hold what the rows of its matrix have besides: their targets, weights
// and ids, one for each row, where Options name them.
type besideArrays struct {
	File
	rows               int64
	target, weight, id *matrix  // of numbers, or nil
	labels, ids        *npyText // of text, or nil; labels may be integers and booleans, too
	classes            bool     // targets are labels
	untargeted         bool     // rows without a target are kept
	uses               map[string]Use
}

// findBeside finds the arrays of these rows' targets, weights and ids. It leaves out what o names and the archive does
// not have.
func findBeside(ctx context.Context, f File, arrays map[string]*member, rows int64, o *Options) (*besideArrays, error) {
	b := &besideArrays{File: f, rows: rows, classes: o.Labels, untargeted: o.Untargeted, uses: map[string]Use{}}
	for _, role := range []struct {
		name string
		use  Use
		to   **matrix
	}{{o.TargetColumn, AsTarget, &b.target}, {o.WeightColumn, AsWeight, &b.weight}, {o.IDColumn, AsID, &b.id}} {
		m := arrays[role.name]
		if role.name == "" || m == nil {
			continue
		}
		if other, ok := b.uses[role.name]; ok {
			return nil, fault.Asked(f.Name(), fmt.Sprintf("an array of its own for the %s and the %s", other, role.use),
				"the array %s for both", fault.Quote(role.name))
		}
		b.uses[role.name] = role.use
		text, err := b.texts(ctx, m, role.use)
		if err != nil {
			return nil, err
		}
		if text {
			continue
		}
		if *role.to, err = npzNumbers(ctx, f, m, rows); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// texts takes an array for the labels or the ids of the rows where these are read as text, and reports whether it has.
func (b *besideArrays) texts(ctx context.Context, m *member, use Use) (bool, error) {
	text, start, err := npyHeader(ctx, m)
	if err != nil {
		return false, err
	}
	h, err := parseNPY(text)
	if err != nil {
		return false, nil // as npzNumbers will say
	}
	_, _, isText := textType(h.descr)
	var to **npyText
	switch {
	case use == AsID && isText:
		to = &b.ids
	case use == AsTarget && b.classes && (isText || labelType(h.descr)):
		to = &b.labels
	case isText:
		return false, fault.File(b.Name(), "numbers in the array "+fault.Quote(m.array), "text")
	default:
		return false, nil
	}
	src, err := inspectNPYText(m, start, h, &Options{Labels: true, Empty: true})
	if err != nil {
		return false, err
	}
	if src.Rows() != b.rows {
		what := map[Use]string{AsID: "ids", AsTarget: "labels"}[use]
		return false, fault.File(b.Name(), fmt.Sprintf("%d %s in the array %s", b.rows, what, fault.Quote(m.array)), "%d",
			src.Rows())
	}
	*to = src.(*npyText)
	return true, nil
}

// hasIDs reports whether rows have ids other than their numbers.
func (b *besideArrays) hasIDs() bool { return b.id != nil || b.ids != nil }

// npzNumbers is an array of n numbers, or of any number where n is negative: of one dimension, or of one column.
func npzNumbers(ctx context.Context, f File, m *member, n int64) (*matrix, error) {
	text, start, err := npyHeader(ctx, m)
	if err != nil {
		return nil, err
	}
	h, err := parseNPY(text)
	if err != nil || len(h.shape) != 1 && (len(h.shape) != 2 || h.shape[1] != 1) {
		return nil, fault.File(f.Name(), "numbers in one dimension", "another shape of the array %s", fault.Quote(m.array))
	}
	a := &matrix{File: m, start: start, rows: h.shape[0], columns: 1}
	if a.element, a.order, err = npyElement(f.Name(), h.descr); err != nil {
		return nil, err
	}
	if bytes, ok := bytesOf(a.rows, 1, int64(a.size)); !ok || bytes != m.size-start {
		return nil, fault.File(f.Name(), fmt.Sprintf("%d numbers of %d bytes in the array %s", a.rows, a.size,
			fault.Quote(m.array)), "%d bytes", m.size-start)
	}
	if n >= 0 && a.rows != n {
		return nil, fault.File(f.Name(), fmt.Sprintf("%d numbers in the array %s", n, fault.Quote(m.array)), "%d", a.rows)
	}
	return a, nil
}

// read opens the arrays where the rows begin.
func (b *besideArrays) read(ctx context.Context, rows Span) (_ *besideReader, err error) {
	r := &besideReader{of: b}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	for _, open := range []struct {
		array *matrix
		to    **numberStream
	}{{b.target, &r.target}, {b.weight, &r.weight}, {b.id, &r.id}} {
		if open.array == nil {
			continue
		}
		if *open.to, err = open.array.stream(ctx, rows.First, rows.Rows); err != nil {
			return nil, err
		}
	}
	for _, open := range []struct {
		array *npyText
		to    **npyTextReader
	}{{b.labels, &r.labels}, {b.ids, &r.ids}} {
		if open.array == nil {
			continue
		}
		texts, err := open.array.Read(ctx, Span{First: rows.First, Rows: rows.Rows})
		if err != nil {
			return nil, err
		}
		*open.to = texts.(*npyTextReader)
	}
	return r, nil
}

// besideReader reads what rows have besides, row after row.
type besideReader struct {
	of                 *besideArrays
	target, weight, id *numberStream  // or nil
	labels, ids        *npyTextReader // or nil

	// of the row that was read last
	now    learned
	nowID  vectors.ID
	lostID bool
}

// next reads that of the next row, whose number this is. Its fault is the row's first, with its place.
func (r *besideReader) next(number int64) (bad *fault.Fault, err error) {
	fail := func(column string, f *fault.Fault) {
		if f != nil && bad == nil {
			f.File, f.Row, f.Column = r.of.Name(), number, column
			bad = f
		}
	}
	if r.target != nil {
		f, err := r.nextTarget()
		if err != nil {
			return nil, err
		}
		fail("target", f)
	}
	if r.labels != nil {
		record, err := r.labels.record()
		if err != nil {
			return nil, err
		}
		f := r.labels.decode(record)
		if r.now.label = r.labels.learned.label; f != nil && f.Found == emptyText && r.of.untargeted {
			r.now.label, f = "", nil
		}
		fail("target", f)
	}
	if r.weight != nil {
		raw, err := r.weight.take(1)
		if err != nil {
			return nil, err
		}
		r.now.weight = r.weight.m.number(raw)
		fail("weight", weightFault(r.now.weight))
	}
	found, err := r.nextID()
	if r.lostID = found != ""; r.lostID {
		fail("id", &fault.Fault{Found: found, Expected: "an id: an integer or text"})
	}
	return bad, err
}

// nextTarget reads the next target that is a number.
func (r *besideReader) nextTarget() (*fault.Fault, error) {
	raw, err := r.target.take(1)
	if err != nil {
		return nil, err
	}
	v := r.target.m.number(raw)
	r.now.target = v
	f := targetFault(v)
	switch {
	case r.of.untargeted && v != v:
		return nil, nil
	case r.of.classes && f == nil:
		return labelFault(v), nil
	}
	return f, nil
}

// nextID reads the next id, or says what stands in its place.
func (r *besideReader) nextID() (found string, err error) {
	switch {
	case r.id != nil:
		raw, err := r.id.take(1)
		if err != nil {
			return "", err
		}
		r.nowID.Int, found = r.id.m.integer(raw)
		return found, nil
	case r.ids != nil:
		record, err := r.ids.record()
		if err != nil {
			return "", err
		}
		if found = r.ids.text(record); found == "" {
			r.nowID, found = textID(r.ids.label)
		}
	}
	return found, nil
}

// appendTo adds that of the row that was read last to those of the rows before.
func (r *besideReader) appendTo(b *beside) {
	if r.target != nil {
		b.target = append(b.target, r.now.target)
	}
	if r.labels != nil {
		b.labels = append(b.labels, r.now.label)
	}
	if r.weight != nil {
		b.weights = append(b.weights, r.now.weight)
	}
	if r.of.hasIDs() {
		b.ids.Append(r.nowID)
	}
}

func (r *besideReader) close() (err error) {
	for _, s := range []*numberStream{r.target, r.weight, r.id} {
		if s != nil {
			if e := s.r.Close(); err == nil {
				err = e
			}
		}
	}
	for _, t := range []*npyTextReader{r.labels, r.ids} {
		if t != nil {
			if e := t.Close(); err == nil {
				err = e
			}
		}
	}
	return err
}

// shapeText is a shape as users write it.
func shapeText(shape []int64) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", " × "), "[]")
}
