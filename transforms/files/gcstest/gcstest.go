// Package gcstest is a Cloud Storage for tests, in their own process and on the loopback interface, with faults on
// demand and a count of the bytes that it serves.
package gcstest

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Bucket is the one that there is.
const Bucket = "bucket"

// Server is a Cloud Storage.
type Server struct {
	storage *Storage
	sent    atomic.Int64
	open    sync.WaitGroup // requests that are being served

	mu       sync.Mutex
	requests []string
	handlers []*handler
}

// handler answers some requests instead of the fake.
type handler struct {
	times  int
	match  func(*http.Request) bool
	answer func(w http.ResponseWriter, r *http.Request)
}

// Start starts a server with these objects, which Beam's filesystem and transforms/files find by the environment, and
// ends it with the test. Names are without the bucket.
func Start(t testing.TB, objects map[string][]byte) *Server {
	t.Helper()
	s := &Server{storage: NewStorage()}
	for name, content := range objects {
		s.Put(name, content)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	t.Setenv("STORAGE_EMULATOR_HOST", strings.TrimPrefix(server.URL, "http://"))
	return s
}

// Put writes an object.
func (s *Server) Put(name string, content []byte) { s.storage.Put(name, content) }

// Get is the content of an object.
func (s *Server) Get(name string) ([]byte, error) { return s.storage.Get(name) }

// Names are those of all objects whose names begin so, in their order.
func (s *Server) Names(prefix string) []string { return s.storage.Names(prefix) }

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
		writeError(w, status, "injected")
	})
}

// Cut breaks the connection of the next so many requests of that kind after so many bytes of the body.
func (s *Server) Cut(kind string, times int, after int64) {
	s.handle(kind, times, func(w http.ResponseWriter, r *http.Request) {
		s.storage.ServeHTTP(&cut{w, after}, r)
		panic(http.ErrAbortHandler)
	})
}

// Lose does what the next so many requests of that kind ask for, and breaks the connection instead of an answer.
func (s *Server) Lose(kind string, times int) {
	s.handle(kind, times, func(_ http.ResponseWriter, r *http.Request) {
		s.storage.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	})
}

// Before calls f before the next so many requests of that kind are served.
func (s *Server) Before(kind string, times int, f func()) {
	s.handle(kind, times, func(w http.ResponseWriter, r *http.Request) {
		f()
		s.storage.ServeHTTP(w, r)
	})
}

func (s *Server) handle(kind string, times int, answer func(http.ResponseWriter, *http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers = append(s.handlers,
		&handler{times, func(r *http.Request) bool { return strings.HasPrefix(kindOf(r), kind) }, answer})
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
	s.storage.ServeHTTP(counted, r)
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
