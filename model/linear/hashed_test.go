package linear_test

import (
	"strings"
	"testing"

	"beamlearn/model/features"
	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/tables"
)

// The names of hashed features follow from the encoding: the file of a model has none, and reads back with all of
// them. One that has them, as older ones do, is the same model.
func TestHashedNames(t *testing.T) {
	table := tables.New([]tables.Field{{Name: "text", Type: tables.Text}})
	for _, s := range []string{"one two three four", "five six seven eight", "nine ten eleven twelve"} {
		table.Columns[0].AppendText([]byte(s))
	}
	survey, err := features.NewSurvey(table.Fields(), features.Options{Text: []string{"text"}, HashBits: 10})
	if err == nil {
		err = survey.Add(table)
	}
	if err != nil {
		t.Fatal(err)
	}
	e, err := survey.Encoding()
	if err != nil || !e.Hashed() {
		t.Fatal(err)
	}
	m := &linear.Model{
		Task: linear.Regression, Loss: linear.SquaredError, Coef: [][]float64{make([]float64, e.Dim())},
		Intercept: []float64{0},
		Encoding:  e, FeatureNames: e.Names(),
	}
	m.Coef[0][7] = 1.5
	text := lineartest.Saved(t, m)
	if !strings.Contains(text, "\"feature_names\": null,\n") || len(text) > 4*e.Dim() {
		t.Errorf("%d bytes, which begin %.200s", len(text), text)
	}
	read, err := linear.Load("m.json", strings.NewReader(text))
	if err != nil || len(read.FeatureNames) != e.Dim() || read.FeatureNames[1023] != "text#1023" ||
		read.Coef[0][7] != 1.5 {
		t.Fatal(err)
	}
	older := strings.Replace(text, "\"feature_names\": null", "\"feature_names\": [\""+strings.Join(e.Names(), "\",\"")+
		"\"]", 1)
	if read, err = linear.Load("m.json", strings.NewReader(older)); err != nil {
		t.Fatal(err)
	}
	if lineartest.Saved(t, read) != text {
		t.Error("an older file is another model")
	}
}
