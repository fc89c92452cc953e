package expansion

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Service expands transforms. Its fields do not change while it serves.
type Service struct {
	jobpb.UnimplementedExpansionServiceServer
	jobpb.UnimplementedArtifactRetrievalServiceServer

	// Environment is where the transforms run. Required.
	Environment *pipepb.Environment
	// Worker is the program that starts workers of the environment, which a pipeline takes along. Optional: an
	// environment that is this process needs none.
	Worker string
	// Staging is the directory of transforms that are given none. Optional.
	Staging string

	mu   sync.Mutex
	ends []func(context.Context) error
}

// Environment is an environment of a type, which is EXTERNAL, DOCKER or PROCESS, with a configuration as Beam's SDKs
// have it; worker is the program that a container or a process starts, and "" where one runs.
func Environment(ctx context.Context, of, configuration, worker string) (*pipepb.Environment, error) {
	urn := "beam:env:" + strings.ToLower(of) + ":v1"
	e, err := graphx.CreateEnvironment(ctx, urn, func(context.Context) string { return configuration })
	if err != nil {
		return nil, err
	}
	if worker == "" {
		e.Dependencies = nil
		return e, nil
	}
	payload, err := proto.Marshal(&pipepb.ArtifactFilePayload{Path: worker})
	if err != nil {
		return nil, err
	}
	e.Dependencies[0].TypePayload = payload
	return e, nil
}

// Serve answers on a listener until ctx is done, and then tidies up.
func (s *Service) Serve(ctx context.Context, l net.Listener) error {
	// A request has the whole of its pipeline so far.
	server := grpc.NewServer(grpc.MaxRecvMsgSize(math.MaxInt32), grpc.MaxSendMsgSize(math.MaxInt32))
	jobpb.RegisterExpansionServiceServer(server, s)
	jobpb.RegisterArtifactRetrievalServiceServer(server, s)
	stop := context.AfterFunc(ctx, server.Stop)
	defer stop()
	err := server.Serve(l)
	if errors.Is(err, grpc.ErrServerStopped) { // ctx was done before it served
		err = nil
	}
	return errors.Join(err, s.end(context.WithoutCancel(ctx)))
}

// after keeps what is to be done when the service ends.
func (s *Service) after(end func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ends = append(s.ends, end)
}

// end removes what runs have left in staging directories. Where workers are elsewhere, they may still run.
func (s *Service) end(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Worker != "" {
		return nil
	}
	var errs []error
	for _, end := range s.ends {
		errs = append(errs, end(ctx))
	}
	return errors.Join(errs...)
}

// Expand answers a request. What is at fault with it is an answer, too, of one line. Beam's SDK panics on much of what
// it cannot build, which must not end the workers of others.
func (s *Service) Expand(ctx context.Context, req *jobpb.ExpansionRequest) (r *jobpb.ExpansionResponse, err error) {
	defer func() {
		if found := recover(); found != nil {
			err = fmt.Errorf("%s: %v", req.GetTransform().GetSpec().GetUrn(), found)
		}
		if err != nil {
			r, err = &jobpb.ExpansionResponse{Error: strings.ReplaceAll(err.Error(), "\n", "; ")}, nil
		}
	}()
	return s.expand(ctx, req)
}

// ResolveArtifacts answers that artifacts are what they are.
func (s *Service) ResolveArtifacts(_ context.Context,
	req *jobpb.ResolveArtifactsRequest) (*jobpb.ResolveArtifactsResponse, error) {
	return &jobpb.ResolveArtifactsResponse{Replacements: req.GetArtifacts()}, nil
}

// GetArtifact sends the worker, and nothing else of this host.
func (s *Service) GetArtifact(req *jobpb.GetArtifactRequest,
	to jobpb.ArtifactRetrievalService_GetArtifactServer) error {
	var file pipepb.ArtifactFilePayload
	if err := proto.Unmarshal(req.GetArtifact().GetTypePayload(), &file); err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	if s.Worker == "" || file.GetPath() != s.Worker {
		return status.Error(codes.NotFound, fmt.Sprintf("%q is no file of this service", file.GetPath()))
	}
	f, err := os.Open(s.Worker)
	if err != nil {
		return err
	}
	defer f.Close()
	for piece := make([]byte, 1<<20); ; {
		n, err := f.Read(piece)
		if n > 0 {
			if err := to.Send(&jobpb.GetArtifactResponse{Data: piece[:n]}); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
