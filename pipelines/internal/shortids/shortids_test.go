package shortids

import (
	"context"
	"maps"
	"net"
	"slices"
	"testing"
	"time"

	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"google.golang.org/grpc"
)

// runner asks for ids, and keeps what workers answer.
type runner struct {
	fnpb.UnimplementedBeamFnControlServer
	ask     *fnpb.InstructionRequest
	answers chan *fnpb.InstructionResponse
}

func (r *runner) Control(s fnpb.BeamFnControl_ControlServer) error {
	if err := s.Send(r.ask); err != nil {
		return err
	}
	for {
		a, err := s.Recv()
		if err != nil {
			return nil
		}
		r.answers <- a
	}
}

// A runner sees the ids of a worker with the prefix, wherever they stand, and a worker its own.
func TestPrefix(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{answers: make(chan *fnpb.InstructionResponse, 8), ask: &fnpb.InstructionRequest{
		Request: &fnpb.InstructionRequest_MonitoringInfos{MonitoringInfos: &fnpb.MonitoringInfosMetadataRequest{
			MonitoringInfoId: []string{"go-1", "go-z"}}}}}
	server := grpc.NewServer()
	fnpb.RegisterBeamFnControlServer(server, r)
	go server.Serve(l)
	defer server.Stop()
	conn, err := dial(context.Background(), l.Addr().String(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	worker, err := fnpb.NewBeamFnControlClient(conn).Control(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	asked, err := worker.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if ids := asked.GetMonitoringInfos().GetMonitoringInfoId(); !slices.Equal(ids, []string{"1", "z"}) {
		t.Errorf("the worker is asked for %q", ids)
	}
	data := func() map[string][]byte { return map[string][]byte{"1": {7}, "z": nil} }
	for _, a := range []*fnpb.InstructionResponse{
		{Response: &fnpb.InstructionResponse_ProcessBundle{
			ProcessBundle: &fnpb.ProcessBundleResponse{MonitoringData: data()}}},
		{Response: &fnpb.InstructionResponse_ProcessBundleProgress{
			ProcessBundleProgress: &fnpb.ProcessBundleProgressResponse{MonitoringData: data()}}},
		{Response: &fnpb.InstructionResponse_HarnessMonitoringInfos{
			HarnessMonitoringInfos: &fnpb.HarnessMonitoringInfosResponse{MonitoringData: data()}}},
		{Response: &fnpb.InstructionResponse_MonitoringInfos{MonitoringInfos: &fnpb.MonitoringInfosMetadataResponse{
			MonitoringInfo: map[string]*pipepb.MonitoringInfo{"1": {Urn: "a"}, "z": {Urn: "b"}}}}},
	} {
		if err := worker.Send(a); err != nil {
			t.Fatal(err)
		}
		got := <-r.answers
		keys := slices.Sorted(maps.Keys(got.GetMonitoringInfos().GetMonitoringInfo()))
		for _, data := range []map[string][]byte{got.GetProcessBundle().GetMonitoringData(),
			got.GetProcessBundleProgress().GetMonitoringData(), got.GetHarnessMonitoringInfos().GetMonitoringData()} {
			keys = append(keys, slices.Sorted(maps.Keys(data))...)
		}
		if !slices.Equal(keys, []string{"go-1", "go-z"}) {
			t.Errorf("%T: the runner sees %q", a.Response, keys)
		}
	}
}
