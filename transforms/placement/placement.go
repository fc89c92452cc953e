// Package placement says where a job runs, which decides how its data reaches the workers, and changes no byte of any
// output.
package placement

// Workers are the processes that run the bundles of a job. A job has one value of it, which all of its transforms are
// given.
type Workers int

const (
	// Remote workers are other processes, as those of Flink, Spark or Dataflow: what they need crosses Beam or a file, and
	// the work is dealt to several of them.
	Remote Workers = iota
	// InProcess: the one worker is this very process, as on Prism. What one bundle leaves in memory the next one finds,
	// and one bundle at a time has all cores.
	InProcess
)
