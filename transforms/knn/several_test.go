package knn

import (
	"strings"
	"testing"

	"beamlearn/model/features"
	"beamlearn/model/neighbors"
)

// An index may answer beside another where they differ in what changes no answer, and in nothing else.
func TestCheckLike(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		metric neighbors.Metric
		change func(p *Prebuilt)
		want   string // "" where they may
	}{
		"the same":      {neighbors.Minkowski, func(*Prebuilt) {}, ""},
		"the algorithm": {neighbors.Euclidean, func(p *Prebuilt) { p.Options.Algorithm = neighbors.KDTree }, ""},
		"more points": {neighbors.Euclidean, func(p *Prebuilt) {
			p.Points, p.Note.Total, p.Note.DuplicateIDs = 9, 10,
				1
		}, ""},
		"the metric": {neighbors.Euclidean, func(p *Prebuilt) { p.Options.Metric = neighbors.Cosine },
			"metric euclidean"},
		"p":                 {neighbors.Minkowski, func(p *Prebuilt) { p.Options.P = 3 }, "the same parameters of minkowski"},
		"nothing, but fits": {neighbors.SEuclidean, func(*Prebuilt) {}, "the same parameters of seuclidean"},
		"names":             {neighbors.Euclidean, func(p *Prebuilt) { p.Note.Columns = nil }, `columns ["a" "b"]`},
		"ids": {neighbors.Euclidean, func(p *Prebuilt) { p.Labelled = true },
			"ids that are the numbers of rows"},
		"the encoding": {neighbors.Euclidean, func(p *Prebuilt) { p.Note.Encoding = &features.Encoding{} },
			"the encoding of tables"},
		"the first column": {neighbors.Euclidean, func(p *Prebuilt) { p.Note.ZeroBased = true },
			"columns that are counted from the same number"},
		"columns": {neighbors.Euclidean, func(p *Prebuilt) { p.Dim = 3 }, "2 columns"},
	} {
		index := func() *Prebuilt {
			p := &Prebuilt{Dim: 2, Note: Note{Columns: []string{"a", "b"}, Total: 5}, Points: 5,
				Options: neighbors.Options{Metric: c.metric}}
			if c.metric == neighbors.Minkowski {
				p.Options.P = 1.5
			}
			return p
		}
		changed := index()
		c.change(changed)
		err := changed.checkLike("b.index", index(), "a.index")
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), "expected "+c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// Of other parameters, the flags are named that make them.
func TestOtherParameters(t *testing.T) {
	t.Parallel()
	a := &Prebuilt{Options: neighbors.Options{Metric: neighbors.Minkowski, P: 3}}
	b := &Prebuilt{Options: neighbors.Options{Metric: neighbors.Minkowski, P: 4}}
	if err := a.checkLike("b.index", b, "a.index"); err == nil || !strings.Contains(err.Error(), "with the same --p") {
		t.Errorf("minkowski: %v", err)
	}
	c := &Prebuilt{Options: neighbors.Options{Metric: neighbors.SEuclidean}}
	if err := c.checkLike("b.index", c, "a.index"); err == nil || !strings.Contains(err.Error(), "by --metric_params") {
		t.Errorf("seuclidean: %v", err)
	}
}

// What several indexes cannot do is refused.
func TestSeveralCheck(t *testing.T) {
	t.Parallel()
	for o, want := range map[*Options]string{
		{K: 3}:                  "",
		{K: 3, Evaluates: true}: "",
		{K: 3, Recall: 0.9}:     "are searched exactly",
	} {
		err := (several{}).check(&Job{Options: *o})
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", *o, err, want)
		}
	}
}
