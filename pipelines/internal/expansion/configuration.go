package expansion

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/coder"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"google.golang.org/protobuf/proto"
)

// configure reads a transform's options, a row whose fields are called as the fields of o are in JSON. What is not
// given, or is null, stays as it is.
func configure(payload []byte, o any) error {
	var c pipepb.ExternalConfigurationPayload
	if err := proto.Unmarshal(payload, &c); err != nil {
		return fmt.Errorf("found options that are no ExternalConfigurationPayload (%w), expected those of "+
			"ImplicitSchemaPayloadBuilder", err)
	}
	if len(c.GetSchema().GetFields()) == 0 {
		return nil
	}
	t, err := typeOf(c.GetSchema())
	if err != nil {
		return fmt.Errorf("options: %w", err)
	}
	row, err := decodeRow(t, c.GetPayload())
	if err != nil {
		return fmt.Errorf("options: found a row that is not of its schema: %w", err)
	}
	known := optionsOf(o)
	given := map[string]any{}
	for i, v := 0, reflect.ValueOf(row); i < v.NumField(); i++ {
		name := columnOf(t.Field(i))
		if !slices.Contains(known, name) {
			return fmt.Errorf("found the option %q, expected one of %s", name, strings.Join(known, ", "))
		}
		if f := v.Field(i); f.Kind() != reflect.Pointer || !f.IsNil() {
			given[name] = f.Interface()
		}
	}
	b, err := json.Marshal(given)
	if err != nil {
		return fmt.Errorf("options: %w", err)
	}
	err = json.Unmarshal(b, o)
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		return fmt.Errorf("the option %s: found a value of %s, expected one of %v", mismatch.Field, mismatch.Value,
			mismatch.Type)
	}
	return err
}

// decodeRow decodes a row. Beam's decoder panics on lengths below 0.
func decodeRow(t reflect.Type, b []byte) (row any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	decode, err := coder.RowDecoderForStruct(t)
	if err != nil {
		return nil, err
	}
	return decode(bytes.NewReader(b))
}

// optionsOf are the names of options.
func optionsOf(o any) (names []string) {
	t := reflect.TypeOf(o).Elem()
	for i := range t.NumField() {
		names = append(names, t.Field(i).Tag.Get("json"))
	}
	return names
}
