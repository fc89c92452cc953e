package recommend

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"beamlearn/model/fault"
	model "beamlearn/model/recommend"
	"beamlearn/model/triples"
	"beamlearn/model/vectors"
	rows "beamlearn/transforms/triples"
	"beamlearn/transforms/vectorio"
)

// gatherer takes all rows, with a part for each chunk, and names for each goroutine.
type gatherer struct {
	parts        []triples.Part
	users, items *triples.Names
}

func (g *gatherer) Begin(i int) *triples.Part {
	g.parts[i] = triples.Part{Rows: g.users, Columns: g.items}
	return &g.parts[i]
}

func (*gatherer) Full(*triples.Part) error { return nil }
func (*gatherer) Close() error             { return nil }

// readUsers reads the ids of users.
func readUsers(ctx context.Context, chunks []vectorio.Chunk, o *vectorio.Options) ([]vectors.ID, error) {
	var all []vectors.ID
	for _, c := range chunks {
		_, err := vectorio.EachTargeted(ctx, c, o, func(*fault.Fault) {}, func(b *vectors.Block) error {
			for i := range b.Numbers {
				all = append(all, rows.ID(b.IDs.At(i)))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no user is to be answered")
	}
	return all, nil
}

// choose is the places of users among those of the rows, in ascending order and each once, and how many are not there.
// The header of their list is one of them where it is a user.
func choose(all []vectors.ID, header string, x *model.Interactions) (places []uint32, unknown int64, err error) {
	at := make(map[vectors.ID]uint32, x.Users.Len())
	for u := range x.Users.Len() {
		at[x.Users.At(u)] = uint32(u)
	}
	if id := vectors.ParseID(header); header != "" {
		if _, ok := at[id]; ok {
			all = append(all, id)
		}
	}
	seen := map[vectors.ID]bool{}
	for _, id := range all {
		u, ok := at[id]
		switch {
		case seen[id]:
		case ok:
			places = append(places, u)
		default:
			unknown++
		}
		seen[id] = true
	}
	slices.Sort(places)
	if len(places) == 0 {
		return nil, unknown, fmt.Errorf("none of the users that are to be answered, %d, is a user of the input", unknown)
	}
	return places, unknown, nil
}
