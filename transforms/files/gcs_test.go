package files

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// serveGCS starts a Cloud Storage of this process on loopback, which Beam's filesystem and ours both find by the
// environment. The counter is the bytes that it has sent.
func serveGCS(t *testing.T, objects ...fakestorage.Object) *atomic.Int64 {
	t.Helper()
	// The fake's handler stands behind a server of the test's own, which counts.
	fake, err := fakestorage.NewServerWithOptions(fakestorage.Options{InitialObjects: objects, NoListener: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Stop)
	var sent atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fake.HTTPHandler().ServeHTTP(&countingResponse{w, &sent}, r)
	}))
	t.Cleanup(server.Close)
	t.Setenv("STORAGE_EMULATOR_HOST", strings.TrimPrefix(server.URL, "http://"))
	forget := func() {
		gcs.Lock()
		defer gcs.Unlock()
		gcs.client = nil
	}
	forget()
	t.Cleanup(forget)
	return &sent
}

type countingResponse struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c *countingResponse) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.n.Add(int64(n))
	return n, err
}

func object(name string, content []byte) fakestorage.Object {
	return fakestorage.Object{ObjectAttrs: fakestorage.ObjectAttrs{BucketName: "bucket", Name: name}, Content: content}
}

// A worker that needs a hundredth of an object is sent about a hundredth.
func TestGCSRange(t *testing.T) {
	content := make([]byte, 10<<20)
	for i := range content {
		content[i] = byte(i % 251)
	}
	sent := serveGCS(t, object("dir/a.npy", content), object("dir/b.npy", []byte("b")))
	infos, err := List(context.Background(), []string{"gs://bucket/dir/*.npy"})
	if err != nil || names(infos) != "a.npy b.npy" || infos[0].Size != int64(len(content)) {
		t.Fatalf("List = %+v, %v", infos, err)
	}
	before := sent.Load()
	got, err := readRange(t, infos[0], 5<<20, 100<<10)
	if err != nil || got != string(content[5<<20:5<<20+100<<10]) {
		t.Errorf("a range: %d bytes, %v", len(got), err)
	}
	if n := sent.Load() - before; n > 110<<10 {
		t.Errorf("%d bytes were sent for %d", n, 100<<10)
	}
	if _, err := List(context.Background(), []string{"gs://bucket/none*"}); err == nil || !strings.Contains(err.Error(), "no file that matches") {
		t.Errorf("nothing: %v", err)
	}
}

func TestGCSChanged(t *testing.T) {
	serveGCS(t, object("x", []byte("0123456789")))
	ctx := context.Background()
	infos, err := List(ctx, []string{"gs://bucket/x"})
	if err != nil {
		t.Fatal(err)
	}
	w, err := Create(ctx, "gs://bucket/x")
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(w, "9876543210")
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	got, err := readRange(t, infos[0], 0, 10)
	if err == nil && got != "0123456789" {
		t.Errorf("read %q of another generation", got)
	}
	if err != nil && !strings.Contains(err.Error(), "gs://bucket/x") {
		t.Errorf("error %v does not name the object", err)
	}
}

func TestGCSWrite(t *testing.T) {
	serveGCS(t, object("x", nil))
	ctx := context.Background()
	w, err := Create(ctx, "gs://bucket/out/.n.tmp/a")
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(w, bytes.NewReader(make([]byte, 1000)))
	if err := errors.Join(err, w.Close(), Rename(ctx, "gs://bucket/out/.n.tmp/a", "gs://bucket/out/n")); err != nil {
		t.Fatal(err)
	}
	if i, err := Stat(ctx, "gs://bucket/out/n"); err != nil || i.Size != 1000 {
		t.Errorf("%+v, %v", i, err)
	}
	if err := RemoveAll(ctx, "gs://bucket/out"); err != nil {
		t.Error(err)
	}
	if _, err := Stat(ctx, "gs://bucket/out/n"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	if err := Remove(ctx, "gs://bucket/out/n"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Remove of nothing: %v", err)
	}
	// What is cancelled before it was closed never existed.
	canceled, cancel := context.WithCancel(ctx)
	if w, err = Create(canceled, "gs://bucket/out/half"); err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "half")
	cancel()
	w.Close()
	if _, err := Stat(ctx, "gs://bucket/out/half"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half a file: %v", err)
	}
}
