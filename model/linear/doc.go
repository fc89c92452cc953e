// Package linear is what linear models have in common: the [Options] by scikit-learn's names, rows in a [Chunk], the
// [Classes], the [StandardScaler], metrics, the results of a cross-validation ([CVResult]), and the [Model], which
// predicts and is saved as JSON. Nothing here learns.
//
// What learns is a [Learner]: it makes passes over all rows, cuts each into parts, and ends it with the merged sum of
// the parts' [Partial]s, which a [Sum] merges in a tree that is the same on every runner. Learners are rooms of their
// own, which import this package and, upwards only, each other:
//
//	linear                  options, rows, classes, scaler, metrics, model file; Learner, Partial, Sum
//	linear/internal/loss    a loss as a function: value, slope, curvature
//	linear/internal/steps   the options as a step of SGD needs them
//	linear/internal/panel   blocks of rows in column panels, triangles of products;  dense: Cholesky;  lanes: vector kernels
//	linear/internal/wire    states and partials as bytes;  jsontext: numbers in JSON, bit by bit
//	linear/survey           a first pass: classes, moments, drift, and the steps of SGD that fit them
//	linear/leastsquares     squared_error, by sums of products: Gram, FoldGram, paths of alphas
//	linear/newton           losses that have slopes everywhere: Newton, with l1 proximal Newton, and L-BFGS
//	linear/screening        l1 of more columns than second derivatives are summed up of: working sets, also on folds
//	linear/dual             l2 of fewer rows than columns: products of rows, and the table of few columns that they are
//	linear/interior         losses with corners: an interior-point method, with a measured gap, also on folds
//	linear/sgd              every loss and penalty: SGD, Averaged, Progressive
//	linear/grid             many hyperparameters side by side by SGD, cross-validated
//	linear/inference        standard errors and tests of an exact model's coefficients
//	linear/fitting          a fit from start to end, which chooses among them: Fit and its stages
//	linear/targets          several targets side by side over one read: their fits, and their models as one file
//	linear/overview         the page of a model
//
// # To add
//
// A loss: its name in [Losses], its functions in internal/loss (value and slope; curve as well where it has slopes
// everywhere, which opens newton to it in fitting's hasExact), its lanes in internal/lanes, and its row in survey's
// Auto.
//
// A model of a kind of its own (k-means): a room beside linear, as model/bayes is. A linear model with another link:
// as those of [Deviance], whose loss by the decision value is in internal/loss, and whose scores are in metrics.go and
// grid; or, of several decision values at once, newton/softmax.go. A penalty by proximal steps (l1): in newton.
//
// A stage of a fit: a file stage_NAME.go in fitting with the methods of its interface stage, and a line in its list
// stages.
package linear
