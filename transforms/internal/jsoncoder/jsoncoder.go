// Package jsoncoder has what the coders of small values share, descriptors of where rows and files stand, which cross a
// pipeline as JSON.
package jsoncoder

import "encoding/json"

// Decode reads a value that json.Marshal has written. A coder calls it in a function of its own, as Beam finds the
// functions of coders by their names in the program, and instances of a generic function share one.
func Decode[T any](b []byte) (T, error) {
	var v T
	err := json.Unmarshal(b, &v)
	return v, err
}
