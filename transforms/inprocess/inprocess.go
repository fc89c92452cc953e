// Package inprocess connects the worker to Prism where both run in this process.
package inprocess

import (
	"context"
	"math"
	"strings"
	"sync"
	"time"

	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// Dial is a grpcx.Dial whose connections send the response to a bundle before the ends of its outputs. It is safe for
// several jobs at a time.
//
// The SDK sends them the other way round, and between the two Prism spins on a processor (Beam 2.77,
// prism/internal/stage.go: it selects on the closed channel of the outputs, too), which keeps those from their
// processor that bring the response: it was a third of a small job's time. Prism waits for both in any order.
//
// Assign it before the pipeline runs, and only where the runner is Prism in this process.
func Dial(_ context.Context, endpoint string, _ time.Duration) (*grpc.ClientConn, error) {
	// Prism listens before it tells the endpoint, so nothing has to be waited for.
	return grpc.NewClient("passthrough:///"+endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32)), grpc.WithStreamInterceptor(all.intercept))
}

// all is what is held back of all jobs of the process.
var all = &ends{held: map[bundle][]send{}}

// head is how long a response has for its way through Prism before the ends of outputs follow it. Nothing but time
// depends on it.
const head = 100 * time.Microsecond

// The methods of Beam's Fn API whose streams carry outputs and responses.
const (
	dataMethod    = "/org.apache.beam.model.fn_execution.v1.BeamFnData/Data"
	controlMethod = "/org.apache.beam.model.fn_execution.v1.BeamFnControl/Control"
)

// ends holds the ends of the outputs of bundles back until the worker has responded to these.
type ends struct {
	mu   sync.Mutex
	held map[bundle][]send
}

// bundle is the instruction of a worker: every worker, and so every job, counts its instructions anew.
type bundle struct{ worker, instruction string }

// workerOf is the worker whose stream this is the context of, as grpcx.WriteWorkerID has written it.
func workerOf(ctx context.Context) string {
	m, _ := metadata.FromOutgoingContext(ctx)
	return strings.Join(m.Get("worker_id"), " ")
}

// send sends a message that was held back.
type send func() error

// take is what a bundle has held back, which is forgotten.
func (e *ends) take(b bundle) []send {
	e.mu.Lock()
	defer e.mu.Unlock()
	held := e.held[b]
	delete(e.held, b)
	return held
}

func (e *ends) intercept(ctx context.Context, d *grpc.StreamDesc, cc *grpc.ClientConn, method string,
	open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	stream, err := open(ctx, d, cc, method, opts...)
	if err != nil {
		return nil, err
	}
	switch method {
	case dataMethod:
		return &dataStream{ClientStream: stream, ends: e, worker: workerOf(ctx)}, nil
	case controlMethod:
		return &controlStream{stream, e, workerOf(ctx)}, nil
	}
	return stream, nil
}

// dataStream is the stream of elements.
type dataStream struct {
	grpc.ClientStream
	ends   *ends
	worker string
	mu     sync.Mutex // guards SendMsg, which a held message calls beside the SDK
}

// SendMsg sends elements, or holds them back where they only end outputs of one bundle.
func (s *dataStream) SendMsg(m any) error {
	now := func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.ClientStream.SendMsg(m)
	}
	elements, _ := m.(*fnpb.Elements)
	if instruction, ok := ended(elements); ok {
		s.ends.mu.Lock()
		defer s.ends.mu.Unlock()
		b := bundle{s.worker, instruction}
		s.ends.held[b] = append(s.ends.held[b], now)
		return nil
	}
	return now()
}

// ended returns the instruction whose outputs the elements end, if they do nothing else.
func ended(e *fnpb.Elements) (instruction string, ok bool) {
	for _, d := range e.GetData() {
		if !d.GetIsLast() || instruction != "" && instruction != d.GetInstructionId() {
			return "", false
		}
		instruction = d.GetInstructionId()
	}
	for _, t := range e.GetTimers() {
		if !t.GetIsLast() || instruction != "" && instruction != t.GetInstructionId() {
			return "", false
		}
		instruction = t.GetInstructionId()
	}
	return instruction, instruction != ""
}

// controlStream is the stream of responses.
type controlStream struct {
	grpc.ClientStream
	ends   *ends
	worker string
}

// SendMsg sends a response, and the ends of outputs that waited for it.
func (s *controlStream) SendMsg(m any) error {
	response, _ := m.(*fnpb.InstructionResponse)
	held := s.ends.take(bundle{s.worker, response.GetInstructionId()})
	if err := s.ClientStream.SendMsg(m); err != nil {
		return err
	}
	if len(held) > 0 {
		time.Sleep(head)
	}
	for _, send := range held {
		if err := send(); err != nil {
			return err
		}
	}
	return nil
}
