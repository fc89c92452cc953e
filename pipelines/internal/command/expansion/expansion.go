// Package expansion is the command that serves this module's transforms to pipelines of other SDKs.
package expansion

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/universal/extworker"

	"beamlearn/pipelines/internal/cli"
	"beamlearn/pipelines/internal/expansion"
	"beamlearn/pipelines/internal/shortids"
)

// environments are where transforms may run.
var environments = []string{"EXTERNAL", "DOCKER", "PROCESS"}

// command is the flags.
type command struct {
	*cli.App
	port                       *int
	staging                    *cli.Path
	environment, configuration *string
	worker                     *cli.Path
}

// New is the command.
func New() *cli.App {
	app := cli.New("expansion",
		`Serves transforms to Beam pipelines in Python and other languages, until Ctrl-C: an expansion service.
ExternalTransform("beamlearn:knn:v1", ImplicitSchemaPayloadBuilder({"k": 10}), "localhost:8097") is one of them.`)
	c := &command{App: app}

	serving := app.Group("Where to serve")
	c.port = serving.Int("port", 8097, "the `PORT` of localhost to listen on; 0 for any that is free: --port=8097")
	c.staging = serving.Directory("staging",
		"the `DIR` for what goes from step to step while a job runs, where a transform names none; every worker must "+
			"reach it: --staging=gs://bucket/tmp (default: a temporary one, where this process is the worker)")

	where := app.Group("Where the transforms run")
	c.environment = where.Choice("environment_type", environments[0], environments,
		"what a worker is, as `TYPE`: EXTERNAL (this process, which runners on this host reach), DOCKER, or PROCESS: "+
			"--environment_type=DOCKER")
	c.configuration = where.String("environment_config", "",
		"its image, or for PROCESS the command of Beam's boot program, '{\"command\":\"/opt/beam/boot\"}', as `CONFIG`: "+
			"--environment_config=registry/beamlearn")
	c.worker = where.InputFile("worker_binary",
		"the `FILE` that DOCKER and PROCESS start, which pipelines take along: --worker_binary=out/beamlearn "+
			"(default: this program)").Here()
	return app.RunsHere(c.run)
}

func (c *command) run(ctx context.Context, names []string) error {
	var errs []error
	if len(names) > 0 {
		errs = append(errs, fmt.Errorf("unexpected argument %q: every option begins with --", names[0]))
	}
	if *c.port < 0 || *c.port > 65535 {
		errs = append(errs, fmt.Errorf("--port=%d: must be from 0 to 65535", *c.port))
	}
	external := *c.environment == environments[0]
	switch {
	case !slices.Contains(environments, *c.environment):
		errs = append(errs, fmt.Errorf("--environment_type=%s: must be one of %s", *c.environment,
			strings.Join(environments, ", ")))
	case external && (*c.configuration != "" || c.worker.String() != ""):
		errs = append(errs, errors.New("--environment_config, --worker_binary: EXTERNAL is this process, and has neither"))
	case !external && *c.configuration == "":
		errs = append(errs, fmt.Errorf("--environment_type=%s: needs --environment_config", *c.environment))
	}
	if *c.environment == "PROCESS" && *c.configuration != "" {
		var boot struct{ Command string }
		if err := json.Unmarshal([]byte(*c.configuration), &boot); err != nil || boot.Command == "" {
			errs = append(errs, fmt.Errorf(`--environment_config=%s: must be as in {"command":"/opt/beam/boot"}`,
				*c.configuration))
		}
	}
	if err := cli.Usage(errs...); err != nil {
		return err
	}
	// Workers of this process need what a worker's start prepares.
	if err := flag.CommandLine.Parse(nil); err != nil {
		return err
	}
	shortids.Prefix()
	beam.Init()
	service, stop, err := c.service(ctx, external)
	if err != nil {
		return err
	}
	defer stop()
	l, err := net.Listen("tcp", fmt.Sprintf("localhost:%d", *c.port))
	if err != nil {
		return err
	}
	c.Tell(fmt.Sprintf("%s on localhost:%d, until Ctrl-C", strings.Join(expansion.URNs(), ", "),
		l.Addr().(*net.TCPAddr).Port))
	return service.Serve(ctx, l)
}

// service makes the service, and starts workers of this process.
func (c *command) service(ctx context.Context, external bool) (s *expansion.Service, stop func(), err error) {
	s, stop = &expansion.Service{Staging: c.staging.String()}, func() {}
	configuration := *c.configuration
	if external {
		workers, err := extworker.StartLoopback(ctx, 0)
		if err != nil {
			return nil, nil, err
		}
		// It has no error, and waits for the last answer only.
		stop = func() { _ = workers.Stop(context.WithoutCancel(ctx)) }
		configuration = workers.EnvironmentConfig(ctx)
		if s.Staging == "" {
			s.Staging = os.TempDir() // which goes with this process
		}
	} else if s.Worker = c.worker.String(); s.Worker == "" {
		if s.Worker, err = os.Executable(); err != nil {
			return nil, nil, err
		}
	}
	if s.Environment, err = expansion.Environment(ctx, *c.environment, configuration, s.Worker); err != nil {
		stop()
		return nil, nil, cli.Usage(err)
	}
	return s, stop, nil
}
