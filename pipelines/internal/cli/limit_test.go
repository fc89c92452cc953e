package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSystemLimits(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  Limit
	}{
		{"nothing", nil, Limit{}},
		{"version 2", map[string]string{
			"proc/self/cgroup":                   "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max":       "max\n",
			"sys/fs/cgroup/a/memory.max":         "1000\n",
			"proc/meminfo":                       "MemTotal: 16 kB\nMemAvailable:          8 kB\n",
			"sys/fs/cgroup/memory.max":           "5000\n",
			"sys/fs/cgroup/elsewhere/memory.max": "1\n",
		}, Limit{1000, "control group"}},
		{"version 1, beside version 2 without memory", map[string]string{
			"proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/x\n0::/\n",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": "2000\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":   "9223372036854771712\n",
		}, Limit{2000, "control group"}},
		{"a container that is named as on its host", map[string]string{
			"proc/self/cgroup":         "0::/docker/1234\n",
			"sys/fs/cgroup/memory.max": "3000\n",
		}, Limit{3000, "control group"}},
		{"what is left", map[string]string{
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n", "proc/meminfo": "MemAvailable: 7 kB\n",
		}, Limit{7 << 10, "memory that is available on this machine"}},
		{"nonsense", map[string]string{"proc/self/cgroup": "x\n::\n0:/\n",
			"proc/meminfo": "MemAvailable: x kB\nMemAvailable:\n"}, Limit{}},
	} {
		root := t.TempDir()
		for name, content := range c.files {
			name = filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if got := leastLimit(systemLimits(root)); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

// A command without data needs some address space, and says so; other limits count what is used.
func TestBegins(t *testing.T) {
	for _, c := range []struct {
		limit Limit
		want  string
	}{
		{Limit{}, ""},
		{Limit{programBytes, addressSpace}, ""},
		{Limit{1e6, "control group"}, ""},
		{Limit{21e6, addressSpace}, "this process may use 21 MB of address space beside what Go's runtime has reserved " +
			"(ulimit -v), and needs 201 MB at least: "},
	} {
		err := begins(c.limit)
		if c.want == "" && err != nil ||
			c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%+v: got %v, want %q", c.limit, err, c.want)
		}
	}
}

func TestFits(t *testing.T) {
	for _, c := range []struct {
		need  int64
		limit Limit
		want  string
	}{
		{0, Limit{1, "x"}, ""}, // not known
		{1 << 40, Limit{}, ""},
		{800e6, Limit{900e6 + programBytes, "ulimit -d"}, ""},
		{801e6, Limit{900e6 + programBytes, "ulimit -d"},
			"the job needs about 1102 MB of memory, and this process may use 1101 MB (ulimit -d): "},
	} {
		err := fits(c.need, c.limit)
		if c.want == "" && err != nil ||
			c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%d of %+v: got %v, want %q", c.need, c.limit, err, c.want)
		}
	}
}
