package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"beamlearn/model/fault"
	"beamlearn/transforms/files/gcstest"
)

const bucket = "gs://" + gcstest.Bucket + "/"

// pattern is content of which no part is like another.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*i>>8 + i%251)
	}
	return b
}

func mustList(t *testing.T, pattern string) []Info {
	t.Helper()
	infos, err := List(context.Background(), []string{pattern})
	if err != nil {
		t.Fatal(err)
	}
	return infos
}

// A worker that needs a hundredth of an object is sent a hundredth, and what the answer says of it.
func TestGCSRange(t *testing.T) {
	content := pattern(10 << 20)
	s := gcstest.Start(t, map[string][]byte{"a.npy": content, "empty": nil})
	infos := mustList(t, bucket+"a.npy")
	before := s.Sent()
	got, err := readRange(t, infos[0], 5<<20, 100<<10)
	if err != nil || got != string(content[5<<20:5<<20+100<<10]) {
		t.Errorf("a range: %d bytes, %v", len(got), err)
	}
	if n := s.Sent() - before; n != 100<<10 {
		t.Errorf("%d bytes were sent for %d", n, 100<<10)
	}
	for _, c := range []struct{ offset, length, want int64 }{{0, 0, 0}, {10 << 20, 0, 0}, {10<<20 - 3, -1, 3},
		{0, -1, 10 << 20}} {
		if got, err := readRange(t, infos[0], c.offset, c.length); err != nil || int64(len(got)) != c.want {
			t.Errorf("[%d, +%d): %d bytes, %v", c.offset, c.length, len(got), err)
		}
	}
	if got, err := readRange(t, mustList(t, bucket+"empty")[0], 0, -1); err != nil || got != "" {
		t.Errorf("of an empty object %q, %v", got, err)
	}
}

// A listing of many objects takes a request for each thousand of them, and none for an object.
func TestGCSList(t *testing.T) {
	objects := map[string][]byte{"many/": nil, "many/deeper/part-00001.csv": nil, "many/x.tsv": nil,
		"odd/a[1].csv": []byte("1"), "odd/a1.csv": nil, `odd/b\*.csv`: nil}
	for i := range 1500 {
		objects[fmt.Sprintf("many/part-%05d.csv", i)] = make([]byte, i%7)
	}
	s := gcstest.Start(t, objects)
	infos := mustList(t, bucket+"many/*.csv")
	if len(infos) != 1500 || infos[1499].Name != bucket+"many/part-01499.csv" || infos[13].Size != 6 ||
		infos[0].Version == "" {
		t.Errorf("%d objects, the last %+v", len(infos), infos[len(infos)-1])
	}
	if requests := s.Requests(); len(requests) != 2 || requests[0] != "LIST many/" || requests[1] != "LIST many/" {
		t.Errorf("requests %v", requests)
	}
	for _, c := range []struct{ pattern, want string }{
		{"many/part-0000[1-3].csv", "part-00001.csv part-00002.csv part-00003.csv"},
		{"many/part-0000[!1-8].csv", "part-00000.csv part-00009.csv"},
		{"many/part-0001?.csv", "part-00010.csv part-00011.csv part-00012.csv part-00013.csv part-00014.csv " +
			"part-00015.csv part-00016.csv part-00017.csv part-00018.csv part-00019.csv"},
		{"**/part-00001.csv", "part-00001.csv part-00001.csv"},
		{"many/*", ""},
		{"odd/a[1].csv", "a1.csv a[1].csv"}, // as a glob, and as it stands
		{`odd/a\[1].csv`, "a[1].csv"},
		{EscapeGlob(`odd/b\*.csv`), `b\*.csv`},
	} {
		if c.pattern == "many/*" {
			if n := len(mustList(t, bucket+c.pattern)); n != 1501 {
				t.Errorf("%s: %d objects", c.pattern, n)
			}
		} else if got := names(mustList(t, bucket+c.pattern)); got != c.want {
			t.Errorf("%s: %s", c.pattern, got)
		}
	}
	for pattern, want := range map[string]string{
		bucket + "none*":    "no file that matches",
		bucket + "none":     "no file of that name",
		bucket + "[a":       "closed brackets",
		bucket + `a*\`:      "closed brackets",
		"gs://elsewhere/a*": "gs://elsewhere/a*: found none, expected a bucket of that name",
		"gs://bucket":       "expected gs://BUCKET/OBJECT",
	} {
		if _, err := List(context.Background(), []string{pattern}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", pattern, err)
		}
	}
}

// An object that was replaced, or deleted, after it was listed is an error that names it, also where it is being read.
func TestGCSChanged(t *testing.T) {
	ctx := context.Background()
	for _, when := range []string{"before", "while"} {
		for _, what := range []string{"replaced", "deleted"} {
			t.Run(what+" "+when, func(t *testing.T) {
				content := pattern(1 << 20)
				s := gcstest.Start(t, map[string][]byte{"x": content})
				info := mustList(t, bucket+"x")[0]
				change := func() {
					if what == "deleted" {
						if err := Remove(ctx, bucket+"x"); err != nil {
							t.Error(err)
						}
					} else {
						s.Put("x", pattern(1<<20)) // of the same bytes even
					}
				}
				if when == "before" {
					change()
				} else {
					s.Cut("GET media", 1, 300_000)
				}
				r, err := Open(info).OpenRange(ctx, 0, 1<<20)
				if err == nil {
					first := make([]byte, 1000)
					if _, err := io.ReadFull(r, first); err != nil {
						t.Fatal(err)
					}
					change()
					_, err = io.Copy(io.Discard, r)
					r.Close()
					if err == nil {
						t.Fatal("no error")
					}
					if when == "before" {
						t.Error("it was opened")
					}
				}
				const want = "gs://bucket/x: found another object of that name, or none, expected the file as it was when the " +
					"job began: do not write to an input while it is read"
				if err == nil {
					t.Fatal("no error")
				}
				if f := new(fault.Fault); !errors.As(err, &f) || f.Error() != want {
					t.Errorf("error %v", err)
				}
			})
		}
	}
}

// Tests do not wait for a store that is well again at once.
func init() { gcsBackoff = 5 * time.Millisecond }

// What fails for the time being is tried again, from where it was: not a byte is lost, or comes twice.
func TestGCSRetries(t *testing.T) {
	content := pattern(1 << 20)
	for name, spoil := range map[string]func(s *gcstest.Server){
		"429":            func(s *gcstest.Server) { s.Fail("GET media", 1, http.StatusTooManyRequests) },
		"503 twice":      func(s *gcstest.Server) { s.Fail("GET media", 2, http.StatusServiceUnavailable) },
		"at once":        func(s *gcstest.Server) { s.Cut("GET media", 1, 0) },
		"after a byte":   func(s *gcstest.Server) { s.Cut("GET media", 1, 1) },
		"five times":     func(s *gcstest.Server) { s.Cut("GET media", 5, 70_001) },
		"before the end": func(s *gcstest.Server) { s.Cut("GET media", 1, 900_000-1) },
		"503 in between": func(s *gcstest.Server) {
			s.Cut("GET media", 1, 123_456)
			s.Fail("GET media", 1, http.StatusServiceUnavailable)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := gcstest.Start(t, map[string][]byte{"x": content})
			info := mustList(t, bucket+"x")[0]
			spoil(s)
			before := s.Sent()
			got, err := readRange(t, info, 1000, 900_000)
			if err != nil || got != string(content[1000:901_000]) {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			if n := s.Sent() - before; n < 900_000 || n > 900_000+1000 {
				t.Errorf("%d bytes were sent for 900000", n)
			}
		})
	}
}

// What will not work is an error of one line, in time.
func TestGCSRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this waits for answers that are tried again")
	}
	ctx := context.Background()
	patience := gcsPatience
	defer func() { gcsPatience = patience }()
	read := func() error {
		r, err := OpenRead(ctx, bucket+"x")
		if err == nil {
			_, err = io.Copy(io.Discard, r)
			err = errors.Join(err, r.Close())
		}
		return err
	}
	write := func() error { return Replace(ctx, bucket+"y", func(w io.Writer) error { return nil }) }
	list := func() error { _, err := List(ctx, []string{bucket + "x*"}); return err }
	const right = "gs://bucket/%s: found the answer 403 Forbidden, expected an account that has the right to it"
	for _, c := range []struct {
		kind   string
		status int
		do     func() error
		want   string
	}{
		{"GET media", 403, read, fmt.Sprintf(right, "x")},
		{"GET media", 404, read, "gs://bucket/x: found none, or no such bucket, expected an object of that name"},
		{"PUT", 403, write, fmt.Sprintf(right, "y")},
		{"PUT", 404, write, "gs://bucket/y: found none, or no such bucket, expected an object of that name"},
		{"LIST", 403, list, fmt.Sprintf(right, "x*")},
		{"GET x", 403, func() error { _, err := Stat(ctx, bucket+"x"); return err }, fmt.Sprintf(right, "x")},
		{"DELETE", 403, func() error { return Remove(ctx, bucket+"x") }, fmt.Sprintf(right, "x")},
		{"COPY", 403, func() error { return Rename(ctx, bucket+"x", bucket+"y") }, fmt.Sprintf(right, "y")},
		{"GET media", 503, read, "gs://bucket/x: found the answer 503 Service Unavailable, for 100ms, expected Cloud " +
			"Storage to work again"},
		{"PUT", 503, write, "gs://bucket/y: found no success for 100ms, expected Cloud Storage to work again"},
		{"LIST", 429, list, "gs://bucket/x*: found the answer 429 Too Many Requests, for 100ms, expected Cloud Storage to " +
			"work again"},
	} {
		gcsPatience = patience // what is final is told at once, however long a busy machine takes
		if c.status == 503 || c.status == 429 {
			gcsPatience = 100 * time.Millisecond
		}
		s := gcstest.Start(t, map[string][]byte{"x": []byte("0123456789")})
		s.Fail(c.kind, 1000, c.status)
		start := time.Now()
		err := c.do()
		if err == nil || err.Error() != c.want {
			t.Errorf("%s %d: error %q", c.kind, c.status, err)
		}
		if c.status == 404 && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s %d: no ErrNotExist", c.kind, c.status)
		}
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("%s %d: after %s", c.kind, c.status, d)
		}
	}
	// A connection that is cut again and again, without another byte.
	s := gcstest.Start(t, map[string][]byte{"x": []byte("0123456789")})
	s.Cut("GET media", 1<<30, 0)
	if err := read(); err == nil ||
		err.Error() != "gs://bucket/x: found no success for 100ms, expected Cloud Storage to work again" {
		t.Errorf("cut for ever: %v", err)
	}
}

func TestGCSWrite(t *testing.T) {
	ctx := context.Background()
	small, large := pattern(1000), pattern(17<<20) // in one request, and in several
	for name, c := range map[string]struct {
		content []byte
		spoil   func(s *gcstest.Server)
	}{
		"small":             {small, func(*gcstest.Server) {}},
		"large":             {large, func(*gcstest.Server) {}},
		"small, 503":        {small, func(s *gcstest.Server) { s.Fail("PUT", 1, http.StatusServiceUnavailable) }},
		"small, answerless": {small, func(s *gcstest.Server) { s.Lose("PUT", 1) }},
		"copy, answerless":  {small, func(s *gcstest.Server) { s.Lose("COPY", 1); s.Lose("DELETE", 1) }},
		"copy, 429":         {small, func(s *gcstest.Server) { s.Fail("COPY", 1, http.StatusTooManyRequests) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := gcstest.Start(t, map[string][]byte{"out/n": []byte("of an earlier run")})
			c.spoil(s)
			err := Replace(ctx, bucket+"out/.n.tmp/a", func(w io.Writer) error {
				_, err := io.Copy(w, bytes.NewReader(c.content))
				return err
			})
			if err = errors.Join(err, Rename(ctx, bucket+"out/.n.tmp/a", bucket+"out/n")); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Get("out/n"); err != nil || !bytes.Equal(got, c.content) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if got := s.Names(""); len(got) != 1 {
				t.Errorf("objects %v", got)
			}
		})
	}
}

// What is given up never existed, and what stood there stays.
func TestGCSAbandoned(t *testing.T) {
	s := gcstest.Start(t, map[string][]byte{"old": []byte("old")})
	ctx, cancel := context.WithCancel(context.Background())
	broken := errors.New("broken")
	err := Replace(ctx, bucket+"old", func(w io.Writer) error {
		_, err := w.Write(pattern(1 << 20))
		return errors.Join(err, broken)
	})
	if err == nil || err.Error() != "broken" {
		t.Errorf("error %v", err)
	}
	w, err := Create(ctx, bucket+"old")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "half"); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := w.Close(); !errors.Is(err, context.Canceled) {
		t.Errorf("Close: %v", err)
	}
	if got, err := s.Get("old"); string(got) != "old" || err != nil {
		t.Errorf("found %q, %v", got, err)
	}
}

// Removing a directory removes all below it, and nothing beside.
func TestGCSRemoveAll(t *testing.T) {
	s := gcstest.Start(t, map[string][]byte{"d*/a": nil, "d*/b/c": nil, "d*e": nil, "dx/a": nil})
	ctx := context.Background()
	for range 2 {
		if err := RemoveAll(ctx, bucket+"d*"); err != nil {
			t.Error(err)
		}
	}
	if got := strings.Join(s.Names(""), " "); got != "d*e dx/a" {
		t.Errorf("left: %s", got)
	}
	if err := Remove(ctx, bucket+"none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Remove of nothing: %v", err)
	}
}
