package leastsquares

import "errors"

// Covariance is the means of the features, and the centred sums of their products, features × features, row-major:
// divided by the number of rows minus one, they are the covariance. It fails without two rows, or where the sums have
// overflowed.
func (g *Gram) Covariance() (mean, products []float64, err error) {
	if err := g.filled(); err != nil {
		return nil, nil, err
	}
	if g.rows < 2 {
		return nil, nil, errors.New("one row has no variance: there must be two at least")
	}
	return g.means()[:g.features], g.products.Full(g.features, g.features+1), nil
}
