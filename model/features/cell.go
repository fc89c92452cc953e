package features

// ParseNumber is the decimal number that a cell of text is from end to end, or not; ±Inf where float64 has no such
// number.
func ParseNumber(cell []byte) (float64, bool) { return number(trim(cell)) }

// ParseDate is the instant that a cell of text is by ISO 8601, in microseconds since 1970-01-01T00:00:00 UTC, or not.
func ParseDate(cell []byte) (micros int64, ok bool) { return isoDate(trim(cell)) }

// ParseBoolean is 0 or 1 of a cell of text that is a truth value, or not.
func ParseBoolean(cell []byte) (float64, bool) { return boolean(trim(cell)) }

// IsBlank reports whether a cell of text has nothing but spaces.
func IsBlank(cell []byte) bool { return len(trim(cell)) == 0 }

// IsMissing reports whether a cell of text stands for nothing: it is empty, or NA, NaN, null, None, ? and so on.
func IsMissing(cell []byte) bool { return isMarker(trim(cell)) }
