// Package shortids keeps the metrics of Go workers apart from those of other SDKs in one job.
//
// A worker names each of its metrics once, by a short id, and from then on sends values under this. Beam's model has
// such ids unique to a worker, and Go's and Python's workers both count from 1. Prism 2.77 looks up the ids of all
// workers of a job in one map (runners/prism/internal/jobservices, metricsStore.AddShortIDs). So where a job has
// workers in both languages, it takes a value of the one for a metric of the other, which ends the job by "error
// decoding metrics … EOF" where their kinds differ, and splits bundles by wrong counts where they do not.
package shortids

import (
	"context"
	"math"
	"strings"
	"time"

	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/util/grpcx"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// prefix is what no other SDK begins a short id with: Python's are hexadecimal.
const prefix = "go-"

// control is the method by which a worker takes instructions.
var control = "/" + fnpb.BeamFnControl_ServiceDesc.ServiceName + "/Control"

// Prefix makes the workers that this process starts from now on begin their short ids with a prefix. Call it before
// beam.Init.
func Prefix() { grpcx.Dial = dial }

// dial is [grpcx.DefaultDial], with streams that are looked into.
func dial(ctx context.Context, endpoint string, timeout time.Duration) (*grpc.ClientConn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	//lint:ignore SA1019 as in Beam: it waits until the runner listens
	return grpc.DialContext(ctx, endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithBlock(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32)), grpc.WithStreamInterceptor(intercept))
}

func intercept(ctx context.Context, of *grpc.StreamDesc, conn *grpc.ClientConn, method string, next grpc.Streamer,
	options ...grpc.CallOption) (grpc.ClientStream, error) {
	s, err := next(ctx, of, conn, method, options...)
	if err != nil || method != control {
		return s, err
	}
	return stream{s}, nil
}

// stream is the stream of a runner's instructions and a worker's answers.
type stream struct{ grpc.ClientStream }

func (s stream) SendMsg(m any) error {
	if r, ok := m.(*fnpb.InstructionResponse); ok {
		add(r)
	}
	return s.ClientStream.SendMsg(m)
}

func (s stream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if r, ok := m.(*fnpb.InstructionRequest); ok && err == nil {
		remove(r)
	}
	return err
}

// add puts the prefix before all ids of an answer.
func add(r *fnpb.InstructionResponse) {
	if b := r.GetProcessBundle(); b != nil {
		b.MonitoringData = prefixed(b.MonitoringData)
	}
	if b := r.GetProcessBundleProgress(); b != nil {
		b.MonitoringData = prefixed(b.MonitoringData)
	}
	if h := r.GetHarnessMonitoringInfos(); h != nil {
		h.MonitoringData = prefixed(h.MonitoringData)
	}
	if i := r.GetMonitoringInfos(); i != nil {
		i.MonitoringInfo = prefixed(i.MonitoringInfo)
	}
}

// remove takes it from those that the runner asks for.
func remove(r *fnpb.InstructionRequest) {
	ids := r.GetMonitoringInfos().GetMonitoringInfoId()
	for i, id := range ids {
		ids[i] = strings.TrimPrefix(id, prefix)
	}
}

func prefixed[V any](of map[string]V) map[string]V {
	to := make(map[string]V, len(of))
	for id, v := range of {
		to[prefix+id] = v
	}
	return to
}
