// Package features brings tables to numbers, as scikit-learn's ColumnTransformer with OneHotEncoder, SimpleImputer,
// StandardScaler, HashingVectorizer, FeatureHasher and SplineTransformer does.
//
// A [Survey] looks at all rows once and merges in any order; [Survey.Encoding] decides from it what becomes of each
// column; an [Encoder] of the [Encoding] appends encoded rows to a [vectors.Block]. The outcome depends on the set of
// rows only, not on their order, nor on how they were grouped.
package features

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// Impute says what stands for a missing number.
type Impute string

const (
	// ImputeMean is the mean of the column.
	ImputeMean Impute = "mean"
	// ImputeMedian is the median of the column: exact up to 8,192 distinct values, and within 0.2 % above.
	ImputeMedian Impute = "median"
	// ImputeConstant is Options.Fill.
	ImputeConstant Impute = "constant"
	// ImputeNone makes a missing number a fault of its row.
	ImputeNone Impute = "none"
)

// Imputes are all of them.
var Imputes = []Impute{ImputeMean, ImputeMedian, ImputeConstant, ImputeNone}

// Analyzer says what is counted in a text.
type Analyzer string

const (
	// Word counts runs of words: those of two or more letters, digits and underscores.
	Word Analyzer = "word"
	// CharWB counts runs of characters within words, which begin and end with a space.
	CharWB Analyzer = "char_wb"
	// Char counts runs of characters.
	Char Analyzer = "char"
)

// Analyzers are all of them.
var Analyzers = []Analyzer{Word, CharWB, Char}

// Options say what becomes of the columns of a table. The zero Options decide by what is in the columns.
type Options struct {
	// Numeric, Categorical, Text and Date name columns that are of this kind whatever is in them: by names, indices from
	// 0, ranges of indices (3-7), or globs of names. A column may be of one kind only. Default: what the rules of
	// Survey.Encoding say.
	Numeric     []string `json:"numeric,omitempty"`
	Categorical []string `json:"categorical,omitempty"`
	Text        []string `json:"text,omitempty"`
	Date        []string `json:"date,omitempty"`
	// MaxCategories is the number of distinct values above which a column is hashed instead of one-hot encoded. Default:
	// 1000.
	MaxCategories int `json:"max_categories,omitempty"`
	// MinFrequency is the number of rows that a category needs for a feature of its own; the others have one together,
	// and so have unknown ones then. Default: 1, each has its own.
	MinFrequency int `json:"min_frequency,omitempty"`
	// HashBits is the binary logarithm of the number of features that a hashed or text column becomes, up to 24. 0 is as
	// many as keep most values, or words, apart: 16 for each distinct value, 2 for each word or run of characters in all
	// texts, and at most 2^18. Default: 0.
	HashBits int `json:"hash_bits,omitempty"`
	// Impute says what stands for missing numbers. Default: mean.
	Impute Impute `json:"impute,omitempty"`
	// Fill is the number for ImputeConstant. Default: 0.
	Fill float64 `json:"fill,omitempty"`
	// NGrams are the least and the largest number of words or characters that are counted together. Default: 1 and 1.
	NGrams [2]int `json:"ngrams,omitzero"`
	// Analyzer says what is counted in a text. Default: word.
	Analyzer Analyzer `json:"analyzer,omitempty"`
	// TFIDF weights what is counted in a text by how rare it is, which takes a second pass. Default: false.
	TFIDF bool `json:"tfidf,omitempty"`
	// DateFormat is how dates are written, as strftime has it (%d.%m.%Y %H:%M), for columns named in Date, or, where
	// none is named, for all text. Columns that are written otherwise have a format of their own, COLUMN:FORMAT behind a
	// comma, which says that they are dates, too: %d.%m.%Y,arrival:%Y/%m/%d. Default: ISO 8601 alone.
	DateFormat string `json:"date_format,omitempty"`
	// Interactions are products of columns, or of parts of dates, as origin*dest or origin*time_hour_month. Default: none.
	Interactions []string `json:"interactions,omitempty"`
	// Splines are numeric columns, or parts of dates, that become curves, with the number of knots, as hour:8 or
	// time_hour_month:4. Default: none.
	Splines []string `json:"splines,omitempty"`
	// Counts makes of what is hashed, and of texts, counts that are not negative, for who takes nothing else: without
	// signs, and, but for TFIDF, not over the length of a text; HashingVectorizer's alternate_sign=False and norm=None.
	// Default: false.
	Counts bool `json:"counts,omitempty"`
	// Standardize brings numbers and dates to mean 0 and standard deviation 1. Default: false.
	Standardize bool `json:"standardize,omitempty"`
}

// IsZero reports whether nothing is set.
func (o *Options) IsZero() bool { return reflect.ValueOf(o).Elem().IsZero() }

// EnsureDefaults sets what is not set.
func (o *Options) EnsureDefaults() {
	if o.MaxCategories == 0 {
		o.MaxCategories = 1000
	}
	if o.MinFrequency == 0 {
		o.MinFrequency = 1
	}
	if o.Impute == "" {
		o.Impute = ImputeMean
	}
	if o.NGrams == [2]int{} {
		o.NGrams = [2]int{1, 1}
	}
	if o.Analyzer == "" {
		o.Analyzer = Word
	}
}

const (
	mostCategories = 1 << 20
	mostHashBits   = 24
	mostNGram      = 20
)

// Validate lists all faults of options that have their defaults.
func (o *Options) Validate() error {
	var faults []error
	bad := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if o.MaxCategories < 1 || o.MaxCategories > mostCategories {
		bad("max_categories %d: must be from 1 to %d", o.MaxCategories, mostCategories)
	}
	if o.MinFrequency < 1 {
		bad("min_frequency %d: must be at least 1", o.MinFrequency)
	}
	if o.HashBits < 0 || o.HashBits > mostHashBits {
		bad("hash_bits %d: must be from 1 to %d, or 0 for as many as fit", o.HashBits, mostHashBits)
	}
	if !slices.Contains(Imputes, o.Impute) {
		bad("impute %q: must be mean, median, constant or none", o.Impute)
	}
	if o.Fill-o.Fill != 0 {
		bad("fill %v: must be a finite number", o.Fill)
	}
	if o.Fill != 0 && o.Impute != ImputeConstant {
		bad("fill %v: needs impute constant, not %s", o.Fill, o.Impute)
	}
	if n := o.NGrams; n[0] < 1 || n[1] < n[0] || n[1] > mostNGram {
		bad("ngrams %d-%d: must be two numbers from 1 to %d, the second not below the first", n[0], n[1], mostNGram)
	}
	if !slices.Contains(Analyzers, o.Analyzer) {
		bad("analyzer %q: must be word, char_wb or char", o.Analyzer)
	}
	if _, err := parseDateFormats(o.DateFormat); err != nil {
		bad("date_format %q: %w", o.DateFormat, err)
	}
	for _, s := range o.Interactions {
		if _, err := parseInteraction(s); err != nil {
			bad("interactions %q: %w", s, err)
		}
	}
	for _, s := range o.Splines {
		if _, _, err := parseSpline(s); err != nil {
			bad("splines %q: %w", s, err)
		}
	}
	return errors.Join(faults...)
}
