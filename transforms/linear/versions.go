package linear

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/linear/drift"
	"beamlearn/transforms/files"
	"beamlearn/transforms/output"
)

// Versions are the models that learning from files as they arrive has come to, of this host:
//
//	model-000012.json                 the model of version 12
//	model-000012.watch.json           its record: which files it was learned from after version 11, in which order
//	model-000012.json.rejected.jsonl  rows of those files that were left out, where there are any
//	model.json                        a copy of the latest version
//
// The records are the truth: a version is there when its record is, which one rename puts there, after the model of
// that version and before the copy. A process that dies before the rename has learned nothing; one that dies after it
// has learned all that the record names, and who opens the versions next makes the copy. The records, from the first to
// the last, name each file that was learned from once; they must stay, while the models of earlier versions need not.
//
// Memory: some 300 bytes for each file that was learned from. One process at a time has them open.
type Versions struct {
	model    string // the path of the copy
	last     Record // of number 0: there is no version
	learned  map[string][]Learned
	aside    map[string]SetAside
	giveBack func() error
}

// Record is what a version has beside its model, in JSON.
type Record struct {
	Format     string     `json:"format"`  // of the file
	Version    int        `json:"version"` // of the format
	Number     int64      `json:"number"`  // of the version, from 1 on
	Model      string     `json:"model"`   // the name of its file, beside this one
	SHA256     string     `json:"sha256"`  // of its bytes
	WarmStart  string     `json:"warm_start,omitempty"`
	Flags      []string   `json:"flags"` // with which it was learned
	Files      []Learned  `json:"files"` // that it was learned from after the version before
	SetAside   []SetAside `json:"set_aside,omitempty"`
	TotalFiles int64      `json:"total_files"` // of all versions so far
	TotalRows  int64      `json:"total_rows"`
	Judgement
	Targets []TargetJudgement `json:"targets,omitempty"` // of a model of several
}

// Judgement is how rows of a version's files were predicted before they were learned from.
type Judgement struct {
	Progressive ProgressiveScores `json:"progressive"`
	Drift       *drift.Change     `json:"drift,omitempty"` // that its rows have shown
	Window      drift.Window      `json:"window"`          // of the losses so far
}

// TargetJudgement is that of one of several targets.
type TargetJudgement struct {
	Target string `json:"target"`
	Judgement
}

// Next is that of the version after, before its rows are judged.
func (j *Judgement) Next() Judgement { return Judgement{Window: j.Window.Clone()} }

// Take takes the scores of rows, and how their losses went.
func (j *Judgement) Take(scores ProgressiveScores, losses *drift.Trace) {
	j.Progressive = scores
	for _, p := range losses.Points() {
		if p.Weight > 0 {
			if change := j.Window.Add(p.Loss/p.Weight, p.Rows); change != nil {
				j.Drift = change
			}
		}
	}
}

// Learned is a file that was learned from.
type Learned struct {
	Order    int64    `json:"order"` // among all files, from 1 on
	File     string   `json:"file"`
	Size     int64    `json:"size"`
	Modified string   `json:"stamp,omitempty"` // [files.Info.Version]
	SHA256   string   `json:"sha256"`
	Rows     int64    `json:"rows"`
	Rejected int64    `json:"rejected,omitempty"`
	NoTarget int64    `json:"rows_without_target,omitempty"` // left out, too
	MeanLoss *float64 `json:"mean_loss,omitempty"`
}

// SetAside is a file that could not be learned from.
type SetAside struct {
	File     string `json:"file"`
	Size     int64  `json:"size"`
	Modified string `json:"stamp,omitempty"`
	Reason   string `json:"reason"`
}

// ProgressiveScores are those of rows that were predicted before they were learned from; nil are those that are none.
type ProgressiveScores struct {
	Rows     int64    `json:"rows"`
	MeanLoss *float64 `json:"mean_loss,omitempty"`
	Accuracy *float64 `json:"accuracy,omitempty"`
	R2       *float64 `json:"r2,omitempty"`
	RMSE     *float64 `json:"rmse,omitempty"`
}

const (
	recordFormat  = "beamlearn.watch"
	recordVersion = 1
	recordEnding  = ".watch.json"
)

// names are those of a version's files.
func (v *Versions) stem() (dir, stem, ext string) {
	dir, base := files.Split(v.model)
	ext = path.Ext(base)
	return dir, strings.TrimSuffix(base, ext), ext
}

// ModelPath is the file of a version.
func (v *Versions) ModelPath(number int64) string {
	dir, stem, ext := v.stem()
	return fmt.Sprintf("%s%s-%06d%s", dir, stem, number, ext)
}

func (v *Versions) recordPath(number int64) string {
	dir, stem, _ := v.stem()
	return fmt.Sprintf("%s%s-%06d%s", dir, stem, number, recordEnding)
}

// OpenVersions reads the versions of a model, whose path is absolute, and mends what a process that died has left. It
// fails where another process has them open, where a record between the first and the last is not there, where the
// latest model is not that of its record, and where there is a model but no version of it. Close gives them back.
func OpenVersions(ctx context.Context, model string) (_ *Versions, err error) {
	v := &Versions{model: model, learned: map[string][]Learned{}, aside: map[string]SetAside{}}
	dir, stem, _ := v.stem()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	v.giveBack, err = files.Hold(ctx, model+".watch",
		fault.File(model, "one --watch that learns this model", "another that does"))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, v.Close())
		}
	}()
	_, base := files.Split(model)
	if err := errors.Join(files.SweepNamed(ctx, dir, "."+base+"."), files.SweepNamed(ctx, dir, "."+stem+"-")); err != nil {
		return nil, err
	}
	numbers, err := v.numbers()
	if err != nil {
		return nil, err
	}
	for i, n := range numbers {
		if n != int64(i)+1 {
			return nil, fault.File(v.recordPath(int64(i)+1), "the records of all versions, which tell what was learned from",
				"no file of that name")
		}
		if err := v.read(ctx, n); err != nil {
			return nil, err
		}
	}
	return v, v.mend(ctx)
}

// numbers are those of the records that are there, in order.
func (v *Versions) numbers() (all []int64, err error) {
	dir, stem, _ := v.stem()
	entries, err := os.ReadDir(dir)
	name := regexp.MustCompile(`^` + regexp.QuoteMeta(stem) + `-([0-9]{6,18})` + regexp.QuoteMeta(recordEnding) + `$`)
	for _, e := range entries {
		if m := name.FindStringSubmatch(e.Name()); m != nil {
			n, _ := strconv.ParseInt(m[1], 10, 64) // of so few digits
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, err
}

// read reads the record of a version.
func (v *Versions) read(ctx context.Context, number int64) error {
	name := v.recordPath(number)
	b, err := files.ReadFile(ctx, name)
	if err != nil {
		return err
	}
	var r Record
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err = d.Decode(&r); err == nil {
		switch {
		case r.Format != recordFormat || r.Version != recordVersion:
			err = fmt.Errorf("format %s, version %d", fault.Quote(r.Format), r.Version)
		case r.Number != number:
			err = fmt.Errorf("number %d", r.Number)
		case r.TotalFiles != v.last.TotalFiles+int64(len(r.Files)):
			err = fmt.Errorf("%d files in all, %d before", r.TotalFiles, v.last.TotalFiles)
		default:
			err = r.Window.Check()
			for i := range r.Targets {
				err = errors.Join(err, r.Targets[i].Window.Check())
			}
		}
	}
	if err != nil {
		return fault.File(name, fmt.Sprintf("the record of version %d", number), "%s", fault.JSON(b, err))
	}
	v.take(r)
	return nil
}

// take makes a version the last.
func (v *Versions) take(r Record) {
	for _, l := range r.Files {
		v.remember(l)
	}
	for _, a := range r.SetAside {
		v.aside[a.File] = a
	}
	v.last = r
}

// remember is for a file that was learned from, by its name without directories.
func (v *Versions) remember(l Learned) {
	_, base := files.Split(l.File)
	v.learned[base] = append(v.learned[base], l)
	delete(v.aside, l.File)
}

// mend makes the copy that of the latest version.
func (v *Versions) mend(ctx context.Context) error {
	there, err := files.ReadFile(ctx, v.model)
	if ignoreMissing(err) != nil {
		return err
	}
	if v.last.Number == 0 {
		if err == nil {
			return fault.File(v.model, "no model of another run: give --output_model another name, and go on from this by "+
				"--warm_start", "one that --watch has not learned")
		}
		return nil
	}
	latest, err := v.Latest(ctx)
	if err != nil || bytes.Equal(latest, there) {
		return err
	}
	return v.copy(ctx, latest)
}

func (v *Versions) copy(ctx context.Context, model []byte) error {
	err := files.OutputFile(ctx, v.model, model)
	if err == nil {
		err = files.SyncDir(v.model)
	}
	return err
}

// Close gives the versions back.
func (v *Versions) Close() error { return v.giveBack() }

// Last is the record of the latest version; its Number is 0 where there is none.
func (v *Versions) Last() *Record { return &v.last }

// Latest is the model of the latest version, nil where there is none. It must be what the record says.
func (v *Versions) Latest(ctx context.Context) ([]byte, error) {
	if v.last.Number == 0 {
		return nil, nil
	}
	name := v.ModelPath(v.last.Number)
	b, err := files.ReadFile(ctx, name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.File(name, "the model of the latest version", "no file of that name")
	}
	if err == nil && BytesChecksum(b) != v.last.SHA256 {
		err = fault.File(name, "the model of the latest version", "other bytes than those that its record tells of")
	}
	return b, err
}

// BytesChecksum is the SHA-256 of a model's file.
func BytesChecksum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Checksum is the SHA-256 of a file, which must not change in the meantime.
func Checksum(ctx context.Context, info files.Info) (string, error) {
	r, err := files.Open(info).OpenRange(ctx, 0, -1)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(h, r)
	if err = errors.Join(err, r.Close()); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Knows reports whether nothing is left to do with a file as it is: it was learned from, or set aside.
func (v *Versions) Knows(info files.Info) bool {
	if a, ok := v.aside[info.Location()]; ok && a.Size == info.Size && a.Modified == info.Version {
		return true
	}
	_, base := files.Split(info.Location())
	return slices.ContainsFunc(v.learned[base], func(l Learned) bool {
		return l.File == info.Location() && l.Size == info.Size && l.Modified == info.Version
	})
}

// Learned tells of a file that is not known what was learned from its like: same is a file of its name, without
// directories, and of its bytes, so that it is known from now on; else changed is the file as it was when it was
// learned from under this very name.
func (v *Versions) Learned(info files.Info, sum string) (same, changed *Learned) {
	_, base := files.Split(info.Location())
	if same = like(v.learned[base], info, sum); same != nil {
		again := *same
		again.File, again.Modified = info.Location(), info.Version
		v.remember(again)
		return same, nil
	}
	for _, l := range v.learned[base] {
		if l.File == info.Location() {
			changed = &l
		}
	}
	return nil, changed
}

// Learned is [Versions.Learned] of the files of a version that is not published yet.
func (r *Record) Learned(info files.Info, sum string) (same *Learned) {
	return like(r.Files, info, sum)
}

// like is the file of all that has the name of another, without directories, and its bytes.
func like(all []Learned, info files.Info, sum string) *Learned {
	_, base := files.Split(info.Location())
	for _, l := range all {
		if _, name := files.Split(l.File); name == base && l.SHA256 == sum && l.Size == info.Size {
			return &l
		}
	}
	return nil
}

// Publish puts the next version in place. Its Number, and what follows from the versions before, are set here.
func (v *Versions) Publish(ctx context.Context, r Record, model []byte, rejected []*fault.Fault) (*Record, error) {
	r.Format, r.Version, r.Number = recordFormat, recordVersion, v.last.Number+1
	_, r.Model = files.Split(v.ModelPath(r.Number))
	r.SHA256, r.TotalFiles, r.TotalRows = BytesChecksum(model), v.last.TotalFiles, v.last.TotalRows
	for i := range r.Files {
		r.TotalFiles++
		r.TotalRows += r.Files[i].Rows
		r.Files[i].Order = r.TotalFiles
	}
	if r.Files == nil {
		r.Files = []Learned{}
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, err
	}
	name := v.ModelPath(r.Number)
	if len(rejected) > 0 {
		err = files.Replace(ctx, output.RejectedPath(name),
			func(w io.Writer) error { return output.RejectedLines(w, rejected) })
	} else { // those of a process that died before its record
		err = ignoreMissing(files.Remove(ctx, output.RejectedPath(name)))
	}
	if err == nil {
		err = files.WriteFile(ctx, name, model)
	}
	if err == nil {
		err = files.SyncDir(name)
	}
	if err == nil { // the version is there from here on
		err = files.WriteFile(ctx, v.recordPath(r.Number), append(text, '\n'))
	}
	if err == nil {
		err = files.SyncDir(name)
	}
	if err != nil {
		return nil, err
	}
	v.take(r)
	return &v.last, v.copy(ctx, model)
}
