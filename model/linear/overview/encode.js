// Encode brings what stands in a form to features, as model/features does for the rows of a table.

const MISSING = ["", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL",
  "NaN", "None", "n/a", "nan", "null", "?"];
const TRUTH = { True: 1, TRUE: 1, true: 1, False: 0, FALSE: 0, false: 0 };
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

// Refused is what a column does not take.
class Refused extends Error {}

// trim cuts off the spaces and tabs around a text, as around numbers and dates of a .csv file.
function trim(text) { return text.replace(/^[ \t]+|[ \t]+$/g, ""); }

// numberOf is the number of a text, null where the text stands for a missing one.
function numberOf(text, expected) {
  const t = trim(text);
  if (NUMBER.test(t) && Number.isFinite(Number(t))) return Number(t);
  if (Object.hasOwn(TRUTH, t)) return TRUTH[t];
  if (MISSING.includes(t)) return null;
  throw new Refused(`“${t}”, expected ${expected}`);
}

// nameOf is a number as a category is named by it: in Go's shortest form, and a whole one without a point.
function nameOf(v) {
  if (Number.isInteger(v) && Math.abs(v) < 1e15) return String(v || 0);
  const [digits, exponent] = v.toExponential().split("e"), e = Number(exponent);
  if (e >= -4 && e < 6) return String(v);
  return digits + (e < 0 ? "e-" : "e+") + String(Math.abs(e)).padStart(2, "0");
}

// murmur3 is MurmurHash3_x86_32 with the seed 0, as a signed number.
function murmur3(bytes) {
  const c1 = 0xcc9e2d51, c2 = 0x1b873593, turn = (x, n) => x << n | x >>> 32 - n;
  const mix = (k) => Math.imul(turn(Math.imul(k, c1), 15), c2);
  const whole = bytes.length & ~3;
  let h = 0;
  for (let i = 0; i < whole; i += 4) {
    h ^= mix(bytes[i] | bytes[i + 1] << 8 | bytes[i + 2] << 16 | bytes[i + 3] << 24);
    h = Math.imul(turn(h, 13), 5) + 0xe6546b64 | 0;
  }
  let rest = 0;
  for (let i = bytes.length - 1; i >= whole; i--) rest = rest << 8 | bytes[i];
  if (bytes.length > whole) h ^= mix(rest);
  h ^= bytes.length;
  h = Math.imul(h ^ h >>> 16, 0x85ebca6b);
  h = Math.imul(h ^ h >>> 13, 0xc2b2ae35);
  return (h ^ h >>> 16) | 0;
}

// placeOf is the feature of what is hashed, one of 2^bits, and its sign.
function placeOf(bytes, bits) {
  const h = murmur3(bytes);
  return [Math.abs(h) % 2 ** bits, h < 0 ? -1 : 1];
}

const utf8 = new TextEncoder();

// tokensOf is what is counted in a text: runs of words, of characters, or of characters within words.
function tokensOf(text, options) {
  const [least, most] = options.ngrams, lower = text.toLowerCase().normalize("NFC"), list = [];
  if (options.analyzer === "char") {
    runsOf([...lower.replace(/[\p{White_Space}\x1c-\x1f]{2,}/gu, " ")], least, most, "", list);
  } else if (options.analyzer === "char_wb") {
    for (const word of lower.split(/[\p{White_Space}\x1c-\x1f]+/u)) if (word) runsInWord([..." " + word + " "], least, most, list);
  } else {
    runsOf((lower.match(/[\p{L}\p{N}_]+/gu) || []).filter((w) => [...w].length > 1), least, most, " ", list);
  }
  return list;
}

// runsOf appends all runs of least to most items.
function runsOf(items, least, most, between, list) {
  for (let n = least; n <= Math.min(most, items.length); n++) {
    for (let i = 0; i + n <= items.length; i++) list.push(items.slice(i, i + n).join(between));
  }
}

// runsInWord appends the runs within a word; a word shorter than a run counts once.
function runsInWord(letters, least, most, list) {
  for (let n = least; n <= most; n++) {
    if (n >= letters.length) {
      list.push(letters.join(""));
      return;
    }
    runsOf(letters, n, n, "", list);
  }
}

// varints reads the numbers that base64 holds, seven bits a byte.
function varints(base64) {
  const list = [];
  let value = 0, unit = 1;
  for (const c of atob(base64)) {
    const b = c.charCodeAt(0);
    value += (b & 127) * unit;
    unit *= 128;
    if (b < 128) {
      list.push(value);
      value = 0;
      unit = 1;
    }
  }
  return list;
}

// idfOf is the weight of each feature that was in a text, and of those that were in none.
function idfOf(column) {
  if (!column.documents) return { get: () => 1 };
  const weight = (n) => Math.log((1 + column.documents) / (1 + n)) + 1, pairs = varints(column.frequencies || ""), known = new Map();
  for (let i = 0, at = 0; i < pairs.length; i += 2) known.set(at += pairs[i], weight(pairs[i + 1]));
  return { get: (feature) => known.get(feature) ?? weight(0) };
}

// textFeatures are the counts of a text, times what tf-idf says, over their length.
function textFeatures(column, text, options) {
  const counts = new Map(), idf = column.idf ||= idfOf(column);
  for (const token of tokensOf(text, options)) {
    const [feature, sign] = placeOf(utf8.encode(token), column.bits);
    counts.set(feature, (counts.get(feature) || 0) + sign);
  }
  const list = [...counts].sort((a, b) => a[0] - b[0]).map(([feature, n]) => [feature, n * idf.get(feature)]).filter(([, v]) => v !== 0);
  let squares = 0;
  for (const [, v] of list) squares += v * v;
  const length = Math.sqrt(squares);
  return list.map(([feature, v]) => [feature, v / length]);
}

// knotsOf are those of uniform cubic splines.
function knotsOf(lo, hi, knots) {
  const step = (hi - lo) / (knots - 1), base = Array.from({ length: knots }, (_, i) => lo + i * step);
  base[knots - 1] = hi;
  const before = base[1] - base[0], behind = base[knots - 1] - base[knots - 2];
  return [lo - 3 * before, lo - 2 * before, lo - before, ...base, hi + behind, hi + 2 * behind, hi + 3 * behind];
}

// splineFeatures are the B-splines that are not zero at a number.
function splineFeatures(part, v) {
  const { min = 0, max = 0 } = part, degree = 3, t = part.t ||= knotsOf(min, max, part.knots);
  v = Math.min(Math.max(v, min), max);
  let k = degree;
  while (k < degree + part.knots - 2 && t[k + 1] <= v) k++;
  const basis = [1], left = [], right = [];
  for (let d = 1; d <= degree; d++) {
    left[d] = v - t[k + 1 - d];
    right[d] = t[k + d] - v;
    let saved = 0;
    for (let r = 0; r < d; r++) {
      const q = basis[r] / (right[r + 1] + left[d - r]);
      basis[r] = saved + right[r + 1] * q;
      saved = left[d - r] * q;
    }
    basis[d] = saved;
  }
  return basis.map((b, i) => [k - degree + i, b]);
}

// datePart are the parts of an instant in UTC; Monday is 0.
const datePart = {
  year: (d) => d.getUTCFullYear(), month: (d) => d.getUTCMonth() + 1, dayofweek: (d) => (d.getUTCDay() + 6) % 7,
  hour: (d) => d.getUTCHours(), days: (d) => Math.floor(d.getTime() / 864e5),
};

// dateOf is the instant of a text, 2013-01-31 or 2013-01-31T05:15, in UTC; null of none.
function dateOf(text) {
  if (text === "") return null;
  const date = new Date(text.includes("T") ? text + "Z" : text);
  if (Number.isNaN(date.getTime())) throw new Refused(`“${text}”, expected a date`);
  return date;
}

// numbersOf are the features of a column of numbers, which are null where the cell is missing.
function numbersOf(column, values, options) {
  const missing = values === null, list = [];
  if (missing && options.refuse) throw new Refused(`nothing, expected ${expectedOf(column)}`);
  let first = 0;
  column.parts.forEach((part, i) => {
    const v = missing ? part.fill || 0 : values[i];
    const features = part.knots ? splineFeatures(part, v) : [[0, (v - part.mean) / part.scale]];
    for (const [feature, x] of features) list.push([first + feature, x]);
    first += part.knots ? part.knots + 2 : 1;
  });
  if (missing && column.indicator) list.push([column.width - 1, 1]);
  return list;
}

function expectedOf(column) {
  if (column.kind === "list") return `${column.parts.length} numbers with spaces or commas between`;
  return { boolean: "true or false", date: "a date" }[column.kind] || "a number";
}

// featuresOf gives the features of each kind of column: pairs of a place within the column, ascending, and a value.
const featuresOf = {
  numeric(column, text, options) {
    const v = numberOf(text, "a number");
    return numbersOf(column, v === null ? null : [v], options);
  },
  boolean(column, text, options) {
    const v = numberOf(text, "true or false");
    if (v !== null && v !== 0 && v !== 1) throw new Refused(`“${text}”, expected true or false`);
    return numbersOf(column, v === null ? null : [v], options);
  },
  date(column, text, options) {
    const date = dateOf(text);
    return numbersOf(column, date && column.parts.map((p) => datePart[p.name](date)), options);
  },
  list(column, text, options) {
    const cells = text.trim() === "" ? null : text.trim().split(/[\s,;]+/).map((cell) => numberOf(cell, "a number"));
    const whole = !cells || cells.length === column.parts.length && !cells.includes(null);
    if (!whole) throw new Refused(`“${text}”, expected ${expectedOf(column)}`);
    return numbersOf(column, cells, options);
  },
  categorical(column, text) {
    if (text === "" && column.missing) return [[(column.categories || []).length, 1]];
    const at = text === "" ? -1 : (column.categories || []).indexOf(text);
    if (at >= 0) return [[at, 1]];
    return column.rare ? [[column.width - 1, 1]] : [];
  },
  hashed(column, text) {
    let value = text;
    if (column.values !== "text") {
      try {
        const v = numberOf(text, "");
        value = v === null ? "" : nameOf(v);
      } catch (e) {
        if (!(e instanceof Refused)) throw e; // what is no number is hashed as it stands
      }
    }
    return [placeOf(utf8.encode(column.name + "=" + value), column.bits)];
  },
  text: textFeatures,
};

// productsOf are the features of an interaction: products of those of its columns, given as all columns' features.
function productsOf(product, features) {
  let now = [[0n, 1]];
  for (const [column, lo, width] of product.factors) {
    const factors = features[column].filter(([feature]) => feature >= lo && feature < lo + width);
    now = now.flatMap(([place, a]) => factors.map(([feature, b]) => [place * BigInt(width) + BigInt(feature - lo), a * b]));
  }
  if (!product.hashed) return now.map(([place, v]) => [Number(place), v]);
  const sums = new Map();
  for (const [place, v] of now) {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, place, true);
    const [feature, sign] = placeOf(bytes, product.bits);
    sums.set(feature, (sums.get(feature) || 0) + sign * v);
  }
  return [...sums].sort((a, b) => a[0] - b[0]);
}

// VERBATIM are the kinds of columns to whose texts the spaces around them belong.
const VERBATIM = ["categorical", "hashed", "text"];

// cellOf is a text as its column has it: one of spaces alone is missing.
function cellOf(column, text) {
  const cell = trim(text);
  return cell !== "" && VERBATIM.includes(column.kind) ? text : cell;
}

// encode gives the features of all columns, and then of all interactions, from the first of each on. Where a column does not take its
// text, it is in faults, by its place.
function encode(model, texts) {
  const options = model.options, faults = new Map();
  const features = model.columns.map((column, i) => {
    try {
      return featuresOf[column.kind](column, cellOf(column, texts[i]), options).filter(([, v]) => v !== 0);
    } catch (e) {
      if (!(e instanceof Refused)) throw e;
      faults.set(i, e.message);
      return [];
    }
  });
  const products = (model.products || []).map((p) => productsOf(p, features).filter(([, v]) => v !== 0));
  return { features: [...features, ...products], faults };
}
