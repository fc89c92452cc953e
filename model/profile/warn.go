package profile

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/formats"
)

// How sure a warning must be.
const (
	likely       = 0.95 // of the cells of a column are of a form
	nearCopy     = 0.99 // of |correlation| with the target, or of its variance between the groups of a category
	nearSplit    = 0.995
	leastForWarn = 20 // rows
)

// described is a column that looks warn of.
type described struct {
	*Look
	name    string
	kind    features.Kind
	missing int64
}

// warn fills in the warnings of all columns, and by which flags they would be dates or numbers; target is the place of
// what is to be learned, or −1, and decimal the decimal point of the file, or 0.
func (l *looks) warn(columns []described, target int, decimal byte) {
	for j, c := range columns {
		if c.kind == features.Categorical || c.kind == features.Hashed || c.kind == features.Text {
			values := l.valuesOf(j)
			c.DateFormat, c.Thousands = dateFormat(values), thousands(values, decimal)
		}
		c.Warnings = l.warningsOf(j, c.name, c.kind, c.missing, c.DateFormat != "" || c.Thousands != "")
		if j == target { // which is no id
			c.Warnings = slices.DeleteFunc(c.Warnings, func(w string) bool { return strings.HasPrefix(w, unique) })
		}
		if target < 0 || j == target {
			continue
		}
		if w := l.nearCopy(j, target, columns[target].kind, columns[target].name); w != "" {
			c.Warnings = append(c.Warnings, w)
		}
	}
}

// targetOf is the place of the column of that name, or of that index where no column has it; −1 without a name.
func targetOf(target string, columns []described, file string) (int, error) {
	if target == "" {
		return -1, nil
	}
	var names []string
	for j, c := range columns {
		if c.name == target {
			return j, nil
		}
		names = append(names, c.name)
	}
	if j := indexOf(target, len(columns)); j >= 0 {
		return j, nil
	}
	const shown = 8
	more := ""
	if len(names) > shown {
		more = fmt.Sprintf(", … (%d in all)", len(names))
	}
	return 0, fault.Asked(file, "a column to be the target: "+strings.Join(names[:min(len(names), shown)], ", ")+more,
		"no column %s", fault.Quote(target))
}

// indexOf is the index of one of n columns that a text is, or −1.
func indexOf(text string, n int) int {
	if j, err := strconv.Atoi(text); err == nil && j >= 0 && j < n && strconv.Itoa(j) == text {
		return j
	}
	return -1
}

// mostExact is the first whole number of float64 that may be the rounding of another.
const mostExact = 1 << 53

// unique begins the warning of a column whose values are all different.
const unique = "unique: "

// warningsOf are those of a column by itself; read says that a flag makes dates or numbers of its texts, which are no
// ids then.
func (l *looks) warningsOf(j int, name string, kind features.Kind, missing int64, read bool) []string {
	present := l.rows - missing
	if present <= 0 {
		return []string{"empty: no row has a value"}
	}
	n, _, different := l.columns[j].distinct()
	if n == 1 && missing == 0 && l.rows > 1 {
		return []string{"constant: all rows have the same value"}
	}
	var all []string
	values := l.valuesOf(j)
	if different && n > 0 && present == l.rows && l.rows >= leastForWarn &&
		(formats.LikeID(name) || !read && likeID(values, kind, l.rows)) {
		all = append(all, unique+"each row has a value of its own; if it is an id, --id_column="+
			fault.Shell(fault.Plain(name)))
	}
	if kind == features.Numeric && slices.ContainsFunc(values, func(v value) bool {
		return math.Abs(v.number) >= mostExact && v.number == math.Trunc(v.number)
	}) && whole(l.numbersOf(j)) {
		all = append(all, "whole numbers beyond 2⁵³ are rounded in the vector, where different ones may be equal; ids keep all "+
			"of their digits: --id_column="+fault.Shell(fault.Plain(name)))
	}
	if kind != features.Numeric && kind != features.Boolean && kind != features.Date {
		if w := datesAsText(name, values); w != "" {
			all = append(all, w)
		} else if w := numbersAsText(values); w != "" {
			all = append(all, w)
		}
	}
	return all
}

// valuesOf are the values of a column in the sample, those that it has.
func (l *looks) valuesOf(j int) []value {
	var values []value
	for _, r := range l.ordered() {
		if r.values[j].kind != noValue {
			values = append(values, r.values[j])
		}
	}
	return values
}

// likeID reports whether values that are all different may be ids: short texts, or whole numbers that lie close
// together.
func likeID(values []value, kind features.Kind, rows int64) bool {
	if kind == features.Text || kind == features.Date || kind == features.List {
		return false
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for i := range values {
		switch v := &values[i]; {
		case v.kind == textValue && strings.Count(v.text, " ") > 2, v.kind == timeValue:
			return false
		case v.kind == numberValue && v.number != math.Trunc(v.number):
			return false
		case v.kind == numberValue:
			lo, hi = min(lo, v.number), max(hi, v.number)
		}
	}
	const sparse = 10 // numbers a row: populations and prices are farther apart
	return lo > hi || hi-lo < sparse*float64(rows)
}

// dateForms are how dates are written that are none by themselves, with the --date_format that reads them. Of those
// that fit, the first is told.
var dateForms = []struct {
	form   *regexp.Regexp
	format string
}{
	{regexp.MustCompile(`^(?:0?[1-9]|[12][0-9]|3[01])\.(?:0?[1-9]|1[0-2])\.[0-9]{4}$`), "%d.%m.%Y"},
	{regexp.MustCompile(`^(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12][0-9]|3[01])/[0-9]{4}$`), "%m/%d/%Y"},
	{regexp.MustCompile(`^(?:0?[1-9]|[12][0-9]|3[01])/(?:0?[1-9]|1[0-2])/[0-9]{4}$`), "%d/%m/%Y"},
	{regexp.MustCompile(`^(?:0?[1-9]|[12][0-9]|3[01])-(?:0?[1-9]|1[0-2])-[0-9]{4}$`), "%d-%m-%Y"},
	{regexp.MustCompile(`^[0-9]{4}/(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12][0-9]|3[01])$`), "%Y/%m/%d"},
	{regexp.MustCompile(`^[0-9]{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])$`), "%Y%m%d"},
	{regexp.MustCompile(`^(?:0?[1-9]|[12][0-9]|3[01]) (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4}$`),
		"%d %b %Y"},
}

// datesAsText warns of a column of text that is dates.
func datesAsText(name string, values []value) string {
	iso, texts := 0, 0
	for i := range values {
		switch v := &values[i]; {
		case v.kind == textValue:
			texts++
		case v.kind == timeValue && v.text != "":
			texts++
			iso++
		}
	}
	if texts == 0 || float64(texts) < likely*float64(len(values)) {
		return ""
	}
	if float64(iso) >= likely*float64(len(values)) {
		return "dates as text: most cells are dates, as " + fault.Quote(values[0].text) +
			"; --date reads them as such, once the others are mended"
	}
	for _, f := range dateForms {
		n := 0
		for i := range values {
			if f.form.MatchString(values[i].text) {
				n++
			}
		}
		if float64(n) >= likely*float64(len(values)) {
			return fmt.Sprintf("dates as text, as %s: --date_format='%s:%s' reads them", fault.Quote(values[0].text),
				fault.Plain(name), f.format)
		}
	}
	return datesOfStyles(values)
}

// dateFormat is the first of dateForms that all values have, or "".
func dateFormat(values []value) string {
	for _, f := range dateForms {
		if len(values) > 0 && !slices.ContainsFunc(values, func(v value) bool { return !f.form.MatchString(v.text) }) {
			return f.format
		}
	}
	return ""
}

// groupForms are numbers with something between groups of three digits: what --thousands calls it, and the decimal
// points that leave no doubt of it.
var groupForms = []struct {
	form          *regexp.Regexp
	name, decimal string
}{
	{regexp.MustCompile(`^[-+]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(\.[0-9]+)?$`), ",", "."},
	{regexp.MustCompile(`^[-+]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+(,[0-9]+)?$`), ".", ","},
	{regexp.MustCompile(`^[-+]?[1-9][0-9]{0,2}(?: [0-9]{3})+([.,][0-9]+)?$`), "space", ".,"},
	{regexp.MustCompile(`^[-+]?[1-9][0-9]{0,2}(?:'[0-9]{3})+([.,][0-9]+)?$`), "'", ".,"},
}

// thousands is what stands between groups of digits where all values are numbers, as they are read or by it; or "".
// Where it is a comma, one of them must have a fraction or two groups: 1,500 alone may be one and a half.
func thousands(values []value, decimal byte) string {
	for _, f := range groupForms {
		if decimal == 0 || !strings.Contains(f.decimal, string(decimal)) {
			continue
		}
		groups, sure := 0, f.name != ","
		other := slices.ContainsFunc(values, func(v value) bool {
			m := f.form.FindStringSubmatch(v.text)
			if v.kind != textValue || m == nil {
				return v.kind != numberValue
			}
			groups++
			sure = sure || m[1] != "" || strings.Count(v.text, ",") > 1
			return false
		})
		if groups > 0 && !other && sure {
			return f.name
		}
	}
	return ""
}

// datesOfStyles warns of a column of dates that are written in several ways.
func datesOfStyles(values []value) string {
	firsts := map[string]string{} // of each form
	var order []string
	n := 0
	for i := range values {
		v := &values[i]
		form := ""
		if v.kind == timeValue && v.text != "" {
			form = "ISO 8601"
		}
		for j := 0; form == "" && j < len(dateForms); j++ {
			if dateForms[j].form.MatchString(v.text) {
				form = dateForms[j].format
			}
		}
		if form == "" {
			continue
		}
		if n++; firsts[form] == "" {
			firsts[form] = fault.Quote(v.text)
			order = append(order, form)
		}
	}
	if len(order) < 2 || float64(n) < likely*float64(len(values)) {
		return ""
	}
	return "dates as text, in several ways, as " + firsts[order[0]] + " and " + firsts[order[1]] +
		": none is read before they are written in one"
}

// amount is a number as people write it: with a currency before it, groups of digits, and a unit behind it.
var amount = regexp.MustCompile(
	`^([$€£¥]?)\s?[-+]?[0-9]{1,3}(?:[0-9]*|(?:[,.' ][0-9]{3})*)(?:[.,][0-9]+)?\s?(%|[A-Za-z°µ]{0,5})$`)

// numbersAsText warns of a column of text that is numbers, or would be but for some cells.
func numbersAsText(values []value) string {
	numbers, quoted, amounts := 0, 0, 0
	var other string
	units := map[string]int{}
	for i := range values {
		v := &values[i]
		isNumber := false
		if v.kind == textValue {
			_, isNumber = textNumber([]byte(v.text))
		}
		switch {
		case v.kind != textValue:
			numbers++
		case isNumber:
			quoted++
		default:
			if other == "" {
				other = v.text
			}
			if m := amount.FindStringSubmatch(v.text); m != nil {
				amounts++
				units[m[1]+" "+m[2]]++
			}
		}
	}
	most := 0
	for _, n := range units {
		most = max(most, n)
	}
	least := likely * float64(len(values))
	switch {
	case numbers == len(values):
		return ""
	case float64(quoted) >= least:
		return "numbers as text, as the file says: --numeric reads them as numbers"
	case float64(numbers+quoted) >= least:
		return fmt.Sprintf("numbers as text: some cells are none, as %s", fault.Quote(other))
	case float64(most+numbers) >= least && amounts > 0:
		return fmt.Sprintf("numbers as text, as %s: leave out what stands around the digits; --decimal and --thousands "+
			"say how they are written", fault.Quote(other))
	}
	return ""
}

// nearCopy warns of a column that tells the target, as one that is known only afterwards does; "" of others.
func (l *looks) nearCopy(j, target int, kind features.Kind, name string) string {
	var x, y []value
	for _, r := range l.ordered() {
		if a, b := r.values[j], r.values[target]; a.kind != noValue && b.kind != noValue {
			x, y = append(x, a), append(y, b)
		}
	}
	if len(x) < leastForWarn {
		return ""
	}
	numbers := func(v []value) bool {
		return !slices.ContainsFunc(v, func(v value) bool { return v.kind == textValue || v.number-v.number != 0 })
	}
	of := "the target " + fault.Plain(name)
	if numbers(x) && numbers(y) {
		if r := correlation(x, y); math.Abs(r) >= nearCopy {
			return fmt.Sprintf("a near-copy of %s: their correlation is %.4f", of, r)
		}
	}
	classes := map[string]bool{}
	for i := range y {
		classes[y[i].shown(false)] = true
	}
	if len(classes) == 2 && numbers(x) {
		if a := separation(x, y); a >= nearSplit {
			return fmt.Sprintf("it tells %s: a threshold parts its two classes (AUC %.4f)", of, a)
		}
	}
	continuous := kind == features.Numeric && numbers(y)
	if share := determined(x, y, continuous); share >= nearCopy {
		return fmt.Sprintf("it determines %s: rows of the same value have the same target (%.4g %% of it)", of, 100*share)
	}
	return ""
}

// correlation is Pearson's.
func correlation(x, y []value) float64 {
	var mx, my float64
	for i := range x {
		mx, my = mx+x[i].number/float64(len(x)), my+y[i].number/float64(len(x))
	}
	var xx, xy, yy float64
	for i := range x {
		a, b := x[i].number-mx, y[i].number-my
		xx, xy, yy = xx+float64(a*a), xy+float64(a*b), yy+float64(b*b)
	}
	if xx == 0 || yy == 0 {
		return 0
	}
	return xy / math.Sqrt(xx) / math.Sqrt(yy)
}

// separation is the AUC of a number for one of two classes, from ½ to 1.
func separation(x, y []value) float64 {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case x[a].number < x[b].number:
			return -1
		case x[a].number > x[b].number:
			return 1
		}
		return 0
	})
	first := y[0].shown(false)
	var rankSum, n float64
	for lo := 0; lo < len(order); {
		hi := lo + 1
		for hi < len(order) && x[order[hi]].number == x[order[lo]].number {
			hi++
		}
		for _, i := range order[lo:hi] {
			if y[i].shown(false) == first {
				rankSum += float64(lo+hi+1) / 2
				n++
			}
		}
		lo = hi
	}
	m := float64(len(x)) - n
	if n == 0 || m == 0 {
		return 0
	}
	a := (rankSum - n*(n+1)/2) / (n * m)
	return max(a, 1-a)
}

// determined is how much of what the most frequent class, or the mean, leaves open of the target is told by the
// values of x, of which most must be there more than once.
func determined(x, y []value, continuous bool) float64 {
	groups := map[string][]int{}
	for i := range x {
		groups[x[i].shown(false)] = append(groups[x[i].shown(false)], i)
	}
	var rows []int
	for _, g := range groups {
		if len(g) > 1 {
			rows = append(rows, g...)
		}
	}
	if 2*len(rows) < len(x) || 4*len(groups) > len(x) {
		return 0
	}
	open := func(rows []int) float64 {
		if continuous {
			var mean, m2 float64
			for _, i := range rows {
				mean += y[i].number / float64(len(rows))
			}
			for _, i := range rows {
				m2 += float64((y[i].number - mean) * (y[i].number - mean))
			}
			return m2
		}
		counts, most := map[string]int{}, 0
		for _, i := range rows {
			counts[y[i].shown(false)]++
			most = max(most, counts[y[i].shown(false)])
		}
		return float64(len(rows) - most)
	}
	slices.Sort(rows)
	whole := open(rows)
	if whole == 0 {
		return 0
	}
	var left float64
	for _, text := range slices.Sorted(maps.Keys(groups)) { // as sums depend on the order
		if g := groups[text]; len(g) > 1 {
			left += open(g)
		}
	}
	return 1 - left/whole
}
