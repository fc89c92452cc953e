package inprocess

import (
	"context"
	"errors"
	"reflect"
	"testing"

	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/util/grpcx"
	"google.golang.org/grpc"
)

// sent collects what streams send, in their order.
type sent struct {
	messages []any
	err      error
}

type fakeStream struct {
	grpc.ClientStream
	to *sent
}

func (s fakeStream) SendMsg(m any) error {
	s.to.messages = append(s.to.messages, m)
	return s.to.err
}

func open(t *testing.T, e *ends, to *sent, method string) grpc.ClientStream {
	t.Helper()
	return openOf(t, "w", e, to, method)
}

func openOf(t *testing.T, worker string, e *ends, to *sent, method string) grpc.ClientStream {
	t.Helper()
	fake := func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream,
		error) {
		return fakeStream{to: to}, nil
	}
	s, err := e.intercept(grpcx.WriteWorkerID(t.Context(), worker), nil, nil, method, fake)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func data(instruction string, bytes string, last bool) *fnpb.Elements {
	return &fnpb.Elements{Data: []*fnpb.Elements_Data{{InstructionId: instruction, Data: []byte(bytes), IsLast: last}}}
}

func timers(instruction string) *fnpb.Elements {
	return &fnpb.Elements{Timers: []*fnpb.Elements_Timers{{InstructionId: instruction, IsLast: true}}}
}

// The ends of a bundle's outputs follow its response; nothing else waits, and nothing is lost.
func TestEndsFollowResponses(t *testing.T) {
	t.Parallel()
	e, to := &ends{held: map[bundle][]send{}}, &sent{}
	elements, control := open(t, e, to, dataMethod), open(t, e, to, controlMethod)
	some, end, endOfTimers, other := data("a", "x", false), data("a", "", true), timers("a"), data("b", "", true)
	both := &fnpb.Elements{Data: append(data("a", "", true).Data, data("b", "", true).Data...)}
	progress, response := &fnpb.InstructionResponse{InstructionId: "p"}, &fnpb.InstructionResponse{InstructionId: "a"}
	failed := &fnpb.InstructionResponse{InstructionId: "b", Error: "no"}
	for _, m := range []*fnpb.Elements{some, end, other, both, endOfTimers} {
		if err := elements.SendMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range []*fnpb.InstructionResponse{progress, response, failed} {
		if err := control.SendMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	want := []any{some, both, progress, response, end, endOfTimers, failed, other}
	if !reflect.DeepEqual(to.messages, want) {
		t.Errorf("sent %v, want %v", to.messages, want)
	}
	if len(e.held) > 0 {
		t.Errorf("held %v", e.held)
	}
	if s := open(t, e, to, "/other"); s != (fakeStream{to: to}) {
		t.Errorf("%v", s)
	}
}

func TestSendFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	e, to := &ends{held: map[bundle][]send{}}, &sent{err: broken}
	elements, control := open(t, e, to, dataMethod), open(t, e, &sent{}, controlMethod)
	if err := elements.SendMsg(data("a", "", true)); err != nil {
		t.Error(err)
	}
	if err := control.SendMsg(&fnpb.InstructionResponse{InstructionId: "a"}); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// A job that is cut off leaves nothing to the next, whose instructions have the same names; nor do jobs side by side.
func TestSeveralJobs(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	e, gone, to := &ends{held: map[bundle][]send{}}, &sent{err: broken}, &sent{}
	for _, lost := range []string{dataMethod, controlMethod} {
		before, after := &sent{}, &sent{}
		if lost == dataMethod {
			before = gone
		} else {
			after = gone
		}
		if err := openOf(t, "first", e, before, dataMethod).SendMsg(data("a", "", true)); err != nil {
			t.Fatal(err)
		}
		end, response := data("a", "", true), &fnpb.InstructionResponse{InstructionId: "a"}
		if err := openOf(t, "second", e, to, dataMethod).SendMsg(end); err != nil {
			t.Fatal(err)
		}
		if err := openOf(t, "second", e, to, controlMethod).SendMsg(response); err != nil {
			t.Fatalf("%s of another job is lost: %v", lost, err)
		}
		if want := []any{response, end}; !reflect.DeepEqual(to.messages, want) {
			t.Errorf("sent %v, want %v", to.messages, want)
		}
		to.messages = nil
		if err := openOf(t, "first", e, after, controlMethod).SendMsg(response); !errors.Is(err, broken) {
			t.Error(err)
		}
	}
	if len(e.held) > 0 {
		t.Errorf("held %v", e.held)
	}
}
