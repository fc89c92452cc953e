package linear

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// WriteCSV writes a line for each combination: what it is, for each metric its mean, standard deviation and folds,
// and which are the best and the one-standard-error choice.
func (r *CVResult) WriteCSV(w io.Writer) error {
	number := func(v float64) string {
		if v-v != 0 {
			return ""
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	best, _ := r.Best()
	simple, _ := r.OneStandardError()
	head := []string{r.ParameterName(), "l1_ratio", "rank", "choice"}
	ranks := r.Metrics[0].Ranks(len(r.Params))
	for _, m := range r.Metrics {
		head = append(head, "mean_test_"+m.Name, "std_test_"+m.Name)
		for f := range m.Splits {
			head = append(head, fmt.Sprintf("split%d_test_%s", f, m.Name))
		}
		head = append(head, "constant_test_"+m.Name)
	}
	c := csv.NewWriter(w)
	errs := []error{c.Write(head)}
	for i, p := range r.Params {
		ratio := ""
		if p.L1Ratio != nil {
			ratio = number(*p.L1Ratio)
		}
		var choice []string
		if i == best {
			choice = append(choice, "best")
		}
		if i == simple {
			choice = append(choice, "one_standard_error")
		}
		line := []string{number(p.Alpha), ratio, strconv.Itoa(ranks[i]), strings.Join(choice, " ")}
		for _, m := range r.Metrics {
			line = append(line, number(m.Mean(i)), number(m.Std(i)))
			for _, split := range m.Splits {
				line = append(line, number(split[i]))
			}
			line = append(line, number(m.ConstantMean()))
		}
		errs = append(errs, c.Write(line))
	}
	c.Flush()
	return errors.Join(append(errs, c.Error())...)
}
