// Package gcstest is a Cloud Storage for tests, in their own process and on the loopback interface: fake-gcs-server, and in
// front of it what that lacks: preconditions of all requests, pages of a listing, faults on demand, and a count of the bytes
// that it serves.
package gcstest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// Bucket is the one that there is.
const Bucket = "bucket"

// pageSize is the most objects in a page of a listing, as in Cloud Storage.
const pageSize = 1000

// Server is a Cloud Storage.
type Server struct {
	fake *fakestorage.Server
	sent atomic.Int64
	open sync.WaitGroup // requests that are being served

	mu       sync.Mutex // held while an object changes, so that preconditions hold
	requests []string
	handlers []*handler
}

// handler answers some requests instead of the fake.
type handler struct {
	times  int
	match  func(*http.Request) bool
	answer func(w http.ResponseWriter, r *http.Request)
}

// Start starts a server with these objects, which Beam's filesystem and transforms/files find by the environment, and ends
// it with the test. Names are without the bucket.
func Start(t testing.TB, objects map[string][]byte) *Server {
	t.Helper()
	s := &Server{}
	server := httptest.NewUnstartedServer(s)
	var err error
	// Beam's filesystem reads by an older interface, which knows its own host by name.
	s.fake, err = fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true, PublicHost: server.Listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	s.fake.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: Bucket})
	for name, content := range objects {
		s.Put(name, content)
	}
	server.Start()
	t.Cleanup(func() {
		server.Close()
		s.fake.Stop()
	})
	t.Setenv("STORAGE_EMULATOR_HOST", strings.TrimPrefix(server.URL, "http://"))
	return s
}

// Put writes an object.
func (s *Server) Put(name string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fake.CreateObject(fakestorage.Object{ObjectAttrs: fakestorage.ObjectAttrs{BucketName: Bucket, Name: name}, Content: content})
}

// Get is the content of an object.
func (s *Server) Get(name string) ([]byte, error) {
	o, err := s.fake.GetObject(Bucket, name)
	return o.Content, err
}

// Names are those of all objects whose names begin so, in their order.
func (s *Server) Names(t testing.TB, prefix string) []string {
	t.Helper()
	all, err := s.fake.ListObjectsWithOptionsPaginated(Bucket, fakestorage.ListOptions{Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range all.Objects {
		names = append(names, o.Name)
	}
	return names
}

// Sent is the number of bytes of all bodies that have been sent, once all requests have been served.
func (s *Server) Sent() int64 {
	s.open.Wait()
	return s.sent.Load()
}

// Requests are what was asked for so far: GET media NAME, GET NAME, LIST PREFIX, PUT, COPY NAME, DELETE NAME.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}

// Fail answers the next so many requests of that kind, as Requests tells it, by a status.
func (s *Server) Fail(kind string, times, status int) {
	s.handle(kind, times, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		text := http.StatusText(status)
		fmt.Fprintf(w, `{"error": {"code": %d, "message": %q, "errors": [{"message": %q, "domain": "global", "reason": "injected"}]}}`, status, text, text)
	})
}

// Cut breaks the connection of the next so many requests of that kind after so many bytes of the body.
func (s *Server) Cut(kind string, times int, after int64) {
	s.handle(kind, times, func(w http.ResponseWriter, r *http.Request) {
		s.fake.HTTPHandler().ServeHTTP(&cut{w, after}, r)
		panic(http.ErrAbortHandler)
	})
}

// Lose does what the next so many requests of that kind ask for, and breaks the connection instead of an answer.
func (s *Server) Lose(kind string, times int) {
	s.handle(kind, times, func(_ http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.holds(r) {
			s.fake.HTTPHandler().ServeHTTP(httptest.NewRecorder(), r)
		}
		panic(http.ErrAbortHandler)
	})
}

// Before calls f before the next so many requests of that kind are served.
func (s *Server) Before(kind string, times int, f func()) {
	s.handle(kind, times, func(w http.ResponseWriter, r *http.Request) {
		f()
		s.serve(w, r)
	})
}

func (s *Server) handle(kind string, times int, answer func(http.ResponseWriter, *http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers = append(s.handlers, &handler{times, func(r *http.Request) bool { return strings.HasPrefix(kindOf(r), kind) }, answer})
}

// kindOf is what Requests tells of a request.
func kindOf(r *http.Request) string {
	query := r.URL.Query()
	path := r.URL.EscapedPath()
	_, object, _ := strings.Cut(path, "/o/")
	object, _, _ = strings.Cut(object, "/rewriteTo/")
	name, err := url.PathUnescape(object)
	if err != nil {
		name = object
	}
	switch {
	case strings.HasPrefix(path, "/upload/"):
		return strings.TrimSpace("PUT " + query.Get("name"))
	case strings.Contains(path, "/rewriteTo/"):
		return "COPY " + name
	case r.Method == http.MethodGet && name == "":
		return "LIST " + query.Get("prefix")
	case r.Method == http.MethodGet && (query.Get("alt") == "media" || !strings.HasPrefix(path, "/storage/v1/")):
		return "GET media " + name
	}
	return r.Method + " " + name
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.open.Add(1)
	defer s.open.Done()
	s.mu.Lock()
	s.requests = append(s.requests, kindOf(r))
	var found *handler
	for _, h := range s.handlers {
		if h.times > 0 && h.match(r) {
			h.times--
			found = h
			break
		}
	}
	s.mu.Unlock()
	counted := &counter{w, &s.sent}
	if found != nil {
		found.answer(counted, r)
		return
	}
	s.serve(counted, r)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if n, err := strconv.Atoi(query.Get("maxResults")); strings.HasPrefix(kindOf(r), "LIST ") && (err != nil || n > pageSize) {
		query.Set("maxResults", strconv.Itoa(pageSize))
		r.URL.RawQuery = query.Encode()
	}
	if r.Method != http.MethodGet {
		// All of it first: who sends slowly must not keep others waiting.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	if !s.holds(r) {
		w.WriteHeader(http.StatusPreconditionFailed)
		return
	}
	s.fake.HTTPHandler().ServeHTTP(w, r)
}

// holds reports whether the request's precondition holds, where the fake does not look at it: it does at an upload.
func (s *Server) holds(r *http.Request) bool {
	want := r.URL.Query().Get("ifGenerationMatch")
	path := r.URL.EscapedPath()
	if want == "" || strings.HasPrefix(path, "/upload/") {
		return true
	}
	object := path[strings.LastIndex(path, "/o/")+len("/o/"):] // of a copy the destination
	name, err := url.PathUnescape(object)
	if err != nil {
		return false
	}
	var generation int64
	if o, err := s.fake.GetObjectStreaming(Bucket, name); err == nil {
		generation = o.Generation
		o.Close()
	}
	return want == strconv.FormatInt(generation, 10)
}

// counter counts the bytes of bodies.
type counter struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.n.Add(int64(n))
	return n, err
}

// cut lets so many bytes of a body through.
type cut struct {
	http.ResponseWriter
	left int64
}

func (c *cut) Write(b []byte) (int, error) {
	n := min(c.left, int64(len(b)))
	c.left -= n
	if _, err := c.ResponseWriter.Write(b[:n]); err != nil {
		return 0, err
	}
	if n < int64(len(b)) {
		// What is written must arrive before the connection breaks.
		http.NewResponseController(c.ResponseWriter.(*counter).ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return len(b), nil
}
