const which = root.querySelector(".which"), slide = root.querySelector(".slide"), f = Report.format;
const loadings = root.querySelector(".loadings"), slid = root.querySelector(".slid");
data.names.forEach((name, i) => Report.html("option", { value: i }, which, `${name} (${f(100 * data.ratio[i], 3)} % of the variance)`));
let bars = [];
const shown = 15;
let weights, row;
if (!data.image) root.querySelector(".slid-note").textContent = "How far each of these features moves from its mean, up to three of its standard deviations, and its value there.";
if (data.image) {
  weights = Report.html("canvas", { class: "big", role: "img" }, loadings);
  row = Report.html("canvas", { class: "big", role: "img" }, slid);
  root.querySelector(".loadings-note").textContent = "Orange pixels grow along the component, blue ones shrink; the stronger the colour, the larger the loading.";
  root.querySelector(".slid-note").textContent = "The picture at this place along the component: the mean, and so many standard deviations of it.";
}

// barsOf draws values by name, of which the largest size is limit.
function barsOf(parent, names, values, texts, limit, label) {
  parent.replaceChildren();
  const width = 440, left = 170, line = 22, height = names.length * line + 30, mid = left + (width - left - 60) / 2, half = (width - left - 70) / 2;
  const s = Report.svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, parent);
  Report.svg("path", { class: "axis", d: `M${mid},0V${names.length * line}` }, s);
  names.forEach((name, k) => {
    const y = k * line, w = Math.min(1, Math.abs(values[k]) / limit) * half, plus = values[k] >= 0;
    const label = Report.svg("text", { x: left - 8, y: y + 15, "text-anchor": "end" }, s, name), letters = [...name];
    for (let n = Math.min(letters.length - 1, 40); n > 2 && label.getComputedTextLength() > left - 10; n--) { // no room: the middle goes
      const head = Math.floor((n - 1) / 2);
      label.textContent = letters.slice(0, head).join("") + "…" + letters.slice(head + 1 - n).join("");
    }
    Report.svg("rect", { x: plus ? mid : mid - w, y: y + 4, width: w, height: line - 8, fill: plus ? "var(--plus)" : "var(--minus)" }, s);
    Report.svg("text", { class: "soft", x: width - 2, y: y + 15, "text-anchor": "end" }, s, texts[k]);
  });
  Report.svg("text", { class: "soft", x: mid, y: names.length * line + 18, "text-anchor": "middle" }, s, label);
}

function choose() {
  const v = data.components[+which.value];
  if (data.image) {
    Eigen.signed(weights, v);
    weights.setAttribute("aria-label", `The loadings of ${data.names[+which.value]} as a picture; the numbers are in the table below.`);
  } else {
    bars = v.map((_, j) => j).sort((a, b) => Math.abs(v[b]) - Math.abs(v[a])).slice(0, shown);
    barsOf(loadings, bars.map((j) => data.features[j]), bars.map((j) => v[j]), bars.map((j) => f(v[j], 3)), Math.abs(v[bars[0]]) || 1, "loading");
    root.querySelector(".loadings-note").textContent = v.length > shown ? `The ${shown} largest of ${data.columns.toLocaleString("en")} features.` : "";
  }
  move();
}

function move() {
  const i = +which.value, t = +slide.value, step = t * data.sd[i];
  root.querySelector(".where").textContent = f(t, 2);
  slide.setAttribute("aria-valuetext", `${f(t, 2)} standard deviations`);
  if (data.image) {
    Eigen.picture(row, Eigen.at(data.names.map((_, k) => k === i ? step : 0)));
    row.setAttribute("aria-label", `The picture ${f(t, 2)} standard deviations along ${data.names[i]}`);
    return;
  }
  const v = data.components[i], scale = (j) => data.scale ? data.scale[j] : 1;
  const change = bars.map((j) => step * v[j] * scale(j) / (data.spread[j] || 1));
  const value = (j) => { // a mean of 0 has a rest of its rounding
    const at = data.mean[j] + step * v[j] * scale(j);
    return Math.abs(at) < 1e-9 * data.spread[j] ? 0 : at;
  };
  barsOf(slid, bars.map((j) => data.features[j]), change, bars.map((j) => f(value(j), 4)), 3, "change, standard deviations of the feature");
}
which.addEventListener("change", choose);
slide.addEventListener("input", move);
Report.onTheme(choose);
choose();
