// Score makes a prediction of features, with the same bits as model/linear: sums in the same order, and the same exponential.

// coefficientsOf unpacks the coefficients that are not 0: for each such feature a value for each decision.
function coefficientsOf(model) {
  const bytes = Uint8Array.from(atob(model.coef), (c) => c.charCodeAt(0)), view = new DataView(bytes.buffer);
  const decisions = model.intercept.length, places = new Map();
  let feature = 0, at = 0;
  for (const gap of varints(model.features)) {
    places.set(feature += gap, at);
    at += decisions;
  }
  return (feature, k) => {
    const at = places.get(feature);
    return at === undefined ? 0 : view.getFloat64(8 * (at + k), true);
  };
}

// dotDense is a product of rows as long as the model, in eight sums.
function dotDense(x, w) {
  const l = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let j = 0; j < x.length; j++) l[j % 8] += x[j] * w(j);
  return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]));
}

// dotSparse is a product over some features, in four sums; what is left beyond fours is in the first.
function dotSparse(entries, w) {
  const l = [0, 0, 0, 0], whole = entries.length & ~3;
  entries.forEach(([feature, v], j) => { l[j < whole ? j % 4 : 0] += v * w(feature); });
  return (l[0] + l[2]) + (l[1] + l[3]);
}

// exp is eˣ as FreeBSD's msun has it; that of a browser may differ in the last bit.
function exp(x) {
  if (x < -7.45133219101941108420e+02) return 0;
  if (x > 7.09782712893383973096e+02) return Infinity;
  const k = Math.trunc(Math.LOG2E * x + (x < 0 ? -0.5 : 0.5));
  const hi = x - k * 6.93147180369123816490e-01, lo = k * 1.90821492927058770002e-10;
  const r = hi - lo, t = r * r;
  const c = r - t * (1.66666666666666657415e-01 + t * (-2.77777777770155933842e-03 + t * (6.61375632143793436117e-05 +
    t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08))));
  const y = 1 - ((lo - (r * c) / (2 - c)) - hi);
  return k < -1021 ? y * 2 ** -1000 * 2 ** (k + 1000) : y * 2 ** k;
}

// softmax is exp(d) of each decision value, divided by the sum of all.
function softmax(d) {
  const most = d.indexOf(Math.max(...d)), e = d.map((v, k) => k === most ? 1 : exp(v - d[most]));
  let others = 0;
  e.forEach((v, k) => { if (k !== most) others += v; });
  return e.map((v) => v / (1 + others));
}

// probabilitiesOf are those of the classes, or null where the loss has none.
function probabilitiesOf(model, d) {
  const sigmoid = { log_loss: (v) => 1 / (1 + exp(-v)), modified_huber: (v) => (Math.min(Math.max(v, -1), 1) + 1) / 2 }[model.loss];
  if (!sigmoid || model.task !== "classification") return null;
  if (model.multi_class === "multinomial") return softmax(d);
  if (d.length === 1) return [1 - sigmoid(d[0]), sigmoid(d[0])];
  let p = d.map(sigmoid), sum = 0;
  for (const v of p) sum += v;
  if (sum < Number.MIN_VALUE / Number.EPSILON) { // denormal: proportions are lost
    const largest = Math.max(...d);
    p = d.map((v) => model.loss === "log_loss" ? exp(v - largest) : 1);
    sum = 0;
    for (const v of p) sum += v;
  }
  return p.map((v) => v / sum);
}

// chosenOf is the place of the class that is predicted, or 1 and −1 of a one-class model.
function chosenOf(model, d) {
  if (model.task === "one_class") return d[0] >= 0 ? 1 : -1;
  return d.length === 1 ? Number(d[0] > 0) : d.indexOf(Math.max(...d));
}

// exposureOf is what multiplies the prediction: the exposure among the features that are not 0, or its exponential.
function exposureOf(model, entries) {
  if (!model.exposure) return 1;
  const found = entries.find(([feature]) => feature === model.exposure.feature), v = found ? found[1] : 0;
  return model.exposure.log ? exp(v) : v;
}

// predictedOf is the prediction of a regression.
function predictedOf(model, result) {
  const d = result.decisions[0];
  return model.log ? exp(d) * result.exposure : d;
}

// middleOf is what the numbers of a column add to decision value k where they stand for a missing one, or at the mean: what the column
// adds is counted from there, so that a year does not count two thousand times.
function middleOf(column, coef, k) {
  if (!["numeric", "date", "list"].includes(column.kind)) return 0;
  let feature = column.first, sum = 0;
  for (const p of column.parts) {
    if (!p.knots) sum += ((p.fill ?? p.mean) - p.mean) / p.scale * coef(feature, k);
    feature += p.knots ? p.knots + 2 : 1;
  }
  return sum;
}

// score judges the texts of a form: its faults; or the decision values, the probabilities or null, where each decision value starts from,
// and what each column and each interaction adds to it.
function score(model, texts) {
  const { features, faults } = encode(model, texts);
  if (faults.size) return { faults };
  const coef = model.unpacked ||= coefficientsOf(model);
  const spans = [...model.columns, ...(model.products || [])];
  const entries = features.flatMap((list, c) => list.map(([feature, v]) => [spans[c].first + feature, v]));
  const x = new Float64Array(model.sparse ? 0 : model.dim);
  if (!model.sparse) for (const [feature, v] of entries) x[feature] = v;
  const d = model.intercept.map((b, k) => {
    const w = (feature) => coef(feature, k);
    return (model.sparse ? dotSparse(entries, w) : dotDense(x, w)) + b;
  });
  const added = (list, c, k) => list.reduce((sum, [feature, v]) => sum + v * coef(spans[c].first + feature, k), 0);
  const middles = model.middles ||= d.map((_, k) => model.columns.map((column) => middleOf(column, coef, k)));
  const adds = d.map((_, k) => features.map((list, c) => added(list, c, k) - (middles[k][c] || 0)));
  const starts = model.intercept.map((b, k) => middles[k].reduce((sum, v) => sum + v, b));
  return { faults, decisions: d, probabilities: probabilitiesOf(model, d), starts, adds, exposure: exposureOf(model, entries) };
}
