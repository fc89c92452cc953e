package recommend

import (
	"cmp"
	"slices"

	"beamlearn/model/internal/splitmix"
)

// Overview is what a page shows of recommendations.
type Overview struct {
	Users        int64     `json:"users"`
	Items        int64     `json:"items"`
	Interactions int64     `json:"interactions"`
	Popular      []Popular `json:"popular"`
	Examples     []Example `json:"examples"`
	// PerUser are the numbers of users with 1, 2 to 3, 4 to 7, … interactions.
	PerUser []int64 `json:"per_user"`
}

// Popular is an item that many had.
type Popular struct {
	Item  string `json:"item"`
	Users int64  `json:"users"`
	// Near are the items most like it.
	Near []string `json:"near"`
}

// Example is a user.
type Example struct {
	User string   `json:"user"`
	Had  []Had    `json:"had"`  // of the greatest values, the greatest first
	More int      `json:"more"` // what the user had beside these
	Gets []Advice `json:"gets"`
}

// Had is what a user had.
type Had struct {
	Item  string  `json:"item"`
	Value float64 `json:"value"`
}

// Advice is what a user would get, and why.
type Advice struct {
	Item    string   `json:"item"`
	Score   float64  `json:"score"`
	Because []string `json:"because"` // items of the user, that with the greatest part in the score first
}

// What an overview holds at most.
const (
	overviewPopular  = 30
	overviewNear     = 3
	overviewExamples = 12
	overviewHad      = 8
	overviewReasons  = 3
)

// Overview draws some users as if by chance, always the same, and lists the items that most had.
func (f *Fitted) Overview(k, top int, keepSeen bool) *Overview {
	x := f.Interactions
	o := &Overview{Users: int64(x.Users.Len()), Items: int64(x.Items.Len()), Interactions: int64(x.Len())}
	name := func(i uint32) string { return x.Items.At(int(i)).String() }
	users := make([]int64, x.Items.Len())
	for _, i := range x.Item {
		users[i]++
	}
	popular := byPopularity(x)
	for _, i := range popular[:min(overviewPopular, len(popular))] {
		p := Popular{Item: name(i), Users: users[i]}
		near, _ := f.Model.Of(int(i), min(k, overviewNear))
		for _, j := range near {
			p.Near = append(p.Near, name(j))
		}
		o.Popular = append(o.Popular, p)
	}
	for u := range x.Users.Len() {
		at := 0
		for n := x.Offsets[u+1] - x.Offsets[u]; n > 1; n /= 2 {
			at++
		}
		for len(o.PerUser) <= at {
			o.PerUser = append(o.PerUser, 0)
		}
		o.PerUser[at]++
	}
	s := f.Scorer(k)
	for _, u := range drawUsers(x, overviewExamples) {
		o.Examples = append(o.Examples, f.example(s, u, top, keepSeen))
	}
	return o
}

// drawUsers are at most n users, in their order, of two interactions at least where there are such.
func drawUsers(x *Interactions, n int) []int {
	type drawn struct {
		few  bool
		rank uint64
		user int
	}
	var all []drawn
	worse := func(a, b drawn) int {
		if a.few != b.few {
			if a.few {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.rank, b.rank)
	}
	for u := range x.Users.Len() {
		d := drawn{x.Offsets[u+1]-x.Offsets[u] < 2, splitmix.Mix(uint64(u)), u}
		if at, _ := slices.BinarySearchFunc(all, d, worse); at < n {
			all = slices.Insert(all, at, d)
			all = all[:min(n, len(all))]
		}
	}
	users := make([]int, len(all))
	for i, d := range all {
		users[i] = d.user
	}
	slices.Sort(users)
	return users
}

// example is what a user had, and gets.
func (f *Fitted) example(s *Scorer, u, top int, keepSeen bool) Example {
	x := f.Interactions
	name := func(i uint32) string { return x.Items.At(int(i)).String() }
	items, values := x.Of(u)
	e := Example{User: x.Users.At(u).String()}
	order := make([]int, len(items))
	for at := range order {
		order[at] = at
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[b], values[a]) })
	for _, at := range order[:min(overviewHad, len(order))] {
		e.Had = append(e.Had, Had{name(items[at]), values[at]})
	}
	e.More = len(items) - len(e.Had)
	for _, r := range slices.Clone(s.Recommend(items, values, top, !keepSeen)) {
		a := Advice{Item: name(r.Item), Score: r.Score}
		for _, why := range s.Reasons(items, values, r.Item, overviewReasons) {
			a.Because = append(a.Because, name(why.Item))
		}
		e.Gets = append(e.Gets, a)
	}
	return e
}
