package onnx

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// message is the bytes of a protocol buffer, whose fields stand in the order in which they are added. Only the few
// messages that a graph of operators needs are written here, by the numbers of onnx.proto: the generated types of all
// of them would be a dependency of hundreds of kilobytes.
type message []byte

func (m *message) integer(field protowire.Number, v int64) {
	*m = protowire.AppendVarint(protowire.AppendTag(*m, field, protowire.VarintType), uint64(v))
}

func (m *message) text(field protowire.Number, s string) { m.bytes(field, []byte(s)) }

func (m *message) bytes(field protowire.Number, b []byte) {
	*m = protowire.AppendBytes(protowire.AppendTag(*m, field, protowire.BytesType), b)
}

// Types of elements: TensorProto.DataType.
const (
	int64s  = 7
	strings = 8
	doubles = 11
)

// tensor is a TensorProto of float64, int64 or strings.
func tensor(name string, values any, dims ...int) (m message) {
	const dimsField, typeField, stringsField, nameField, rawField = 1, 2, 6, 8, 9
	for _, d := range dims {
		m.integer(dimsField, int64(d))
	}
	var raw []byte
	switch v := values.(type) {
	case []float64:
		m.integer(typeField, doubles)
		for _, x := range v {
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(x))
		}
	case []int64:
		m.integer(typeField, int64s)
		for _, x := range v {
			raw = binary.LittleEndian.AppendUint64(raw, uint64(x))
		}
	case []string:
		m.integer(typeField, strings)
		for _, s := range v {
			m.text(stringsField, s)
		}
	default:
		panic(fmt.Sprintf("onnx: a tensor of %T", values))
	}
	m.text(nameField, name)
	if raw != nil {
		m.bytes(rawField, raw)
	}
	return m
}

// attribute is an AttributeProto of an int64 or a list of int64 or strings.
func attribute(name string, value any) (m message) {
	const nameField, intField, intsField, stringsField, typeField = 1, 3, 8, 9, 20
	const intType, intsType, stringsType = 2, 7, 8
	m.text(nameField, name)
	switch v := value.(type) {
	case int:
		m.integer(intField, int64(v))
		m.integer(typeField, intType)
	case []int64:
		for _, x := range v {
			m.integer(intsField, x)
		}
		m.integer(typeField, intsType)
	case []string:
		for _, s := range v {
			m.text(stringsField, s)
		}
		m.integer(typeField, stringsType)
	default:
		panic(fmt.Sprintf("onnx: an attribute of %T", value))
	}
	return m
}

// valueInfo is a ValueInfoProto: a tensor with any number of rows, of so many columns; of none it is a vector.
func valueInfo(name string, elements, columns int) (m message) {
	const nameField, typeField, tensorField, elementField, shapeField, dimField = 1, 2, 1, 1, 2, 1
	const valueField, paramField = 1, 2
	var rows, shape, of, kind message
	rows.text(paramField, "N")
	shape.bytes(dimField, rows)
	if columns > 0 {
		var width message
		width.integer(valueField, int64(columns))
		shape.bytes(dimField, width)
	}
	of.integer(elementField, int64(elements))
	of.bytes(shapeField, shape)
	kind.bytes(tensorField, of)
	m.text(nameField, name)
	m.bytes(typeField, kind)
	return m
}
