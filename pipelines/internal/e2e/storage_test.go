package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/storage"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"

	"beamlearn/transforms/files/gcstest"
)

// session does things with a Cloud Storage by its own client, and notes what comes back, in words that do not depend
// on when and where: an object's generation is told by how many there were before.
type session struct {
	t           *testing.T
	bucket      *storage.BucketHandle
	notes       []string
	generations []int64
}

func (s *session) note(what string, err error, results ...any) {
	text := strings.TrimSpace(fmt.Sprintln(results...))
	if err != nil {
		text = "error " + kind(err)
	}
	s.notes = append(s.notes, what+": "+text)
}

// kind is what a program does something about: the status of the answer.
func kind(err error) string {
	var answer *googleapi.Error
	switch {
	case errors.Is(err, storage.ErrObjectNotExist), errors.Is(err, storage.ErrBucketNotExist):
		return "404"
	case errors.As(err, &answer):
		return fmt.Sprint(answer.Code)
	}
	return err.Error()
}

func (s *session) generation(g int64) int {
	if !slices.Contains(s.generations, g) {
		s.generations = append(s.generations, g)
	}
	return slices.Index(s.generations, g)
}

func (s *session) write(name string, content []byte, chunk int, only *storage.Conditions) {
	s.t.Helper()
	o := s.bucket.Object(name)
	if only != nil {
		o = o.If(*only)
	}
	w := o.NewWriter(context.Background())
	w.ChunkSize, w.ContentType = chunk, "application/x-test"
	_, err := w.Write(content)
	if err = errors.Join(err, w.Close()); err != nil {
		s.note("write "+name, err)
		return
	}
	a := w.Attrs()
	s.note("write "+name, nil, a.Name, a.Size, a.CRC32C, s.generation(a.Generation))
}

func (s *session) read(o *storage.ObjectHandle, offset, length int64) {
	s.t.Helper()
	what := fmt.Sprintf("read %s [%d, +%d)", o.ObjectName(), offset, length)
	r, err := o.NewRangeReader(context.Background(), offset, length)
	if err != nil {
		s.note(what, err)
		return
	}
	b, err := io.ReadAll(r)
	s.note(what, errors.Join(err, r.Close()), len(b), fmt.Sprintf("%.40q", b), r.Attrs.Size, r.Attrs.StartOffset,
		r.Attrs.ContentType, s.generation(r.Attrs.Generation))
}

func (s *session) attributes(name string) {
	s.t.Helper()
	a, err := s.bucket.Object(name).Attrs(context.Background())
	if err != nil {
		s.note("attributes "+name, err)
		return
	}
	s.note("attributes "+name, nil, a.Bucket, a.Name, a.Size, a.CRC32C, a.ContentType, a.ContentEncoding,
		s.generation(a.Generation), a.Metageneration)
}

func (s *session) list(q *storage.Query, page int) {
	s.t.Helper()
	objects := s.bucket.Objects(context.Background(), q)
	objects.PageInfo().MaxSize = page
	var found []string
	for {
		a, err := objects.Next()
		if err == iterator.Done {
			break
		}
		if err != nil {
			s.note("list", err)
			return
		}
		found = append(found, fmt.Sprintf("%s%s/%d", a.Prefix, a.Name, a.Size))
	}
	slices.Sort(found) // within a page, prefixes and names are apart
	s.note(fmt.Sprintf("list %q %q by %d", q.Prefix, q.Delimiter, page), nil, strings.Join(found, " "))
}

// all is the session itself.
func (s *session) all() {
	ctx := context.Background()
	long := bytes.Repeat([]byte("0123456789abcdef"), 50_000)
	s.write("one", []byte("0123456789"), 1<<20, nil)
	s.write("empty", nil, 1<<20, nil)
	s.write("at once", long, 0, nil)
	s.write("d/in chunks", long, googleapi.MinUploadChunkSize, nil)
	s.write("d/ends with a chunk", long[:2*googleapi.MinUploadChunkSize], googleapi.MinUploadChunkSize, nil)
	s.write("odd/a[1]*?+%2F ä#.csv", []byte("odd"), 1<<20, nil)
	s.write("one", []byte("again"), 1<<20, nil)
	s.write("one", []byte("never"), 1<<20, &storage.Conditions{DoesNotExist: true})
	s.write("new", []byte("new"), 1<<20, &storage.Conditions{DoesNotExist: true})
	s.write("new", []byte("never"), 1<<20, &storage.Conditions{GenerationMatch: 12345})
	s.write("late", long, googleapi.MinUploadChunkSize, &storage.Conditions{GenerationMatch: 12345})

	for _, name := range []string{"one", "empty", "at once", "d/in chunks", "odd/a[1]*?+%2F ä#.csv", "none", "late"} {
		s.attributes(name)
		s.read(s.bucket.Object(name), 0, -1)
	}
	for _, r := range [][2]int64{{3, 5}, {799_990, -1}, {799_990, 100}, {800_000, 10}, {0, 1}} {
		s.read(s.bucket.Object("d/in chunks"), r[0], r[1])
	}
	current := s.generations[len(s.generations)-1] // of new
	s.read(s.bucket.Object("new").If(storage.Conditions{GenerationMatch: current}), 0, -1)
	s.read(s.bucket.Object("new").Generation(current), 0, -1)

	for _, page := range []int{2, 1000} {
		for _, prefix := range []string{"", "d/", "od", "none"} {
			s.list(&storage.Query{Prefix: prefix}, page)
			if page == 1000 { // fake-gcs-server tells a prefix again on a second page
				s.list(&storage.Query{Prefix: prefix, Delimiter: "/"}, page)
			}
		}
	}

	copies := s.bucket.Object("d/copy")
	_, err := copies.CopierFrom(s.bucket.Object("one")).Run(ctx)
	s.note("copy", err)
	s.read(copies, 0, -1)
	_, err = copies.CopierFrom(s.bucket.Object("none")).Run(ctx)
	s.note("copy of none", err)
	for range 2 {
		s.note("delete", s.bucket.Object("one").Delete(ctx))
	}
	s.attributes("one")
	s.list(&storage.Query{}, 3)
}

// The Cloud Storage of the tests answers as fake-gcs-server does, which others have compared with Google's.
func TestStorage(t *testing.T) {
	for name, options := range map[string][]option.ClientOption{
		"JSON": {storage.WithJSONReads()},
		"XML":  {storage.WithXMLReads()},
	} {
		t.Run(name, func(t *testing.T) {
			run := func(server *httptest.Server) []string {
				t.Setenv("STORAGE_EMULATOR_HOST", server.Listener.Addr().String())
				client, err := storage.NewClient(context.Background(), append(options, option.WithoutAuthentication())...)
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				s := &session{t: t, bucket: client.Bucket(gcstest.Bucket)}
				s.all()
				s.bucket = client.Bucket("another")
				s.attributes("one")
				s.list(&storage.Query{}, 10)
				return s.notes
			}
			ours := httptest.NewServer(gcstest.NewStorage())
			defer ours.Close()
			got := run(ours)

			var theirs *fakestorage.Server
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				theirs.HTTPHandler().ServeHTTP(w, r)
			}))
			var err error
			theirs, err = fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true,
				PublicHost: server.Listener.Addr().String()})
			if err != nil {
				t.Fatal(err)
			}
			defer theirs.Stop()
			theirs.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: gcstest.Bucket})
			server.Start()
			defer server.Close()
			want := run(server)

			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Errorf("%d\n got %s\nwant %s", i, got[i], want[i])
				}
			}
			if len(got) != len(want) {
				t.Errorf("%d answers, want %d", len(got), len(want))
			}
		})
	}
}
