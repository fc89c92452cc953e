package cli

import (
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// How the flag package says what is wrong with a value, and that there is none.
var (
	wrongValue = regexp.MustCompile(`^invalid (?:boolean )?value ("(?:[^"\\]|\\.)*") for (?:flag )?-([^:]+): (?s:(.*))$`)
	withoutOne = regexp.MustCompile(`^flag needs an argument: -(.+)$`)
)

// wrong says what the flag package has found, a flag with two dashes and what its value must be; err where it is not
// about a value.
func (a *App) wrong(err error) error {
	if m := withoutOne.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf("--%s needs a value: --%s=%s", m[1], m[1], a.valueOf(m[1]))
	}
	if arg, bad := strings.CutPrefix(err.Error(), "bad flag syntax: "); bad {
		return fmt.Errorf("%s: no flag: one is written --name=value", arg)
	}
	m := wrongValue.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	value, name, why := m[1], m[2], m[3]
	if text, bad := strconv.Unquote(value); bad == nil {
		value = text
	}
	if kind := a.kindOf(name); why == "parse error" && kind != "" {
		why = "must be " + kind
	} else if why == "value out of range" {
		why = "is too large"
	}
	return fmt.Errorf("--%s=%s: %s", name, value, why)
}

// valueOf is what the help calls the value of a flag.
func (a *App) valueOf(name string) string {
	value, _ := flag.UnquoteUsage(a.flags.Lookup(name))
	return strings.ToUpper(value)
}

// kindOf says what the value of a flag must be, whose type is one of the flag package's; "" of another.
func (a *App) kindOf(name string) string {
	value := a.flags.Lookup(name).Value
	if of, ok := value.(beams); ok {
		value = of.Flag.Value
	}
	if g, ok := value.(flag.Getter); ok {
		switch g.Get().(type) {
		case bool:
			return "true or false"
		case int, int64:
			return "a whole number"
		case uint, uint64:
			return "a whole number of at least 0"
		case float64:
			return "a number"
		case time.Duration:
			return "a time like 90s or 1h30m"
		}
	}
	return ""
}

// suggest says what is wrong with a flag: of one that there is not, which is the nearest that there is.
func (a *App) suggest(err error) error {
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return a.wrong(err)
	}
	names := []string{"help", "version"} // and what the help explains: nobody who mistypes means Beam's other flags
	for _, g := range slices.Concat(a.groups, []*Group{a.cluster}) {
		if g == nil {
			continue
		}
		for _, f := range g.flags {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	if file := a.written(); name == "output" && file != "" {
		return fmt.Errorf("there is no flag --output: the file to write is --%s", file)
	}
	if name == "input" && a.runHere != nil && !slices.Contains(names, name) {
		return fmt.Errorf("there is no flag --input: name the files without a flag: %s FILE", a.name)
	}
	for _, own := range synonyms[strings.ReplaceAll(strings.ToLower(name), "-", "_")] {
		if slices.Contains(names, own) {
			return fmt.Errorf("there is no flag --%s: here it is --%s", name, own)
		}
	}
	if hint := others[name]; hint.says != "" && slices.Contains(names, hint.of) {
		return fmt.Errorf("there is no flag --%s: %s", name, hint.says)
	}
	if best := nearest(name, names); best != "" {
		return fmt.Errorf("there is no flag --%s: is it --%s?", name, best)
	}
	return fmt.Errorf("there is no flag --%s", name)
}

// synonyms are names that other programs have for flags of ours, in small letters, each with those that it may mean:
// the first that the command has. They are scikit-learn's, of tables those of pandas, and those of Vowpal Wabbit, Spark
// and faiss.
var synonyms = map[string][]string{
	"alphas": {"alpha"}, "class_weights": {"class_weight"}, "cv": {"folds"}, "decision_function": {"decision"},
	"eps": {"radius"}, "intercept": {"fit_intercept"}, "l1_ratios": {"l1_ratio"}, "labels": {"target"},
	"k": {"n_clusters"}, "model": {"transform"},
	"lambda": {"alpha"}, "learning_rate_init": {"eta0"}, "max_features": {"hash_bits"},
	"max_iter": {"epochs"}, "n_components": {"components", "n_clusters"}, "n_epochs": {"epochs"},
	"n_features": {"hash_bits"}, "n_folds": {"folds"}, "n_iter": {"epochs", "max_iter", "iterated_power"},
	"n_jobs": {"threads"}, "n_knots": {"splines"}, "n_neighbors": {"k"}, "n_neighbours": {"k"}, "n_splits": {"folds"},
	"ngram_range": {"ngrams"}, "normalize": {"standardize"}, "predict_proba": {"proba"}, "priors": {"class_prior"},
	"random_state": {"seed"}, "regularization": {"penalty"}, "sample_weight": {"weight_column"}, "scaler": {"standardize"},
	"x": {"input"}, "x_test": {"queries", "input"}, "x_train": {"input"}, "y": {"target"}, "y_train": {"target"},

	"chunksize": {"chunk_rows"}, "comments": {"comment"}, "id": {"id_column"}, "ids": {"id_column"},
	"index_col": {"id_column"}, "on_bad_lines": {"on_error"}, "parse_dates": {"date"}, "sep": {"delimiter"},
	"separator": {"delimiter"}, "skiprows": {"skip_rows"},
	"usecols": {"columns"},

	"bit_precision": {"hash_bits"}, "data": {"input"}, "final_regressor": {"output_model"},
	"initial_regressor": {"warm_start"}, "l1": {"penalty"}, "l2": {"penalty"}, "loss_function": {"loss"},
	"ngram": {"ngrams"}, "passes": {"epochs", "max_iter"}, "predictions": {"output"}, "probabilities": {"proba"},
	"quadratic": {"interactions"},

	"elasticnetparam": {"l1_ratio"}, "featurescol": {"columns"}, "fitintercept": {"fit_intercept"}, "initmode": {"init"},
	"inputcols": {"columns"}, "item": {"column"}, "itemcol": {"column"}, "item_col": {"column"}, "labelcol": {"target"},
	"maxiter": {"epochs", "max_iter"}, "mindf": {"min_frequency"}, "min_df": {"min_frequency"},
	"numfeatures": {"hash_bits"}, "numfolds": {"folds"}, "numitems": {"top"}, "rating": {"value"}, "ratingcol": {"value"},
	"rating_col": {"value"}, "regparam": {"alpha"}, "smoothing": {"alpha"}, "standardization": {"standardize"}, "stepsize": {"eta0"},
	"timestamp": {"time"}, "top_k": {"top", "k"}, "top_n": {"top", "k"}, "topk": {"top", "k"}, "user": {"row"},
	"usercol": {"row"}, "user_col": {"row"}, "weightcol": {"weight_column"},

	"efsearch": {"recall"}, "metric_type": {"metric"}, "niter": {"max_iter"}, "nlist": {"recall"}, "nprobe": {"recall"},
	"nredo": {"n_init"}, "xb": {"input"}, "xq": {"queries"},

	"distance": {"metric"}, "from": {"warm_start", "transform", "index"}, "label": {"target"}, "lr": {"eta0"},
	"num_threads": {"threads"}, "nthread": {"threads"}, "query": {"queries"}, "save_model": {"output_model"},
	"test": {"queries", "input"}, "test_size": {"holdout", "validation_fraction"}, "threshold": {"radius"},
	"train": {"input"}, "weight": {"weight_column", "weights"},
}

// others are names whose meaning is not that of a flag, each with what to do instead, and the flag that must be there.
var others = map[string]struct{ of, says string }{
	"C": {"alpha", "scikit-learn's C is 1/(alpha·rows): give --alpha"},
}

// written is the flag of the first file that the command writes, or nothing.
func (a *App) written() string {
	for _, p := range a.paths {
		if p.kind == writes {
			return p.flag.Name
		}
	}
	return ""
}

// nearest is the first of the names that differ least from a word that is none of them; empty where none is near.
func nearest(word string, names []string) string {
	best, least := "", min(len(word)/2, 3)+1
	for _, name := range names {
		if d := distance(word, name); d < least {
			best, least = name, d
		}
	}
	return best
}

// distance is the least number of bytes to insert, to leave out or to change that makes a of b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
