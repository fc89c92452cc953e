package formats

import "encoding/binary"

// soundFooter reports whether no length in the footer of a Parquet file promises more than the footer holds. The
// decoder allocates by these lengths. The footer is a struct FileMetaData in Thrift's compact protocol
// (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
func soundFooter(footer []byte) bool {
	t := thrift{left: footer}
	return t.structure(0, nil)
}

// thrift walks over what is left of a footer. Each method reports whether it found what it walks over.
type thrift struct{ left []byte }

const (
	thriftTrue = iota + 1
	thriftFalse
	thriftByte
	thriftInt16
	thriftInt32
	thriftInt64
	thriftDouble
	thriftBinary
	thriftList
	thriftSet
	thriftMap
	thriftStruct
	thriftUUID
)

const (
	thriftDepth = 64
	// Fields of the footer: FileMetaData.schema, and SchemaElement.num_children.
	fieldSchema, fieldChildren = 2, 5
)

// structure walks over a struct, and sets children to the field of that name.
func (t *thrift) structure(depth int, children *int64) bool {
	var id int64
	for {
		header, ok := t.byte()
		if !ok {
			return false
		}
		kind := header & 15
		if kind == 0 {
			return true
		}
		if id += int64(header >> 4); header>>4 == 0 {
			if id, ok = t.integer(); !ok {
				return false
			}
		}
		switch {
		case depth == 0 && id == fieldSchema && kind == thriftList:
			ok = t.schema(depth + 1)
		case children != nil && id == fieldChildren && kind == thriftInt32:
			*children, ok = t.integer()
		case kind == thriftTrue || kind == thriftFalse:
		default:
			ok = t.value(kind, depth+1)
		}
		if !ok {
			return false
		}
	}
}

// schema walks over the list of the schema's nodes, each before its children.
func (t *thrift) schema(depth int) bool {
	kind, n, ok := t.list()
	if !ok || kind != thriftStruct {
		return false
	}
	var open []int64 // how many children are to come, of the nodes above
	nodes := n
	for range n {
		var children int64
		if !t.structure(depth, &children) || children < 0 || children > nodes-1 {
			return false
		}
		nodes -= children
		for len(open) > 0 && open[len(open)-1] == 0 {
			open = open[:len(open)-1]
		}
		if len(open) > 0 {
			open[len(open)-1]--
		}
		if children > 0 {
			open = append(open, children)
		}
		if len(open) > thriftDepth {
			return false
		}
	}
	return true
}

// value walks over a field of a struct or an element of a list.
func (t *thrift) value(kind byte, depth int) bool {
	if depth > thriftDepth {
		return false
	}
	switch kind {
	case thriftTrue, thriftFalse, thriftByte:
		return t.skip(1)
	case thriftInt16, thriftInt32, thriftInt64:
		_, ok := t.integer()
		return ok
	case thriftDouble:
		return t.skip(8)
	case thriftUUID:
		return t.skip(16)
	case thriftBinary:
		n, ok := t.length()
		return ok && t.skip(n)
	case thriftList, thriftSet:
		kind, n, ok := t.list()
		for ; ok && n > 0; n-- {
			ok = t.value(kind, depth+1)
		}
		return ok
	case thriftMap:
		n, ok := t.length()
		if !ok || n == 0 {
			return ok
		}
		kinds, ok := t.byte()
		for ; ok && n > 0; n-- {
			ok = t.value(kinds>>4, depth+1) && t.value(kinds&15, depth+1)
		}
		return ok
	case thriftStruct:
		return t.structure(depth, nil)
	}
	return false
}

// list walks over the head of a list.
func (t *thrift) list() (kind byte, n int64, ok bool) {
	header, ok := t.byte()
	if n = int64(header >> 4); n == 15 {
		n, ok = t.length()
	}
	return header & 15, n, ok && n <= int64(len(t.left))
}

// length walks over a length, which is one of at least so many bytes.
func (t *thrift) length() (int64, bool) {
	v, n := binary.Uvarint(t.left)
	if n <= 0 || v > uint64(len(t.left)-n) {
		return 0, false
	}
	t.left = t.left[n:]
	return int64(v), true
}

func (t *thrift) integer() (int64, bool) {
	v, n := binary.Varint(t.left)
	if n <= 0 {
		return 0, false
	}
	t.left = t.left[n:]
	return v, true
}

func (t *thrift) byte() (byte, bool) {
	if len(t.left) == 0 {
		return 0, false
	}
	b := t.left[0]
	t.left = t.left[1:]
	return b, true
}

func (t *thrift) skip(n int64) bool {
	if n > int64(len(t.left)) {
		return false
	}
	t.left = t.left[n:]
	return true
}
