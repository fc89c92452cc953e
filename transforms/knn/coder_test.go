package knn

import (
	"bytes"
	"math"
	"reflect"
	"testing"
)

var someSections = []exchangeSection{
	{Part: 7, Rows: 3, Wide: true, Offset: 1 << 40, Length: 12345, CRC: math.MaxUint32},
	{},
	{Part: math.MaxInt64, Length: 1},
}

// Descriptions of rows in files come back as they were, and no other bytes are taken for one.
func FuzzDecodeExchangeFile(f *testing.F) {
	for _, file := range []exchangeFile{
		{}, {Kind: partPoints, Task: 300, Size: 5, Total: 6}, {Kind: partAnswers, Sections: someSections},
	} {
		b := encodeExchangeFile(file)
		if got, err := decodeExchangeFile(b); err != nil || !reflect.DeepEqual(got, file) {
			f.Errorf("%+v, %v, want %+v", got, err, file)
		}
		if _, err := decodeExchangeFile(append(b, 0)); err == nil {
			f.Errorf("%+v: a byte more is not noticed", file)
		}
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := decodeExchangeFile(b)
		if err != nil {
			return
		}
		if again, err := decodeExchangeFile(encodeExchangeFile(file)); err != nil || !reflect.DeepEqual(again, file) {
			t.Errorf("%x is %+v, and that is %+v, %v", b, file, again, err)
		}
	})
}

func FuzzDecodePartTask(f *testing.F) {
	for _, task := range []partTask{
		{}, {Number: 1 << 30, Total: 9, Wide: true},
		{Points: []exchangePiece{{Task: 1, FileSize: 2, Section: someSections[0], Skip: 3, Rows: 4}},
			Queries: []exchangePiece{{Section: someSections[2]}, {Rows: 1}}},
	} {
		b := encodePartTask(task)
		if got, err := decodePartTask(b); err != nil || !reflect.DeepEqual(got, task) {
			f.Errorf("%+v, %v, want %+v", got, err, task)
		}
		if _, err := decodePartTask(bytes.Clone(b[:len(b)-1])); err == nil {
			f.Errorf("%+v: a byte less is not noticed", task)
		}
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		task, err := decodePartTask(b)
		if err != nil {
			return
		}
		if again, err := decodePartTask(encodePartTask(task)); err != nil || !reflect.DeepEqual(again, task) {
			t.Errorf("%x is %+v, and that is %+v, %v", b, task, again, err)
		}
	})
}

// A file's sections go by their keys, each to one, and in their order.
func TestExchangeFileBy(t *testing.T) {
	file := exchangeFile{Kind: graphEdges, Task: 3, Size: 100, Total: 9}
	for _, part := range []int64{5, 0, 4, 1, 9} {
		file.Sections = append(file.Sections, exchangeSection{Part: part, Rows: part + 1})
	}
	var keys []int64
	of := map[int64][]int64{}
	file.by(func(part int64) int64 { return part / 2 }, func(key int64, f exchangeFile) {
		if f.Kind != file.Kind || f.Task != file.Task || f.Size != file.Size || f.Total != file.Total {
			t.Errorf("%+v is not of %+v", f, file)
		}
		keys = append(keys, key)
		for _, s := range f.Sections {
			of[key] = append(of[key], s.Part)
		}
	})
	if want := map[int64][]int64{0: {0, 1}, 2: {5, 4}, 4: {9}}; !reflect.DeepEqual(of, want) || len(keys) != 3 {
		t.Errorf("%v by %v, want %v", of, keys, want)
	}
}
