package tests

import (
	"reflect"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/funcx"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime"

	"beamlearn/transforms/internal/registry"
	_ "beamlearn/transforms/knn"
	_ "beamlearn/transforms/linear"
)

// Every named type that a method of a DoFn takes or gives is registered, as a worker finds it by its name: what
// beam.RegisterDoFn would see to. And each is a DoFn or a CombineFn.
func TestElementsRegistered(t *testing.T) {
	seen := map[string]bool{}
	var check func(in string, types ...reflect.Type)
	check = func(in string, types ...reflect.Type) {
		for _, typ := range types {
			switch typ.Kind() {
			case reflect.Func:
				if funcx.IsEmit(typ) || funcx.IsIter(typ) || funcx.IsReIter(typ) {
					check(in, signature(typ)...)
				}
			case reflect.Map:
				check(in, typ.Key(), typ.Elem())
			case reflect.Pointer, reflect.Array, reflect.Slice:
				check(in, typ.Elem())
			}
			key, named := runtime.TypeKey(typ)
			if !named || key == "context.Context" || seen[key] {
				continue
			}
			seen[key] = true
			if _, ok := runtime.LookupType(key); !ok {
				t.Errorf("%s takes or gives %s, which is not registered", in, key)
			}
		}
	}
	for _, doFn := range registry.All() {
		fn, err := graph.NewFn(doFn)
		if err != nil {
			t.Fatalf("%T: %v", doFn, err)
		}
		if _, err := graph.AsDoFn(fn, graph.MainUnknown); err != nil {
			if _, err2 := graph.AsCombineFn(fn); err2 != nil {
				t.Errorf("%T: %v; %v", doFn, err, err2)
			}
		}
		check(reflect.TypeOf(doFn).String(), reflect.TypeOf(doFn))
		typ := reflect.TypeOf(doFn)
		for i := range typ.NumMethod() {
			check(typ.String(), signature(typ.Method(i).Type)...)
		}
	}
	if len(registry.All()) < 50 || len(seen) < 50 {
		t.Errorf("%d DoFns of %d types were looked at", len(registry.All()), len(seen))
	}
}

// signature is what a function takes and gives.
func signature(f reflect.Type) (types []reflect.Type) {
	for i := range f.NumIn() {
		types = append(types, f.In(i))
	}
	for i := range f.NumOut() {
		types = append(types, f.Out(i))
	}
	return types
}
