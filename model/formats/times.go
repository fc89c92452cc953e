package formats

import (
	"encoding/binary"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

const secondsOfDay = 24 * 60 * 60

// appendTime appends an instant as a label: a day alone, or with its time where that is not midnight, and with +00:00
// where the instant is one of UTC rather than of a clock on a wall.
func appendTime(b []byte, seconds, nanos int64, utc bool) []byte {
	t := time.Unix(seconds, nanos).UTC()
	layout := "2006-01-02"
	switch clock := t.Sub(t.Truncate(24 * time.Hour)); {
	case clock%time.Microsecond != 0:
		layout += " 15:04:05.000000000"
	case clock%time.Second != 0:
		layout += " 15:04:05.000000"
	case clock != 0 || utc:
		layout += " 15:04:05"
	}
	if utc {
		layout += "-07:00"
	}
	return t.AppendFormat(b, layout)
}

// timeLabel is a label that is an instant of ISO 8601 with its time, written as those of columns of instants are; any
// other stands as it is.
func timeLabel(label string) string {
	const day = len("2006-01-02")
	if len(label) <= day || label[4] != '-' || label[7] != '-' || label[day] != ' ' && label[day] != 'T' {
		return label
	}
	rest := label[:day] + "T" + label[day+1:]
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", time.RFC3339} {
		if t, err := time.Parse(layout, rest); err == nil {
			return string(appendTime(nil, t.Unix(), int64(t.Nanosecond()), layout == time.RFC3339))
		}
	}
	return label
}

// appendUnits is appendTime of an instant in units of which a second has so many.
func appendUnits(b []byte, v, perSecond int64, utc bool) []byte {
	seconds := floorDiv(v, perSecond)
	return appendTime(b, seconds, (v-seconds*perSecond)*(1e9/perSecond), utc)
}

// int96Time is an instant of Parquet's old type: nanoseconds of the day, and the day by the Julian calendar's number.
func int96Time(v parquet.Int96) (day, nanos int64) {
	const julian1970 = 2440588
	return int64(binary.LittleEndian.Uint32(v[8:])) - julian1970, int64(binary.LittleEndian.Uint64(v[:8]))
}

// nextTimes is nextTexts of instants and dates, as labels.
func (c *parquetChunk) nextTimes(def []int16, each func(i int, text []byte, valued bool)) (int, error) {
	var text []byte
	switch r := c.r.(type) {
	case *file.Int96ColumnChunkReader:
		return decodeEach(c, def, r.ReadBatchInPage, func(i int, v parquet.Int96, valued bool) {
			day, nanos := int96Time(v)
			seconds := floorDiv(nanos, 1e9)
			text = appendTime(text[:0], day*secondsOfDay+seconds, nanos-seconds*1e9, false)
			each(i, text, valued)
		})
	case *file.Int32ColumnChunkReader:
		return decodeEach(c, def, r.ReadBatchInPage, func(i int, v int32, valued bool) {
			text = appendTime(text[:0], int64(v)*secondsOfDay, 0, false)
			each(i, text, valued)
		})
	case *file.Int64ColumnChunkReader:
		t, ok := c.node.LogicalType().(schema.TimestampLogicalType)
		if !ok {
			return 0, errLevels
		}
		perSecond := int64(1e6)
		switch t.TimeUnit() {
		case schema.TimeUnitMillis:
			perSecond = 1e3
		case schema.TimeUnitNanos:
			perSecond = 1e9
		}
		return decodeEach(c, def, r.ReadBatchInPage, func(i int, v int64, valued bool) {
			text = appendUnits(text[:0], v, perSecond, t.IsAdjustedToUTC())
			each(i, text, valued)
		})
	}
	return 0, errLevels
}

// arrowLabels gives the texts of an array by their place, or its instants and dates as labels; nil for what is neither.
// Their memory is valid until the next call.
func arrowLabels(a arrow.Array) func(i int) []byte {
	var text []byte
	switch a := a.(type) {
	case *array.Timestamp:
		t := a.DataType().(*arrow.TimestampType)
		perSecond, utc := int64(time.Second/t.Unit.Multiplier()), t.TimeZone != ""
		return func(i int) []byte {
			text = appendUnits(text[:0], int64(a.Value(i)), perSecond, utc)
			return text
		}
	case *array.Date32:
		return func(i int) []byte {
			text = appendTime(text[:0], int64(a.Value(i))*secondsOfDay, 0, false)
			return text
		}
	case *array.Date64:
		return func(i int) []byte {
			text = appendUnits(text[:0], int64(a.Value(i)), 1e3, false)
			return text
		}
	case *array.Dictionary:
		words := arrowLabels(a.Dictionary())
		if words == nil {
			return nil
		}
		return func(i int) []byte { return words(a.GetValueIndex(i)) }
	}
	return arrowTexts(a)
}
