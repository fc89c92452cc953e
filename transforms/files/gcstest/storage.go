package gcstest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// pageSize is the most objects in a page of a listing, as in Cloud Storage.
const pageSize = 1000

// Storage serves one bucket by as much of Cloud Storage's interface as its Go client uses for objects: uploads in one
// request and in several, reads of ranges by both interfaces, metadata, listings in pages, copies, deletions, and the
// condition ifGenerationMatch on each of them. Anything else it answers by 501. A test beside it, in
// pipelines/internal/e2e, compares its answers with those of fake-gcs-server.
type Storage struct {
	mu         sync.Mutex
	objects    map[string]*object
	uploads    map[string]*upload
	generation int64
}

// object is one generation; it never changes.
type object struct {
	name, contentType, contentEncoding string
	metadata                           map[string]string
	content                            []byte
	generation                         int64
	updated                            time.Time
}

// upload is an object that arrives in several requests.
type upload struct {
	attributes attributes
	condition  string
	content    []byte
	done       *object
}

// attributes are what an upload may say of its object.
type attributes struct {
	Name            string            `json:"name"`
	ContentType     string            `json:"contentType"`
	ContentEncoding string            `json:"contentEncoding"`
	Metadata        map[string]string `json:"metadata"`
	CRC32C          string            `json:"crc32c"`
}

// NewStorage makes an empty one.
func NewStorage() *Storage {
	return &Storage{objects: map[string]*object{}, uploads: map[string]*upload{}, generation: time.Now().UnixMicro()}
}

// Put writes an object.
func (s *Storage) Put(name string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(attributes{Name: name}, content)
}

// Get is the content of an object.
func (s *Storage) Get(name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.objects[name]
	if o == nil {
		return nil, fmt.Errorf("there is no object %q", name)
	}
	return o.content, nil
}

// Names are those of all objects whose names begin so, in their order.
func (s *Storage) Names(prefix string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name := range s.objects {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (s *Storage) put(a attributes, content []byte) *object {
	s.generation++
	o := &object{a.Name, a.ContentType, a.ContentEncoding, maps.Clone(a.Metadata), bytes.Clone(content), s.generation,
		time.Now()}
	s.objects[a.Name] = o
	return o
}

// refusal is an answer that is an error.
type refusal struct {
	status int
	reason string
}

func (r *refusal) Error() string { return r.reason }

var (
	errNone      = &refusal{http.StatusNotFound, "notFound"}
	errCondition = &refusal{http.StatusPreconditionFailed, "conditionNotMet"}
)

func bad(format string, args ...any) error {
	return &refusal{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// find is the object of a name, of which the request may demand a generation.
func (s *Storage) find(name string, r *http.Request) (*object, error) {
	o := s.objects[name]
	want := r.URL.Query().Get("generation")
	if o == nil || want != "" && want != strconv.FormatInt(o.generation, 10) {
		return nil, errNone
	}
	condition := r.URL.Query().Get("ifGenerationMatch")
	if condition == "" {
		condition = r.Header.Get("x-goog-if-generation-match")
	}
	return o, s.check(name, condition)
}

// check says whether an object is of that generation, where 0 means that there is none.
func (s *Storage) check(name, condition string) error {
	if condition == "" {
		return nil
	}
	want, err := strconv.ParseInt(condition, 10, 64)
	if err != nil {
		return bad("ifGenerationMatch=%s", condition)
	}
	var generation int64
	if o := s.objects[name]; o != nil {
		generation = o.generation
	}
	if want != generation {
		return errCondition
	}
	return nil
}

// ServeHTTP answers a request.
func (s *Storage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body) // all of it first: who sends slowly must not keep others waiting
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	answer, err := s.answer(w, r, body)
	if err != nil {
		var refused *refusal
		if !errors.As(err, &refused) {
			refused = &refusal{http.StatusInternalServerError, err.Error()}
		}
		writeError(w, refused.status, refused.reason)
		return
	}
	switch a := answer.(type) {
	case *object:
		if isMedia(r) {
			serveContent(w, r, a)
			return
		}
		answer = a.resource()
	case nil:
		w.WriteHeader(http.StatusNoContent)
		return
	}
	b, err := json.Marshal(answer)
	if err != nil {
		panic(err) // of maps of strings
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b) // a caller that has gone needs no answer
}

// writeError writes an error as Cloud Storage writes it.
func writeError(w http.ResponseWriter, status int, reason string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	text := http.StatusText(status)
	fmt.Fprintf(w, `{"error": {"code": %d, "message": %q, "errors": [{"message": %q, "domain": "global", "reason": %q}]}}`,
		status, text, text, reason)
}

// isMedia reports whether a request is for the content of an object: by the JSON interface with alt=media, or by the
// older one.
func isMedia(r *http.Request) bool {
	path := r.URL.Path
	return !strings.HasPrefix(path, "/upload/") &&
		(r.URL.Query().Get("alt") == "media" || !strings.HasPrefix(path, "/storage/v1/"))
}

// answer does what a request asks for: an object, something for JSON, or nothing.
func (s *Storage) answer(w http.ResponseWriter, r *http.Request, body []byte) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := r.URL.EscapedPath()
	objects, isUpload := strings.CutPrefix(path, "/upload/storage/v1/b/"+Bucket+"/o")
	if isUpload && objects == "" {
		return s.upload(w, r, body)
	}
	name, isJSON := strings.CutPrefix(path, "/storage/v1/b/"+Bucket)
	switch {
	case isJSON && name == "":
		return map[string]any{"kind": "storage#bucket", "name": Bucket, "location": "EU", "metageneration": "1"}, nil
	case isJSON && name == "/o" && r.Method == http.MethodGet:
		return s.list(r.URL.Query())
	case isJSON:
		name = strings.TrimPrefix(name, "/o/")
	case strings.HasPrefix(path, "/storage/") || strings.HasPrefix(path, "/upload/"):
		return nil, errNone // another bucket
	default:
		var ok bool
		if name, ok = strings.CutPrefix(path, "/"+Bucket+"/"); !ok {
			return nil, errNone
		}
	}
	from, to, isCopy := strings.Cut(name, "/rewriteTo/b/"+Bucket+"/o/")
	from, err := url.PathUnescape(from)
	if err != nil {
		return nil, bad("%v", err)
	}
	switch {
	case isCopy && r.Method == http.MethodPost:
		return s.copy(from, to, r)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return s.find(from, r)
	case r.Method == http.MethodDelete:
		if _, err := s.find(from, r); err != nil {
			return nil, err
		}
		delete(s.objects, from)
		return nil, nil
	}
	return nil, &refusal{http.StatusNotImplemented, "notImplemented"}
}

func (s *Storage) copy(from, to string, r *http.Request) (any, error) {
	to, err := url.PathUnescape(to)
	if err != nil {
		return nil, bad("%v", err)
	}
	query := r.URL.Query()
	source := s.objects[from]
	if source == nil {
		return nil, errNone
	}
	if err := errors.Join(s.check(from, query.Get("ifSourceGenerationMatch")),
		s.check(to, query.Get("ifGenerationMatch"))); err != nil {
		return nil, err
	}
	o := s.put(attributes{Name: to, ContentType: source.contentType, ContentEncoding: source.contentEncoding,
		Metadata: source.metadata}, source.content)
	size := strconv.Itoa(len(o.content))
	return map[string]any{"kind": "storage#rewriteResponse", "done": true, "objectSize": size, "totalBytesRewritten": size,
		"resource": o.resource()}, nil
}

// list is a page of the objects with a prefix. With a delimiter, the names that have it after the prefix are told by
// their beginnings up to there.
func (s *Storage) list(query url.Values) (any, error) {
	size := pageSize
	if n, err := strconv.Atoi(query.Get("maxResults")); err == nil && n > 0 && n < size {
		size = n
	}
	prefix, delimiter, after := query.Get("prefix"), query.Get("delimiter"), query.Get("pageToken")
	names := slices.Sorted(maps.Keys(s.objects))
	var items []any
	var prefixes []string
	answer := map[string]any{"kind": "storage#objects"}
	last := ""
	for _, name := range names {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		entry := name
		if at := strings.Index(rest, delimiter); delimiter != "" && at >= 0 {
			entry = prefix + rest[:at+len(delimiter)]
		}
		if entry <= after || entry == last {
			continue
		}
		if len(items)+len(prefixes) == size {
			answer["nextPageToken"] = last
			break
		}
		if last = entry; entry == name {
			items = append(items, s.objects[name].resource())
		} else {
			prefixes = append(prefixes, entry)
		}
	}
	answer["items"], answer["prefixes"] = items, prefixes
	return answer, nil
}

// upload takes an object, or a part of one.
func (s *Storage) upload(w http.ResponseWriter, r *http.Request, body []byte) (any, error) {
	query := r.URL.Query()
	if id := query.Get("upload_id"); id != "" {
		u := s.uploads[id]
		if u == nil {
			return nil, errNone
		}
		return s.resume(w, r, u, body)
	}
	a := attributes{Name: query.Get("name")}
	content := body
	switch kind := query.Get("uploadType"); kind {
	case "media":
		a.ContentType = r.Header.Get("Content-Type")
	case "multipart":
		var err error
		if content, err = readParts(r.Header.Get("Content-Type"), body, &a); err != nil {
			return nil, err
		}
	case "resumable":
		if err := json.Unmarshal(body, &a); err != nil && len(body) > 0 {
			return nil, bad("%v", err)
		}
		id := strconv.Itoa(len(s.uploads) + 1)
		s.uploads[id] = &upload{attributes: a, condition: query.Get("ifGenerationMatch")}
		w.Header().Set("Location", fmt.Sprintf("http://%s%s?uploadType=resumable&name=%s&upload_id=%s", r.Host,
			r.URL.EscapedPath(), url.QueryEscape(a.Name), id))
		return map[string]any{}, nil
	default:
		return nil, &refusal{http.StatusNotImplemented, "uploadType " + kind}
	}
	return s.finish(a, query.Get("ifGenerationMatch"), content)
}

// readParts gives the content of an upload of two parts, of which the first has the attributes.
func readParts(contentType string, body []byte, a *attributes) ([]byte, error) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, bad("%v", err)
	}
	parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	first, err := parts.NextPart()
	if err != nil {
		return nil, bad("%v", err)
	}
	if err := json.NewDecoder(first).Decode(a); err != nil {
		return nil, bad("%v", err)
	}
	second, err := parts.NextPart()
	if err != nil {
		return nil, bad("%v", err)
	}
	if a.ContentType == "" {
		a.ContentType = second.Header.Get("Content-Type")
	}
	content, err := io.ReadAll(second)
	if err != nil {
		return nil, bad("%v", err)
	}
	return content, nil
}

// resume takes bytes of an upload: Content-Range is "bytes FIRST-LAST/TOTAL", or "bytes */TOTAL" for none, and TOTAL
// is * as long as it is not known.
func (s *Storage) resume(w http.ResponseWriter, r *http.Request, u *upload, body []byte) (any, error) {
	if r.Method == http.MethodDelete {
		return nil, &refusal{499, "cancelled"} // as Cloud Storage answers
	}
	if u.done != nil {
		return u.done, nil
	}
	bytesOf, total, ok := strings.Cut(strings.TrimPrefix(r.Header.Get("Content-Range"), "bytes "), "/")
	if !ok {
		return nil, bad("Content-Range %q", r.Header.Get("Content-Range"))
	}
	if first, _, ok := strings.Cut(bytesOf, "-"); ok {
		// What has arrived before may come again, where its answer got lost.
		at, err := strconv.Atoi(first)
		if err != nil || at > len(u.content) {
			return nil, bad("%d bytes have arrived, and these begin at %s", len(u.content), first)
		}
		u.content = append(u.content[:at:at], body...)
	}
	if total == strconv.Itoa(len(u.content)) {
		o, err := s.finish(u.attributes, u.condition, u.content)
		if err == nil {
			u.done = o
		}
		return o, err
	}
	if len(u.content) > 0 {
		w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", len(u.content)-1))
	}
	w.Header().Set("X-Http-Status-Code-Override", "308") // which the client asks for instead of the status itself
	return map[string]any{}, nil
}

// finish makes the object of an upload that has arrived.
func (s *Storage) finish(a attributes, condition string, content []byte) (*object, error) {
	if a.Name == "" {
		return nil, bad("no name")
	}
	if err := s.check(a.Name, condition); err != nil {
		return nil, err
	}
	if a.CRC32C != "" && a.CRC32C != checksum(content) {
		return nil, bad("the CRC32C is %s, not %s", checksum(content), a.CRC32C)
	}
	return s.put(a, content), nil
}

func checksum(b []byte) string {
	sum := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

func (o *object) resource() map[string]any {
	updated := o.updated.UTC().Format(time.RFC3339Nano)
	r := map[string]any{
		"kind": "storage#object", "bucket": Bucket, "name": o.name, "size": strconv.Itoa(len(o.content)),
		"crc32c":     checksum(o.content),
		"generation": strconv.FormatInt(o.generation, 10), "metageneration": "1", "timeCreated": updated, "updated": updated,
	}
	for key, value := range map[string]string{"contentType": o.contentType, "contentEncoding": o.contentEncoding} {
		if value != "" {
			r[key] = value
		}
	}
	if len(o.metadata) > 0 {
		r["metadata"] = o.metadata
	}
	return r
}

// serveContent serves an object, or the range of it that is asked for.
func serveContent(w http.ResponseWriter, r *http.Request, o *object) {
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	if o.contentType != "" {
		h.Set("Content-Type", o.contentType)
	}
	if o.contentEncoding != "" {
		h.Set("Content-Encoding", o.contentEncoding)
	}
	h.Set("X-Goog-Generation", strconv.FormatInt(o.generation, 10))
	h.Set("X-Goog-Metageneration", "1")
	h.Set("X-Goog-Hash", "crc32c="+checksum(o.content))
	h.Set("X-Goog-Stored-Content-Length", strconv.Itoa(len(o.content)))
	http.ServeContent(w, r, "", o.updated, bytes.NewReader(o.content))
}
