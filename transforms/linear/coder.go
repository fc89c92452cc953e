package linear

import (
	"encoding/binary"
	"encoding/json"
	"errors"

	model "beamlearn/model/linear"
)

func encodeState(s State) ([]byte, error) { return s.Fit, nil }

func decodeState(b []byte) (State, error) { return State{Fit: append([]byte(nil), b...)}, nil }

// Work is its JSON, behind the length of that, and the state.
func encodeWork(w Work) ([]byte, error) {
	b, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	return append(append(binary.AppendUvarint(nil, uint64(len(b))), b...), w.state...), nil
}

func decodeWork(b []byte) (Work, error) {
	var w Work
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return w, errors.New("linear: not a worker's share")
	}
	b = b[n:]
	err := json.Unmarshal(b[:size], &w)
	w.state = append([]byte(nil), b[size:]...)
	return w, err
}

// A summand is a flag byte, level and index of its node as varints, and its bytes: weights and sums, which JSON would
// blow up.
func encodeSummand(s Summand) ([]byte, error) {
	if s.Seed {
		return []byte{1}, nil
	}
	b := make([]byte, 1, 1+2*binary.MaxVarintLen64+len(s.Partial))
	return append(s.Node.Append(b), s.Partial...), nil
}

var errSummand = errors.New("linear: not a summand")

func decodeSummand(b []byte) (Summand, error) {
	if len(b) == 1 && b[0] == 1 {
		return Summand{Seed: true}, nil
	}
	if len(b) == 0 || b[0] != 0 {
		return Summand{}, errSummand
	}
	node, partial, err := model.CutNode(b[1:])
	if err != nil {
		return Summand{}, errSummand
	}
	return Summand{Node: node, Partial: append([]byte(nil), partial...)}, nil
}
