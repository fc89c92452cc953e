package recommend_test

import (
	"context"
	"fmt"

	"beamlearn/model/recommend"
	"beamlearn/model/triples"
)

func Example() {
	users, items := &triples.Names{}, &triples.Names{}
	p := triples.Part{Rows: users, Columns: items}
	for _, row := range [][2]string{{"ann", "tea"}, {"ann", "milk"}, {"bob", "tea"}, {"bob", "milk"}, {"bob", "jam"},
		{"cid", "milk"}} {
		p.Row = append(p.Row, users.OfText([]byte(row[0])))
		p.Column = append(p.Column, items.OfText([]byte(row[1])))
		p.Value = append(p.Value, 1)
	}
	x, err := recommend.New([]triples.Part{p}, triples.Sum, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	model, err := recommend.Fit(context.Background(), x, recommend.Options{K: 2}, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	scorer := recommend.NewScorer(model, 2)
	for u := range x.Users.Len() {
		had, values := x.Of(u)
		for _, r := range scorer.Recommend(had, values, 1, true) {
			fmt.Printf("%s: %s, %.3f\n", x.Users.At(u), x.Items.At(int(r.Item)), r.Score)
		}
	}
	// Output:
	// ann: jam, 1.284
	// cid: tea, 0.816
}
