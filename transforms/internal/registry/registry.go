// Package registry makes DoFns and the elements between them known to Beam, when a program begins.
package registry

import (
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime"
)

var doFns []any

// DoFns registers DoFns, each given as a pointer to one, by the names of their types. It is for init functions. In
// contrast to beam.RegisterDoFn it looks neither at their methods nor at what these take, of which [Element] and
// beam.RegisterType tell: for a hundred DoFns that is a sixth of the time that a program with all commands takes to
// begin, each worker and a mere --help, too. Where a DoFn is built wrongly, beam.ParDo says so, as ever.
func DoFns(fns ...any) {
	for _, fn := range fns {
		runtime.RegisterType(reflect.TypeOf(fn))
	}
	doFns = append(doFns, fns...)
}

// All is what [DoFns] has been given, for a test that all of their elements are registered.
func All() []any { return doFns }

// Element registers the type of an element that crosses a pipeline, and its coder. It is for init functions. The
// coder's functions have names of their own, by which a worker finds them.
func Element[T any, Encode func(T) []byte | func(T) ([]byte, error)](encode Encode, decode func([]byte) (T, error)) {
	t := reflect.TypeFor[T]()
	runtime.RegisterType(t)
	beam.RegisterCoder(t, encode, decode)
}
