package linear

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"beamlearn/model/fault"
)

// IncrementalPCA finds principal components chunk by chunk: scikit-learn's IncrementalPCA (Ross, Lim, Lin and Yang, IJCV 77,
// 2008). What the components that are dropped after a chunk held is lost: the result depends on the chunks, and is exact
// where all components are kept.
type IncrementalPCA struct {
	NComponents int

	Components        [][]float64 // NComponents × features, each with its entry of greatest size positive
	SingularValues    []float64
	ExplainedVariance []float64
	Mean              []float64
	NSamplesSeen      int64
}

// NewIncrementalPCA finds so many components.
func NewIncrementalPCA(components int) *IncrementalPCA {
	return &IncrementalPCA{NComponents: components}
}

// PartialFit learns from the rows of a dense chunk, of which the first must have at least NComponents.
// O(n·features·min(n,features)) for n rows and components.
func (p *IncrementalPCA) PartialFit(c *Chunk) error {
	if c.Sparse != nil {
		return errors.New("linear.IncrementalPCA: rows must be dense")
	}
	d, n := c.Features, c.Len()
	if p.NSamplesSeen > 0 {
		d = len(p.Mean)
	}
	if d < 1 || p.NComponents < 1 || p.NComponents > d {
		return fmt.Errorf("n_components %d: must be from 1 to the number of features, %d", p.NComponents, d)
	}
	if err := c.checkRows(d); err != nil {
		return err
	}
	if n == 0 {
		return nil
	}
	if p.NSamplesSeen == 0 && p.NComponents > n {
		return c.fault(fault.WholeFile, fmt.Sprintf("a first chunk of at least n_components = %d rows", p.NComponents), "%d", n)
	}
	mean := make([]float64, d)
	rows := newRows(c, nil, nil)
	for i := range n {
		add(1, rows.at(i).val, mean)
	}
	scale(1/float64(n), mean)

	var data []float64
	seen := float64(p.NSamplesSeen)
	total := seen + float64(n)
	for i, component := range p.Components {
		for _, v := range component {
			data = append(data, p.SingularValues[i]*v)
		}
	}
	for i := range n {
		for j, v := range rows.at(i).val {
			data = append(data, v-mean[j])
		}
	}
	if p.NSamplesSeen > 0 {
		shift := math.Sqrt(seen / total * float64(n))
		for j, m := range p.Mean {
			data = append(data, shift*(m-mean[j]))
			mean[j] = (m*seen + mean[j]*float64(n)) / total
		}
	}
	for _, v := range data {
		if v-v != 0 {
			return c.fault(fault.WholeFile, "finite values", "%v", v)
		}
	}
	var svd mat.SVD
	if !svd.Factorize(mat.NewDense(len(data)/d, d, data), mat.SVDThin) {
		return errors.New("linear.IncrementalPCA: the singular value decomposition does not converge")
	}
	var v mat.Dense
	svd.VTo(&v)
	p.Mean, p.NSamplesSeen = mean, p.NSamplesSeen+int64(n)
	p.SingularValues = svd.Values(nil)[:p.NComponents]
	p.Components = make([][]float64, p.NComponents)
	p.ExplainedVariance = make([]float64, p.NComponents)
	for i := range p.Components {
		component := mat.Col(nil, i, &v)
		greatest := 0.0
		for _, x := range component {
			if math.Abs(x) > math.Abs(greatest) {
				greatest = x
			}
		}
		if greatest < 0 {
			scale(-1, component)
		}
		p.Components[i] = component
		p.ExplainedVariance[i] = p.SingularValues[i] * p.SingularValues[i] / (total - 1)
	}
	return nil
}

// Transform appends to dst the components of the rows, rows × NComponents.
func (p *IncrementalPCA) Transform(c *Chunk, dst []float64) ([]float64, error) {
	if p.NSamplesSeen == 0 {
		return dst, errors.New("no rows have been learned from")
	}
	if c.Sparse != nil {
		return dst, errors.New("linear.IncrementalPCA: rows must be dense")
	}
	if err := c.checkRows(len(p.Mean)); err != nil {
		return dst, err
	}
	rows, centred := newRows(c, nil, nil), make([]float64, len(p.Mean))
	for i := range c.Len() {
		for j, v := range rows.at(i).val {
			centred[j] = v - p.Mean[j]
		}
		for _, w := range p.Components {
			dst = append(dst, dot(centred, w))
		}
	}
	return dst, nil
}
