package knn

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"math"

	"beamlearn/model/features"
	"beamlearn/model/neighbors/evaluate"
	"beamlearn/model/neighbors/groups"
	"beamlearn/model/neighbors/ivf"
	"beamlearn/model/neighbors/outliers"
	"beamlearn/model/neighbors/overview"
	"beamlearn/model/neighbors/vote"
	"beamlearn/transforms/internal/jsoncoder"
	"beamlearn/transforms/vectorio"
)

// IndexPiece is one of the few large pieces in which an encoded index crosses Beam.
type IndexPiece struct {
	Number int  // place of the piece, from 0
	Last   bool // no piece follows
	Data   []byte
}

// A piece is its number, 1 if it is the last, the CRC-32C of the data, each as uint32, and the data.

const pieceHeader = 12

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encodeIndexPiece(p IndexPiece) []byte {
	b := make([]byte, pieceHeader, pieceHeader+len(p.Data))
	binary.LittleEndian.PutUint32(b, uint32(p.Number))
	if p.Last {
		b[4] = 1
	}
	binary.LittleEndian.PutUint32(b[8:], crc32.Checksum(p.Data, castagnoli))
	return append(b, p.Data...)
}

func decodeIndexPiece(b []byte) (IndexPiece, error) {
	if len(b) < pieceHeader {
		return IndexPiece{}, errors.New("knn: a piece of an index that is shorter than its header")
	}
	p := IndexPiece{
		Number: int(binary.LittleEndian.Uint32(b)),
		Last:   b[4] == 1,
		Data:   b[pieceHeader:],
	}
	if b[4] > 1 || b[5]|b[6]|b[7] != 0 {
		return IndexPiece{}, errors.New("knn: a piece of an index with a header that none has")
	}
	if crc32.Checksum(p.Data, castagnoli) != binary.LittleEndian.Uint32(b[8:]) {
		return IndexPiece{}, errors.New("knn: a piece of an index was damaged on its way")
	}
	return p, nil
}

// Range describes consecutive points of the index that are queries.
type Range struct {
	Ordinal     int64 // place among the ranges
	First, Rows int   // positions in the index
	Total       int64 // rows of the dataset that the index was built of
	// Index is the file of the index. Without a name the index is in the process.
	Index IndexFile
}

func encodeRange(r Range) ([]byte, error) { return json.Marshal(r) }
func decodeRange(b []byte) (Range, error) { return jsoncoder.Decode[Range](b) }

// Query is a chunk of queries, and the file of the index to ask; without a name the index is in the process.
type Query struct {
	Chunk vectorio.Chunk
	Index IndexFile
}

func encodeQuery(q Query) ([]byte, error) { return json.Marshal(q) }
func decodeQuery(b []byte) (Query, error) { return jsoncoder.Decode[Query](b) }

// Of sections there are as many as tasks times parts, so that their descriptions are as short as they can be.

func encodeExchangeFile(f exchangeFile) []byte {
	b := appendVarints(nil, int64(len(f.Kind)))
	b = appendVarints(append(b, f.Kind...), f.Task, f.Size, f.Total, int64(len(f.Sections)))
	for i := range f.Sections {
		b = f.Sections[i].append(b)
	}
	return b
}

func decodeExchangeFile(b []byte) (exchangeFile, error) {
	v := varints{b: b}
	f := exchangeFile{Kind: exchangeKind(v.bytes(v.next())), Task: v.next(), Size: v.next(), Total: v.next()}
	for range v.count(sectionLeast) {
		f.Sections = append(f.Sections, v.section())
	}
	return f, v.end()
}

func encodePartTask(t partTask) []byte {
	b := appendVarints(nil, t.Number, t.Total, bit(t.Wide))
	for _, pieces := range [][]exchangePiece{t.Points, t.Queries} {
		b = appendVarints(b, int64(len(pieces)))
		for _, p := range pieces {
			b = appendVarints(p.Section.append(appendVarints(b, p.Task, p.FileSize)), p.Skip, p.Rows)
		}
	}
	return b
}

func decodePartTask(b []byte) (partTask, error) {
	v := varints{b: b}
	t := partTask{Number: v.next(), Total: v.next(), Wide: v.bit()}
	for _, pieces := range []*[]exchangePiece{&t.Points, &t.Queries} {
		for range v.count(sectionLeast + 4) {
			*pieces = append(*pieces, exchangePiece{Task: v.next(), FileSize: v.next(), Section: v.section(), Skip: v.next(),
				Rows: v.next()})
		}
	}
	return t, v.end()
}

// sectionLeast is how many bytes a section takes at least.
const sectionLeast = 6

func (s *exchangeSection) append(b []byte) []byte {
	return appendVarints(b, s.Part, s.Rows, bit(s.Wide), s.Offset, s.Length, int64(s.CRC))
}

func bit(v bool) int64 {
	if v {
		return 1
	}
	return 0
}

// appendVarints appends integers that are not below 0.
func appendVarints(b []byte, of ...int64) []byte {
	for _, v := range of {
		b = binary.AppendUvarint(b, uint64(v))
	}
	return b
}

// varints reads what appendVarints has written. It trusts nothing: after the first fault all is 0.
type varints struct {
	b     []byte
	wrong bool
}

func (v *varints) next() int64 {
	n, size := binary.Uvarint(v.b)
	if size <= 0 || n > math.MaxInt64 {
		v.b, v.wrong = nil, true
		return 0
	}
	v.b = v.b[size:]
	return int64(n)
}

func (v *varints) upTo(most int64) int64 {
	n := v.next()
	if n > most {
		v.b, v.wrong = nil, true
		return 0
	}
	return n
}

func (v *varints) bit() bool { return v.upTo(1) == 1 }

// count is how many values follow that have so many bytes at least.
func (v *varints) count(least int) int64 { return v.upTo(int64(len(v.b) / least)) }

func (v *varints) bytes(n int64) []byte {
	if n > int64(len(v.b)) {
		v.b, v.wrong = nil, true
		return nil
	}
	b := v.b[:n]
	v.b = v.b[n:]
	return b
}

func (v *varints) section() exchangeSection {
	return exchangeSection{Part: v.next(), Rows: v.next(), Wide: v.bit(), Offset: v.next(), Length: v.next(),
		CRC: uint32(v.upTo(math.MaxUint32))}
}

// end fails where there was a fault, or is more.
func (v *varints) end() error {
	if v.wrong || len(v.b) > 0 {
		return errors.New("knn: not a description of rows in files, or a damaged one")
	}
	return nil
}

// Report says what was done. Reports add up.
type Report struct {
	Points       int64 `json:"points"`
	Dim          int   `json:"dimensions"`
	Queries      int64 `json:"queries"`
	Neighbors    int64 `json:"neighbors"`
	Edges        int64 `json:"edges,omitempty"` // of a graph that was made symmetric, without those to oneself
	Rejected     int64 `json:"rejected_rows"`
	DuplicateIDs int64 `json:"duplicate_ids"`
	// Deleted and Added are how many points a new version of an index is without, and has beside, those of the one
	// before.
	Deleted int64 `json:"deleted_points,omitempty"`
	Added   int64 `json:"added_points,omitempty"`
	// UnseenCells are cells of the queries of which the encoding of the points has learned nothing.
	features.UnseenCells
	IndexBytes  int64   `json:"index_bytes"`
	Decodes     int64   `json:"index_decodes"`
	ReadPoints  float64 `json:"read_points_s"`  // seconds of one worker
	BuildIndex  float64 `json:"build_index_s"`  // seconds of one worker
	DecodeIndex float64 `json:"decode_index_s"` // seconds, added up over the worker processes
	ReadQueries float64 `json:"read_queries_s"` // seconds, added up over the chunks, as the next two
	Search      float64 `json:"search_s"`
	Write       float64 `json:"write_s"`
	Assemble    float64 `json:"assemble_s"`
	Algorithm   string  `json:"algorithm,omitempty"`
	// Approximate is how well an approximate search went.
	Approximate *ivf.Report `json:"approximate,omitempty"`
	Broadcast   string      `json:"broadcast,omitempty"` // how the index reached the workers
	// Overview is what a page shows, where Options.Overview asks for it.
	Overview *overview.Overview `json:"overview,omitempty"`
	// Groups are those of Options.Groups.
	Groups *groups.Summary `json:"groups,omitempty"`
	// GroupsOverview is what a page shows of them, where Options.Overview asks for it.
	GroupsOverview *groups.Overview `json:"groups_overview,omitempty"`
	Shards         int              `json:"index_shards,omitempty"`
	// Outliers are those of Options.Outliers.
	Outliers *outliers.Summary `json:"outliers,omitempty"`
	// Evaluation is how well another system has found neighbours: see Options.Evaluate.
	Evaluation *evaluate.Recall `json:"evaluation,omitempty"`
	// Scores judge the predictions for points, by the others.
	Scores *vote.Scores `json:"scores,omitempty"`
	// Kept are the neighbours of every point where several k are compared: see [AnswerKept].
	Kept          []keptList `json:"kept,omitempty"`
	OutputFiles   []string   `json:"output_files,omitempty"`
	RejectedFiles []string   `json:"rejected_files,omitempty"`
}

func (r *Report) add(o Report) {
	r.Points += o.Points
	r.Dim = max(r.Dim, o.Dim)
	r.Queries += o.Queries
	r.Neighbors += o.Neighbors
	r.Edges += o.Edges
	r.Rejected += o.Rejected
	r.DuplicateIDs += o.DuplicateIDs
	r.UnseenCells.Add(o.UnseenCells)
	r.Deleted += o.Deleted
	r.Added += o.Added
	r.IndexBytes += o.IndexBytes
	r.Decodes += o.Decodes
	r.ReadPoints += o.ReadPoints
	r.BuildIndex += o.BuildIndex
	r.DecodeIndex += o.DecodeIndex
	r.ReadQueries += o.ReadQueries
	r.Search += o.Search
	r.Write += o.Write
	r.Shards += o.Shards
	if o.Algorithm != "" {
		r.Algorithm = o.Algorithm
	}
	if o.Approximate != nil {
		r.Approximate = o.Approximate
	}
	if o.Overview != nil {
		if r.Overview == nil {
			r.Overview = new(overview.Overview)
		}
		r.Overview.Merge(o.Overview)
	}
	if o.Groups != nil {
		r.Groups = o.Groups
	}
	if o.GroupsOverview != nil {
		if r.GroupsOverview == nil {
			r.GroupsOverview = new(groups.Overview)
		}
		r.GroupsOverview.Merge(o.GroupsOverview)
	}
	if o.Outliers != nil {
		r.Outliers = o.Outliers
	}
	if o.Evaluation != nil {
		if r.Evaluation == nil {
			r.Evaluation = evaluate.New(o.Evaluation.K)
		}
		r.Evaluation.Merge(o.Evaluation)
	}
	if o.Broadcast != "" {
		r.Broadcast = o.Broadcast
	}
	r.Kept = append(r.Kept, o.Kept...)
	if o.Scores != nil {
		if r.Scores == nil {
			r.Scores = vote.NewScores(o.Scores.Task, o.Scores.Ks)
		}
		r.Scores.Merge(o.Scores)
	}
}
