package cli

import (
	"flag"
	"regexp"
	"strconv"

	"beamlearn/transforms/files"
)

const (
	// vCPUHour is about what Dataflow takes for a vCPU with 4 GB an hour, in dollars: see pipelines/CLUSTER.md.
	vCPUHour = 0.07
	// coreVCPUs is how many vCPUs, hyperthreads, do what a core does.
	coreVCPUs = 2
)

// machineType is how Compute Engine calls its machines: n2-standard-8 has 8 vCPUs.
var machineType = regexp.MustCompile(`^[a-z0-9]+-(standard|highmem|highcpu)-([1-9][0-9]{0,2})$`)

// memoryGB is about the memory of a machine for each of its vCPUs, in GB; that of highcpu differs by the family, and
// this is the least.
var memoryGB = map[string]float64{"standard": 3.75, "highmem": 6.5, "highcpu": 0.9}

// fleet is the machines that flags ask Dataflow for.
type fleet struct {
	machine string
	workers int     // at most, as it scales; 0 where no flag says it
	fixed   bool    // it does not scale
	vCPUs   int     // of each; 0 where no flag says it
	memory  float64 // of each, in bytes
	labels  string
}

// dataflowFleet is that of the flags; it is not ok on another runner.
func dataflowFleet() (f fleet, ok bool) {
	value := func(name string) string {
		if of := flag.Lookup(name); of != nil {
			return of.Value.String()
		}
		return ""
	}
	if value("runner") != "dataflow" {
		return f, false
	}
	number := func(name string) int {
		n, err := strconv.Atoi(value(name))
		if err != nil {
			return 0
		}
		return max(n, 0)
	}
	f.labels = value("labels")
	f.fixed = value("autoscaling_algorithm") == "NONE"
	if f.workers = number("max_num_workers"); f.fixed || f.workers == 0 {
		f.workers = number("num_workers")
	}
	if f.machine = value("worker_machine_type"); f.machine == "" {
		f.machine = value("machine_type")
	}
	if m := machineType.FindStringSubmatch(f.machine); m != nil {
		f.vCPUs, _ = strconv.Atoi(m[2]) // three digits at most
		f.memory = memoryGB[m[1]] * float64(f.vCPUs) * 1e9
	}
	return f, true
}

// slots is how many workers share a job, one for each vCPU; 0 where flags do not say it.
func (f *fleet) slots() int { return f.workers * f.vCPUs }

// price adds what a job takes on Dataflow, of so many seconds of a core like this machine's, or 0 where that is not
// known, and of so much memory in a worker process, of which there is one on each machine.
func (p *Plan) price(f *fleet) {
	switch {
	case f.slots() == 0:
		p.Line("dataflow", "as many machines as it chooses: --worker_machine_type and --max_num_workers say how many vCPUs "+
			"there are")
	case f.fixed:
		p.Line("dataflow", "%s of %s: %d vCPUs", Count(f.workers, "machine"), f.machine, f.slots())
	default:
		p.Line("dataflow", "at most %s of %s, as it scales: %d vCPUs", Count(f.workers, "machine"), f.machine, f.slots())
	}
	if f.labels != "" {
		p.Line("labels", "%s", f.labels)
	}
	if p.coreSeconds > 0 {
		hours := p.coreSeconds * coreVCPUs / 3600
		p.Line("cost", "about %.2g vCPU-hours and $%.2g, as if a core of this machine's were %d vCPUs, of $%.2f an hour; "+
			"the machines' start, reading and writing, and storage come on top", hours, hours*vCPUHour, coreVCPUs, vCPUHour)
	}
	if f.memory > 0 && float64(p.workerMemory) > f.memory {
		p.Warn("the job takes " + files.Bytes(p.workerMemory) + " in each worker process, and a " + f.machine +
			" has about " + files.Bytes(int64(f.memory)) + ": take one with more memory")
	}
}
