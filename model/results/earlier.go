package results

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// HeadBytes and TailBytes are how much of a file [Format.MayBeOf] looks at, at its two ends.
const (
	HeadBytes = 1 << 10
	TailBytes = 1 << 16
)

// MayBeOf reports whether a file may be a shard of an earlier output of this format and layout, by its first HeadBytes
// and its last TailBytes: by the names of its first columns, in .npy by the type and the number of its columns. Of .svm
// and .npz, which do not tell, each may be one.
func (f *Format) MayBeOf(l Layout, head, tail []byte) bool {
	switch f {
	case csvFormat:
		for _, c := range leading(l) {
			begin := append(appendCSVText(nil, c[0]), '\n')
			if len(c) > 1 {
				begin = appendCSVText(append(begin[:len(begin)-1], ','), c[1])
			}
			if bytes.HasPrefix(head, begin) {
				return true
			}
		}
		return false
	case jsonlFormat:
		line, _, _ := bytes.Cut(head, []byte("\n"))
		for _, c := range leading(l) {
			first := append(appendJSONText([]byte{'{'}, c[0]), ':')
			if bytes.HasPrefix(line, first) &&
				(len(c) == 1 || bytes.Contains(line, append(appendJSONText([]byte{','}, c[1]), ':'))) {
				return true
			}
		}
		return false
	case parquetFormat: // the names stand in the footer, each after its length
		for _, c := range leading(l) {
			all := true
			for _, name := range c {
				all = all && bytes.Contains(tail, append(binary.AppendUvarint(nil, uint64(len(validUTF8(name)))),
					validUTF8(name)...))
			}
			if all {
				return true
			}
		}
		return false
	case npyFormat:
		for file := range f.numFiles(l) {
			descr, shape := npyArray(file, l)
			begin := npyHeader(descr, 0, shape...)
			begin = begin[:bytes.IndexByte(begin, '(')]
			after, ok := bytes.CutPrefix(head, begin)
			row, _, _ := bytes.Cut(after, []byte(")"))
			if ok && (!l.isTable() && l.Features == nil || bytes.HasSuffix(row, rowShape(shape))) {
				return true
			}
		}
		return false
	}
	return true
}

// rowShape ends the shape in the header of .npy.
func rowShape(shape []int) []byte {
	if len(shape) == 0 {
		return []byte(",")
	}
	return fmt.Appendf(nil, ", %d", shape[0])
}

// leading are the first two columns of an output, or the only one: of neighbours, in any of their forms.
func leading(l Layout) (all [][]string) {
	switch {
	case l.Features != nil:
		names := l.Features.columns()
		return append(all, names[:min(len(names), 2)])
	case l.isTable():
		return append(all, []string{l.idName(), l.Columns[0].Name})
	}
	for _, form := range Forms {
		all = append(all, heads[form][:2])
	}
	return all
}
