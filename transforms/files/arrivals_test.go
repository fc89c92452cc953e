package files

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

func TestArrivals(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this waits for files to arrive")
	}
	t.Parallel()
	dir := t.TempDir()
	at := time.Now().Add(-time.Hour)
	put := func(name string, seconds int, data string) {
		t.Helper()
		p := filepath.Join(dir, name)
		when := at.Add(time.Duration(seconds) * time.Second)
		if err := errors.Join(os.WriteFile(p, []byte(data), 0o666), os.Chtimes(p, when, when)); err != nil {
			t.Fatal(err)
		}
	}
	look := func(settle time.Duration, known ...string) (names []string) {
		t.Helper()
		a := Arrivals{Patterns: []string{filepath.Join(dir, "*.csv"), filepath.Join(dir, "b*.csv"),
			filepath.Join(dir, "none-*")}, Settle: settle}
		infos, err := a.Look(t.Context(), func(i Info) bool {
			_, base := Split(i.Name)
			for _, k := range known {
				if base == k {
					return true
				}
			}
			return false
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range infos {
			_, base := Split(i.Name)
			names = append(names, base)
		}
		return names
	}
	if got := look(time.Minute); got != nil { // nothing to wait for
		t.Error(got)
	}
	put("a.csv", 2, "1")
	put("c.csv", 1, "1")
	put("b.csv", 1, "1")
	put(".d.csv", 0, "1")
	put("e.txt", 0, "1")
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "f.csv"), 0o777),
		os.Symlink("nothing", filepath.Join(dir, "g.csv"))); err != nil {
		t.Fatal(err)
	}
	if got, want := look(0), []string{"b.csv", "c.csv", "a.csv"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, expected %q", got, want)
	}
	if got, want := look(time.Millisecond, "c.csv"), []string{"b.csv", "a.csv"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, expected %q", got, want)
	}
	grown := make(chan struct{})
	go func() { // between the two looks
		defer close(grown)
		time.Sleep(100 * time.Millisecond)
		put("a.csv", 2, "12")
		put("h.csv", 0, "1")
		_ = os.Remove(filepath.Join(dir, "c.csv"))
	}()
	if got, want := look(600*time.Millisecond), []string{"b.csv"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, expected %q", got, want)
	}
	<-grown
	for _, bad := range []string{dir, filepath.Join(dir, "[")} {
		a := Arrivals{Patterns: []string{bad}}
		if _, err := a.Look(t.Context(), func(Info) bool { return false }); err == nil {
			t.Errorf("%s is looked at", bad)
		}
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"landing/*.json", "landing/model.json", true}, {"landing/*.json", "model.json", false}, {"*.csv", "./x.csv", true},
		{"gs://b/*.csv", "gs://b/x.csv", true}, {"gs://b/*.csv", "gs://b/c/x.csv", false}, {"[x].csv", "[x].csv", true},
	} {
		if got := Matches(c.pattern, c.name); got != c.want {
			t.Errorf("%s of %s: %v", c.pattern, c.name, got)
		}
	}
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if !Matches(dir+"/*.csv", link+"/x.csv") || !Matches(link+"/*.csv", dir+"/x.csv") || Matches(dir+"/*.csv", link+"/x") {
		t.Error("a link to a directory is another one")
	}
}

func TestHold(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "model.json")
	taken := errors.New("taken")
	back, err := Hold(t.Context(), name, taken)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Hold(t.Context(), name, taken); !errors.Is(err, taken) {
		t.Error(err)
	}
	if err := back(); err != nil {
		t.Fatal(err)
	}
	back, err = Hold(t.Context(), name, taken)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(back(), SyncDir(name)); err != nil {
		t.Error(err)
	}
	if _, err := Hold(t.Context(), "gs://b/model.json", taken); err == nil {
		t.Error("a lock in a store is taken for one of this host")
	}
}
