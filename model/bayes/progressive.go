package bayes

import (
	"beamlearn/model/internal/elementary"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
	"beamlearn/model/linear/drift"
)

// judgedRows is how many rows become a point of a trace at most.
const judgedRows = 256

// judge predicts the rows of a chunk, and adds how well that went. A class that the model does not have was given the
// probability 0, and so was that of a row which it cannot predict, as where a category is new.
func (p *Predictor) judge(to *drift.Judged, c *linear.Chunk) error {
	places := make([]int32, c.Len())
	if _, err := p.model.Classes.Encode(places, c); err != nil {
		return err
	}
	classes := len(p.prior)
	logs, err := p.JointLog(c, nil)
	if err != nil { // of some rows: the others are predicted all the same
		logs = logs[:0]
		for i := range places {
			if logs, err = p.JointLog(single(c, i), logs); err != nil {
				logs, places[i] = append(logs[:i*classes], make([]float64, classes)...), -1
			}
		}
	}
	var point drift.TracePoint
	right := 0.0
	for i, place := range places {
		proba, w, given := logs[i*classes:(i+1)*classes], 1.0, 0.0
		if c.Weights != nil {
			w = c.Weights[i]
		}
		if int(place) == most(proba) {
			right += w
		}
		linear.Softmax(proba)
		if place >= 0 && proba[place] == proba[place] { // a number: some class is possible
			given = proba[place]
		}
		point.Rows++
		point.Weight += w
		point.Loss -= float64(w * elementary.Log(min(max(given, kernel.Epsilon), 1-kernel.Epsilon)))
		if point.Rows == judgedRows || i == len(places)-1 {
			to.Add(point, right)
			point, right = drift.TracePoint{}, 0
		}
	}
	return nil
}
