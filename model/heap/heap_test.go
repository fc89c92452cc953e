package heap

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestGoal(t *testing.T) {
	for _, c := range []struct {
		live, kept int64
		want       int
	}{
		{0, 0, 1600},
		{1 << 20, 0, 1600},
		{Slack / 2, 0, 200},
		{Slack, 0, 100},
		{10 << 30, 0, 100},            // as Go does it
		{640 << 20, 512 << 20, 20},    // 128 MB are in use beside what is kept
		{640 << 20, 640 << 20, 10},    // and nothing
		{640 << 20, 10 << 30, 10},     // what counts as kept is gone
		{10 << 30, 10<<30 - Slack, 1}, // never 0
	} {
		if got := goal(c.live, c.kept); got != c.want {
			t.Errorf("%d bytes, %d of them kept: %d %%, want %d", c.live, c.kept, got, c.want)
		}
	}
}

func TestKept(t *testing.T) {
	before := kept.Load()
	k, l := NewKept(), NewKept()
	k.Add(5)
	l.Add(7)
	k.Add(-2)
	if n := kept.Load() - before; n != 10 {
		t.Errorf("%d bytes, want 10", n)
	}
	if k.Drop(); kept.Load()-before != 7 {
		t.Errorf("%d bytes, want 7", kept.Load()-before)
	}
	l.Drop()
	runtime.KeepAlive(k)
	runtime.KeepAlive(l)
}

// What is kept counts until nothing holds the count, and after each cycle the collector goes by it.
func TestPace(t *testing.T) {
	t.Setenv("GOGC", "")
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	rows := make([]byte, 3*Slack)
	k := NewKept()
	k.Add(4 * Slack)
	k.Add(-Slack)
	Pace()
	reaches := func(what string, ok func(percent uint64) bool) {
		t.Helper()
		s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
		for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			runtime.GC()
			if metrics.Read(s); ok(s[0].Value.Uint64()) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %d %%", what, s[0].Value.Uint64())
			}
		}
	}
	reaches("three times the slack are kept", func(p uint64) bool { return p > 20 && p <= 34 })
	runtime.KeepAlive(k)
	k = nil
	reaches("they are not", func(p uint64) bool { return p >= 95 && p <= 100 })
	runtime.KeepAlive(rows)
	rows = nil
	reaches("there is nothing", func(p uint64) bool { return p > 500 })
}
