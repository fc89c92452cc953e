package formats

import "encoding/binary"

// arrowMessage is what a description says of a message.
type arrowMessage struct {
	kind byte
	rows int64 // of a batch
	body int64 // bytes behind the description
}

// parseMessage reads the description of a message: a table Message of FlatBuffers
// (https://flatbuffers.dev/internals/), of which it needs four fields.
func parseMessage(b []byte) (m arrowMessage, ok bool) {
	t, ok := tableAt(b, 0)
	if !ok {
		return m, false
	}
	kind, ok := t.field(1, 1)
	if !ok || kind == nil {
		return m, false
	}
	m.kind = kind[0]
	body, ok := t.field(3, 8)
	if !ok {
		return m, false
	}
	if body != nil {
		m.body = int64(binary.LittleEndian.Uint64(body))
	}
	if m.kind != messageBatch {
		return m, true
	}
	batch, ok := t.table(2)
	if !ok || batch == nil {
		return m, false
	}
	rows, ok := batch.field(0, 8)
	if rows != nil {
		m.rows = int64(binary.LittleEndian.Uint64(rows))
	}
	return m, ok
}

// soundMessage reports whether no length in the description of a message promises more than it holds: the decoder
// allocates by these lengths.
func soundMessage(b []byte, kind byte) bool {
	w := &flatWalk{left: len(b)}
	t, ok := tableAt(b, 0)
	if !ok || !w.pairs(&t, 4) {
		return false
	}
	body, ok := t.table(2)
	if !ok || body == nil {
		return false
	}
	switch kind {
	case messageSchema:
		return w.pairs(body, 2) && body.vector(3, 8) && w.each(body, 1, func(f *flatTable) bool { return w.field(f, 0) })
	case messageDictionary:
		if body, ok = body.table(1); !ok || body == nil {
			return false
		}
	}
	return body.vector(1, 16) && body.vector(2, 16) && body.vector(4, 8)
}

// flatWalk walks over tables, each of which takes bytes of its own; where they share them, the walk ends.
type flatWalk struct{ left int }

// field walks over a field of a schema and those within it.
func (w *flatWalk) field(f *flatTable, depth int) bool {
	return depth < flatDepth && f.vector(0, 1) && f.union() && w.pairs(f, 6) &&
		w.each(f, 5, func(child *flatTable) bool { return w.field(child, depth+1) })
}

// union reports whether the ids of a type that is a union are within the description.
func (t *flatTable) union() bool {
	const isUnion = 14
	if kind, ok := t.field(2, 1); !ok || kind == nil || kind[0] != isUnion {
		return ok
	}
	u, ok := t.table(3)
	return ok && (u == nil || u.vector(1, 4))
}

// flatDepth bounds how deep fields nest.
const flatDepth = 64

// pairs walks over a list of pairs of texts.
func (w *flatWalk) pairs(t *flatTable, field int64) bool {
	return w.each(t, field, func(pair *flatTable) bool { return pair.vector(0, 1) && pair.vector(1, 1) })
}

// each walks over a list of tables.
func (w *flatWalk) each(t *flatTable, field int64, do func(*flatTable) bool) bool {
	if !t.vector(field, 4) {
		return false
	}
	at, _ := t.place(field)
	if at == 0 {
		return true
	}
	at += int64(binary.LittleEndian.Uint32(t.b[at:]))
	for range binary.LittleEndian.Uint32(t.b[at:]) {
		at += 4
		one, ok := tableAt(t.b, at)
		if w.left -= 8; !ok || w.left < 0 || !do(&one) {
			return false
		}
	}
	return true
}

// flatTable is a table of FlatBuffers.
type flatTable struct {
	b         []byte
	at        int64 // of the table
	fields    int64 // of the list of its fields' places
	fieldsEnd int64
}

// tableAt is the table to which the offset at a place leads.
func tableAt(b []byte, at int64) (t flatTable, ok bool) {
	n := int64(len(b))
	if at < 0 || at+4 > n {
		return t, false
	}
	t = flatTable{b: b, at: at + int64(binary.LittleEndian.Uint32(b[at:]))}
	if t.at+4 > n {
		return t, false
	}
	t.fields = t.at - int64(int32(binary.LittleEndian.Uint32(b[t.at:])))
	if t.fields < 0 || t.fields+4 > n {
		return t, false
	}
	t.fieldsEnd = t.fields + int64(binary.LittleEndian.Uint16(b[t.fields:]))
	return t, t.fieldsEnd <= n
}

// place is where a field is, 0 where it has its default.
func (t *flatTable) place(field int64) (int64, bool) {
	at := t.fields + 4 + 2*field
	if at+2 > t.fieldsEnd {
		return 0, true
	}
	offset := int64(binary.LittleEndian.Uint16(t.b[at:]))
	if offset == 0 {
		return 0, true
	}
	return t.at + offset, t.at+offset+4 <= int64(len(t.b))
}

// table is the table of a field, nil where it has none.
func (t *flatTable) table(field int64) (*flatTable, bool) {
	at, ok := t.place(field)
	if !ok || at == 0 {
		return nil, ok
	}
	to, ok := tableAt(t.b, at)
	return &to, ok
}

// vector reports whether the list of a field, of elements of a size, is within the description, or is not there.
func (t *flatTable) vector(field, size int64) bool {
	at, ok := t.place(field)
	if !ok || at == 0 {
		return ok
	}
	n := int64(len(t.b))
	at += int64(binary.LittleEndian.Uint32(t.b[at:]))
	return at+4 <= n && int64(binary.LittleEndian.Uint32(t.b[at:]))*size <= n-at-4
}

// field is the bytes of a field of a size, nil where it has its default.
func (t *flatTable) field(field, size int64) ([]byte, bool) {
	at, ok := t.place(field)
	if !ok || at == 0 {
		return nil, ok
	}
	if at+size > int64(len(t.b)) {
		return nil, false
	}
	return t.b[at : at+size], true
}
