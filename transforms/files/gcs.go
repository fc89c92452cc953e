package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/storage"
	"github.com/googleapis/gax-go/v2"
	"golang.org/x/sync/errgroup"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"

	"beamlearn/model/fault"
)

// Cloud Storage is used by its own client, not by Beam's filesystem, which reads objects from their beginning, knows no
// generations nor preconditions, and makes a client for each call.

func isGCS(name string) bool { return strings.HasPrefix(name, "gs://") }

// gcsPatience is how long what fails for the time being (429, 5xx, a connection that breaks, or is silent) is tried
// again. A variable for tests.
var gcsPatience = 5 * time.Minute

// gcsBackoff is how long the first pause before that is at most, which then doubles.
var gcsBackoff = 200 * time.Millisecond

// gcsAtATime is how many requests for small things are under way at a time.
const gcsAtATime = 32

var gcs struct {
	sync.Mutex
	client   *storage.Client
	emulator string // that the client talks to
}

// gcsClient is one client for the process, with the user's credentials, or without any where there are none, as for
// public objects and for an emulator (STORAGE_EMULATOR_HOST).
func gcsClient(ctx context.Context) (*storage.Client, error) {
	gcs.Lock()
	defer gcs.Unlock()
	emulator := os.Getenv("STORAGE_EMULATOR_HOST")
	if gcs.client != nil && gcs.emulator == emulator {
		return gcs.client, nil
	}
	// The client outlives the call that needs it first.
	ctx = context.WithoutCancel(ctx)
	c, err := storage.NewClient(ctx, storage.WithJSONReads())
	if err != nil {
		if c, err = storage.NewClient(ctx, storage.WithJSONReads(), option.WithoutAuthentication()); err != nil {
			return nil, err
		}
	}
	// Whatever this package asks for can be asked for again: what is written under a name is the same, or is conditional.
	c.SetRetry(
		storage.WithPolicy(storage.RetryAlways),
		// of writes, too, which have a rule of their own that an answer got lost is final
		storage.WithErrorFunc(storage.ShouldRetry),
		storage.WithBackoff(gax.Backoff{Initial: gcsBackoff, Max: 30 * time.Second, Multiplier: 2}),
		storage.WithMaxRetryDuration(gcsPatience),
	)
	gcs.client, gcs.emulator = c, emulator
	return c, nil
}

func splitGCS(name string) (bucket, object string, err error) {
	bucket, object, ok := strings.Cut(strings.TrimPrefix(name, "gs://"), "/")
	if !ok || bucket == "" || object == "" {
		return "", "", fault.File(name, "gs://BUCKET/OBJECT", "no bucket, or no object")
	}
	return bucket, object, nil
}

func gcsObject(ctx context.Context, name string) (*storage.ObjectHandle, error) {
	bucket, object, err := splitGCS(name)
	if err != nil {
		return nil, err
	}
	c, err := gcsClient(ctx)
	if err != nil {
		return nil, err
	}
	return c.Bucket(bucket).Object(object), nil
}

// gcsError is an answer of Cloud Storage that a user can do something about, in one line.
type gcsError struct {
	*fault.Fault
	cause error // errors.Is finds os.ErrNotExist
}

func (e *gcsError) Unwrap() []error { return []error{e.Fault, e.cause} }

// status is that of the answer which is the error, or 0.
func status(err error) int {
	var answer *googleapi.Error
	switch {
	case errors.As(err, &answer):
		return answer.Code
	case errors.Is(err, storage.ErrObjectNotExist), errors.Is(err, storage.ErrBucketNotExist),
		errors.Is(err, os.ErrNotExist):
		return http.StatusNotFound
	}
	return 0
}

// failed says what an error of Cloud Storage means. Nil stays nil.
func failed(name string, err error) error {
	if err == nil {
		return nil
	}
	code := status(err)
	if code == 0 {
		return fmt.Errorf("%s: %w", name, err)
	}
	found := fmt.Sprintf("the answer %d %s", code, http.StatusText(code))
	var answer *googleapi.Error
	if errors.As(err, &answer) && answer.Message != "" && answer.Message != http.StatusText(code) {
		found += ": " + answer.Message
	}
	switch code {
	case http.StatusNotFound:
		return &gcsError{fault.File(name, "an object of that name", "none, or no such bucket"), os.ErrNotExist}
	case http.StatusUnauthorized, http.StatusForbidden:
		return &gcsError{fault.File(name, "an account that has the right to it", "%s", found), err}
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout:
		return &gcsError{fault.File(name, "Cloud Storage to work again", "%s, for %s", found, gcsPatience), err}
	}
	return &gcsError{fault.File(name, "", "%s", found), err}
}

func gcsInfo(bucket string, a *storage.ObjectAttrs) Info {
	return Info{Name: "gs://" + bucket + "/" + a.Name, Size: a.Size, Version: strconv.FormatInt(a.Generation, 10)}
}

// listGCS gives the objects that match, with their sizes and generations: a request for each thousand of them. What
// looks like a directory is none.
func listGCS(ctx context.Context, pattern string) ([]Info, error) {
	bucket, object, err := splitGCS(pattern)
	if err != nil {
		return nil, err
	}
	if !strings.ContainsAny(object, `*?[\`) {
		o, err := gcsObject(ctx, pattern)
		if err != nil {
			return nil, err
		}
		a, err := o.Attrs(ctx)
		if status(err) == http.StatusNotFound {
			return nil, nil
		}
		if err != nil {
			return nil, failed(pattern, err)
		}
		return appendStored(nil, bucket, a)
	}
	match, err := compileGlob(object)
	if err != nil {
		return nil, fault.File(pattern, "a glob with closed brackets", "%v", err)
	}
	c, err := gcsClient(ctx)
	if err != nil {
		return nil, err
	}
	q := &storage.Query{Prefix: object[:strings.IndexAny(object, `*?[\`)], Projection: storage.ProjectionNoACL}
	if err := q.SetAttrSelection([]string{"Name", "Size", "Generation", "ContentEncoding"}); err != nil {
		return nil, err
	}
	var infos []Info
	for objects := c.Bucket(bucket).Objects(ctx, q); ; {
		a, err := objects.Next()
		if err == iterator.Done {
			return infos, nil
		}
		if status(err) == http.StatusNotFound {
			return nil, fault.File(pattern, "a bucket of that name", "none")
		}
		if err != nil {
			return nil, failed(pattern, err)
		}
		if (match.MatchString(a.Name) || a.Name == object) && !strings.HasSuffix(a.Name, "/") {
			if infos, err = appendStored(infos, bucket, a); err != nil {
				return nil, err
			}
		}
	}
}

// appendStored adds an object that is served as it is stored. What is decompressed on its way has another size, and
// cannot be read from the middle.
func appendStored(infos []Info, bucket string, a *storage.ObjectAttrs) ([]Info, error) {
	info := gcsInfo(bucket, a)
	if a.ContentEncoding == "gzip" {
		return nil, fault.File(info.Name, "an object without Content-Encoding, which is served as it is stored",
			"Content-Encoding: gzip")
	}
	return append(infos, info), nil
}

// compileGlob gives the expression for a glob on names without a scheme: * and ? match no slash, ** does, [a-c] and
// [!a-c] one of a set, and \ takes what follows for itself.
func compileGlob(glob string) (*regexp.Regexp, error) {
	var b strings.Builder
	b.WriteString(`^`)
	for i := 0; i < len(glob); i++ {
		switch c := glob[i]; c {
		case '*':
			switch {
			case strings.HasPrefix(glob[i:], "**/"):
				b.WriteString(`(?:.*/)?`)
				i += 2
			case strings.HasPrefix(glob[i:], "**"):
				b.WriteString(`.*`)
				i++
			default:
				b.WriteString(`[^/]*`)
			}
		case '?':
			b.WriteString(`[^/]`)
		case '[':
			set := glob[i+1:]
			not := strings.HasPrefix(set, "!") || strings.HasPrefix(set, "^")
			if not {
				set = set[1:]
			}
			n := strings.IndexByte(set, ']')
			if n <= 0 {
				return nil, errors.New("an open bracket")
			}
			i += 1 + n
			b.WriteByte('[')
			if not {
				i++
				b.WriteString("^/")
			}
			b.WriteString(strings.NewReplacer(`\`, `\\`, `[`, `\[`, `^`, `\^`, `&`, `\&`).Replace(set[:n]))
			b.WriteByte(']')
		case '\\':
			if i++; i == len(glob) {
				return nil, errors.New("a backslash at the end")
			}
			fallthrough
		default:
			b.WriteString(regexp.QuoteMeta(glob[i : i+1]))
		}
	}
	b.WriteString(`$`)
	return regexp.Compile(`(?s)` + b.String())
}

func statGCS(ctx context.Context, name string) (Info, error) {
	o, err := gcsObject(ctx, name)
	if err != nil {
		return Info{}, err
	}
	a, err := o.Attrs(ctx)
	if err != nil {
		return Info{}, failed(name, err)
	}
	return gcsInfo(o.BucketName(), a), nil
}

// openGCS reads the bytes [offset, offset+length) of the generation that was listed, or of the present one where none
// was, to the end where length is negative. A connection that breaks is made again from where it was.
func openGCS(ctx context.Context, info Info, offset, length int64) (io.ReadCloser, error) {
	if length == 0 {
		length = -1 // a request of nothing is one of everything
		if offset > 0 || info.Size > 0 {
			return io.NopCloser(strings.NewReader("")), nil
		}
	}
	name := info.Location()
	o, err := gcsObject(ctx, name)
	if err != nil {
		return nil, err
	}
	if g, err := strconv.ParseInt(info.Version, 10, 64); err == nil && g != 0 {
		o = o.If(storage.Conditions{GenerationMatch: g})
	}
	ctx, cancel := context.WithCancelCause(ctx)
	r, err := o.NewRangeReader(ctx, offset, length)
	if err != nil {
		cancel(nil)
		if code := status(err); info.Version != "" && (code == http.StatusNotFound || code == http.StatusPreconditionFailed) {
			return nil, changed(info, "another object of that name, or none")
		}
		return nil, failed(info.Name, err)
	}
	return &gcsReader{r: r, info: info, left: r.Remain(), ctx: ctx, cancel: cancel}, nil
}

type gcsReader struct {
	r      *storage.Reader
	info   Info
	left   int64
	ctx    context.Context
	cancel context.CancelCauseFunc
	err    error // that Read has returned
}

func (r *gcsReader) Read(b []byte) (n int, err error) {
	err = patiently(r.ctx, r.cancel, r.info.Name, func() error {
		n, err = r.r.Read(b)
		r.left -= int64(n)
		if err == io.EOF && r.left > 0 {
			return io.ErrUnexpectedEOF
		}
		return err
	})
	if code := status(err); code == http.StatusNotFound || code == http.StatusPreconditionFailed {
		err = changed(r.info, "another object of that name, or none")
	}
	r.err = err
	return n, err
}

func (r *gcsReader) Close() error {
	defer r.cancel(nil)
	if err := r.r.Close(); r.err == nil || r.err == io.EOF {
		return failed(r.info.Name, err)
	}
	return nil
}

// errSilent is the cause of the end of what took longer than gcsPatience.
var errSilent = errors.New("no success")

// patiently does what may wait for Cloud Storage, for as long as its client tries, and ends it where that is too long.
func patiently(ctx context.Context, cancel context.CancelCauseFunc, name string, do func() error) error {
	silence := time.AfterFunc(gcsPatience, func() { cancel(errSilent) })
	err := do()
	silence.Stop()
	switch {
	case err == nil || err == io.EOF:
		return err
	case context.Cause(ctx) == errSilent:
		return &gcsError{fault.File(name, "Cloud Storage to work again", "no success for %s", gcsPatience), err}
	}
	return failed(name, err)
}

// gcsWriter is an object that is being written. It exists when it has been closed, all of it.
type gcsWriter struct {
	w      *storage.Writer
	name   string
	ctx    context.Context
	cancel context.CancelCauseFunc
}

func createGCS(ctx context.Context, name string, only *storage.Conditions) (*gcsWriter, error) {
	o, err := gcsObject(ctx, name)
	if err != nil {
		return nil, err
	}
	if only != nil {
		o = o.If(*only)
	}
	w := &gcsWriter{name: name}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.w = o.NewWriter(w.ctx)
	w.w.ChunkRetryDeadline = gcsPatience
	return w, nil
}

func (w *gcsWriter) Write(b []byte) (n int, err error) {
	err = patiently(w.ctx, w.cancel, w.name, func() (err error) {
		n, err = w.w.Write(b)
		return err
	})
	return n, err
}

func (w *gcsWriter) commit() error {
	defer w.cancel(nil)
	return patiently(w.ctx, w.cancel, w.name, w.w.Close)
}

// abandon leaves nothing of the object.
func (w *gcsWriter) abandon() error {
	w.cancel(nil)
	if err := w.w.Close(); err == nil {
		return fmt.Errorf("%s: written, though it was given up", w.name)
	}
	return nil
}

// copyGCS copies an object onto another, of which a condition may be demanded, and gives what there is then.
func copyGCS(ctx context.Context, from, to string, only *storage.Conditions) (Info, error) {
	src, err := gcsObject(ctx, from)
	if err != nil {
		return Info{}, err
	}
	dst, err := gcsObject(ctx, to)
	if err != nil {
		return Info{}, err
	}
	if only != nil {
		dst = dst.If(*only)
	}
	a, err := dst.CopierFrom(src).Run(ctx)
	if err != nil {
		name := to
		if status(err) == http.StatusNotFound {
			name = from
		}
		return Info{}, failed(name, err)
	}
	return gcsInfo(dst.BucketName(), a), nil
}

func removeGCS(ctx context.Context, name string) error {
	o, err := gcsObject(ctx, name)
	if err != nil {
		return err
	}
	return failed(name, o.Delete(ctx))
}

// removeAllGCS removes all objects whose names begin with dir and a slash.
func removeAllGCS(ctx context.Context, dir string) error {
	infos, err := listGCS(ctx, EscapeGlob(strings.TrimSuffix(dir, "/"))+"/**")
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(gcsAtATime)
	for _, i := range infos {
		g.Go(func() error {
			if err := removeGCS(ctx, i.Name); !errors.Is(err, os.ErrNotExist) {
				return err
			}
			return nil
		})
	}
	return g.Wait()
}

// EscapeGlob makes a pattern that only the name itself matches.
func EscapeGlob(name string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(name)
}
