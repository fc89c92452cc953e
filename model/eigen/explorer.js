const presets = [
  { name: "Stretch", a: [2, 0.5, 0.5, 1], x: [-1, 2], text: "A symmetric matrix, as a covariance is: its eigenvectors are at right angles, and the unit circle becomes an ellipse whose axes they are." },
  { name: "Shear", a: [1, 1, 0, 1], x: [-2, 1], text: "Both eigenvalues are 1, and there is one direction only that keeps its own: the axis along which the plane is pushed." },
  { name: "Rotation", a: [Math.cos(Math.PI / 6), -0.5, 0.5, Math.cos(Math.PI / 6)], x: [2, 0], text: "Every direction turns by 30°, none keeps its own: the eigenvalues are complex." },
  { name: "Projection", a: [0.8, 0.4, 0.4, 0.2], x: [-1, 3], text: "All points fall onto a line. What lies on it stays (eigenvalue 1), what is at right angles to it is lost (eigenvalue 0)." },
  { name: "Markov chain", a: [0.9, 0.5, 0.1, 0.5], x: [0, 1], text: "Of what is in the first state, 0.9 stay and 0.1 go; of the second, 0.5 go to the first. The columns add up to 1, so an eigenvalue is 1, and its eigenvector is the steady state: 5/6 and 1/6." },
  { name: "Fibonacci", a: [1, 1, 1, 0], x: [1, 0], text: "Each step makes (f, g) into (f + g, f): 1, 1, 2, 3, 5, 8, … The growth of a step tends to the eigenvalue 1.618…, the golden ratio." },
];
const size = 480, svg = root.querySelector(".plane"), entries = [...root.querySelectorAll(".entry")];
const S = (name, attributes, parent, text) => Report.svg(name, attributes, parent, text);
const f = (v) => Report.format(v, 4);
let A, x, steps, text, range = 4;

// apply is A times a point.
const apply = (p) => [A[0] * p[0] + A[1] * p[1], A[2] * p[0] + A[3] * p[1]];

// eigen is the eigenvalues, real or complex, and the real directions: null where every one is.
function eigen() {
  const [a, b, c, d] = A, half = (a + d) / 2, gap = (a - d) * (a - d) / 4 + b * c;
  const tiny = 1e-9 * Math.max(1, a * a, b * b, c * c, d * d);
  if (gap < -tiny) return { complex: true, re: half, im: Math.sqrt(-gap) };
  const root = gap <= tiny ? 0 : Math.sqrt(gap);
  let values = root ? [half + root, half - root] : [half];
  values.sort((u, v) => Math.abs(v) - Math.abs(u) || v - u);
  if (!root && Math.abs(b) + Math.abs(c) + Math.abs(a - d) < 1e-9) return { values, vectors: null };
  const vectors = values.map((l) => {
    const u = [b, l - a], v = [l - d, c];
    const w = Math.hypot(...u) >= Math.hypot(...v) ? u : v, n = Math.hypot(...w);
    const sign = (Math.abs(w[0]) >= Math.abs(w[1]) - 1e-12 ? w[0] : w[1]) < 0 ? -1 : 1;
    return [sign * w[0] / n + 0, sign * w[1] / n + 0];
  });
  return { values, vectors };
}

const px = (v) => size / 2 + v / range * size / 2, py = (v) => size / 2 - v / range * size / 2;
const path = (points) => points.map((p, i) => (i ? "L" : "M") + px(p[0]).toFixed(1) + "," + py(p[1]).toFixed(1)).join("");
function arrow(parent, from, to, color, width, extra = {}) {
  const dx = px(to[0]) - px(from[0]), dy = py(to[1]) - py(from[1]), n = Math.hypot(dx, dy);
  S("path", Object.assign({ d: path([from, to]), stroke: color, "stroke-width": width, fill: "none", "stroke-linecap": "round" }, extra), parent);
  if (n < 6) return;
  const h = 5 + width, ux = dx / n, uy = dy / n, ex = px(to[0]), ey = py(to[1]);
  S("path", { d: `M${ex},${ey}L${ex - h * ux - h * 0.55 * uy},${ey - h * uy + h * 0.55 * ux}L${ex - h * ux + h * 0.55 * uy},${ey - h * uy - h * 0.55 * ux}Z`, fill: color }, parent);
}

// What can be dragged: the elements stay, so that they keep the focus.
const still = S("g", { "aria-hidden": "true" }, svg);
const handles = [
  { name: "first column of A", color: "var(--c1)", label: "a₁", get: () => [A[0], A[2]], set: (p) => { A[0] = p[0]; A[2] = p[1]; text = ""; } },
  { name: "second column of A", color: "var(--c4)", label: "a₂", get: () => [A[1], A[3]], set: (p) => { A[1] = p[0]; A[3] = p[1]; text = ""; } },
  { name: "point x", color: "var(--c3)", label: "x", get: () => x, set: (p) => { x = p; steps = 0; } },
];
for (const h of handles) {
  h.element = S("g", { class: "handle", tabindex: "0", role: "slider", "aria-label": h.name, "aria-valuemin": "-100", "aria-valuemax": "100", "aria-orientation": "horizontal" }, svg);
  S("circle", { r: 22, fill: "transparent" }, h.element);
  S("circle", { class: "ring", r: 9, fill: h.color, stroke: "var(--card)", "stroke-width": 2 }, h.element);
  h.text = S("text", { class: "halo", "pointer-events": "none", "text-anchor": "middle", "font-weight": "600", "aria-hidden": "true" }, h.element, h.label);
  const move = (e) => {
    const box = svg.getBoundingClientRect(), grain = range / 80;
    const at = [((e.clientX - box.left) / box.width * 2 - 1) * range, (1 - (e.clientY - box.top) / box.height * 2) * range];
    h.set(at.map((v) => round(Math.max(-range, Math.min(range, Math.round(v / grain) * grain)))));
    draw();
  };
  h.element.addEventListener("pointerdown", (e) => {
    h.element.setPointerCapture(e.pointerId);
    h.element.focus({ preventScroll: true });
    h.dragged = true;
    e.preventDefault();
  });
  h.element.addEventListener("pointermove", (e) => { if (h.dragged) move(e); });
  for (const end of ["pointerup", "pointercancel"]) h.element.addEventListener(end, () => { h.dragged = false; });
  h.element.addEventListener("keydown", (e) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[e.key];
    if (!way) return;
    const step = e.shiftKey ? 1 : 0.1, p = h.get();
    h.set([round(p[0] + way[0] * step), round(p[1] + way[1] * step)]);
    draw();
    e.preventDefault();
  });
}
const round = (v) => Math.round(v * 1000) / 1000 + 0;

function points() {
  const list = [x];
  for (let i = 0; i < steps; i++) list.push(apply(list[i]));
  return list;
}

function draw() {
  const e = eigen(), trail = points();
  const far = Math.max(3.2, ...[[A[0], A[2]], [A[1], A[3]], ...trail].map((p) => Math.max(Math.abs(p[0]), Math.abs(p[1]))));
  if (!handles.some((h) => h.dragged)) { for (range = 4; range < far * 1.1 && range < 1e9;) range *= 2; }
  still.replaceChildren();
  const unit = range / 4, lines = [];
  for (let i = -4; i <= 4; i++) {
    S("path", { class: "grid", d: path([[i * unit, -range], [i * unit, range]]) + path([[-range, i * unit], [range, i * unit]]) }, still);
    lines.push(i * unit);
  }
  for (const v of lines) {
    const far = 4 * unit;
    S("path", { d: path([apply([v, -far]), apply([v, far])]) + path([apply([-far, v]), apply([far, v])]), stroke: "var(--c0)", "stroke-opacity": 0.28, fill: "none" }, still);
  }
  S("path", { class: "axis", d: path([[-range, 0], [range, 0]]) + path([[0, -range], [0, range]]) }, still);
  for (const i of [-3, -2, -1, 1, 2, 3]) {
    S("text", { class: "soft", x: px(i * unit), y: py(0) + 15, "text-anchor": "middle" }, still, f(i * unit));
    S("text", { class: "soft", x: px(0) - 5, y: py(i * unit) + 4, "text-anchor": "end" }, still, f(i * unit));
  }
  const circle = [];
  for (let i = 0; i <= 72; i++) circle.push([Math.cos(i * Math.PI / 36), Math.sin(i * Math.PI / 36)]);
  S("path", { d: path(circle), stroke: "var(--soft)", "stroke-dasharray": "2 3", fill: "none" }, still);
  S("path", { d: path(circle.map(apply)), stroke: "var(--c0)", "stroke-width": 2, fill: "var(--c0)", "fill-opacity": 0.1 }, still);
  if (!e.complex && e.vectors) {
    e.vectors.forEach((v, i) => {
      const far = 2 * range, l = e.values[i];
      S("path", { d: path([[-far * v[0], -far * v[1]], [far * v[0], far * v[1]]]), stroke: "var(--c2)", "stroke-dasharray": "6 5", "stroke-width": 1.5, fill: "none" }, still);
      arrow(still, [0, 0], [l * v[0], l * v[1]], "var(--c2)", 3);
      // At the end of the line, where nothing else is.
      const n = 0.88 * range / Math.max(Math.abs(v[0]), Math.abs(v[1])), side = i ? -1 : 1;
      const inside = (v) => Math.max(52, Math.min(size - 52, v));
      const t = S("text", { x: inside(px(side * n * v[0])), y: inside(py(side * n * v[1])) - 8, "text-anchor": "middle", "font-weight": "600", class: "halo" }, still, `λ${e.values.length > 1 ? "₁₂"[i] : ""} = ${f(l)}`);
      t.style.fill = "var(--c2)";
    });
  }
  arrow(still, [0, 0], [A[0], A[2]], "var(--c1)", 4);
  arrow(still, [0, 0], [A[1], A[3]], "var(--c4)", 4);
  for (let i = 1; i < trail.length; i++) {
    arrow(still, trail[i - 1], trail[i], "var(--c3)", 1.5, { "stroke-opacity": 0.7 });
    S("circle", { cx: px(trail[i][0]), cy: py(trail[i][1]), r: 4, fill: "var(--c3)" }, still);
  }
  for (const h of handles) {
    const p = h.get();
    h.element.setAttribute("transform", `translate(${px(p[0]).toFixed(1)},${py(p[1]).toFixed(1)})`);
    // Outwards from the origin, where no arrow is.
    const l = Math.hypot(...p), out = l ? [p[0] / l, p[1] / l] : [0, 1];
    h.text.setAttribute("visibility", l / range * size / 2 < 14 ? "hidden" : "visible"); // they would lie on each other
    h.text.setAttribute("x", 20 * out[0]);
    h.text.setAttribute("y", 5 - 20 * out[1]);
    h.element.setAttribute("aria-valuenow", round(p[0]));
    h.element.setAttribute("aria-valuetext", `(${f(round(p[0]))}, ${f(round(p[1]))})`);
  }
  entries.forEach((input, i) => { if (document.activeElement !== input) input.value = round(A[i]); });
  tell(e, trail);
}

function effect(l) {
  const a = Math.abs(l);
  let s = a < 1e-9 ? "collapses to nothing" : Math.abs(a - 1) < 1e-9 ? "keeps its length" : `becomes ${f(a)} times as long`;
  return l < -1e-9 ? s + ", and points the other way" : s;
}

function tell(e, trail) {
  const out = root.querySelector(".eigen");
  out.replaceChildren();
  if (e.complex) {
    const r = Math.hypot(e.re, e.im), turn = Math.atan2(e.im, e.re) * 180 / Math.PI;
    Report.html("div", { class: "value" }, out, `λ = ${f(e.re)} ± ${f(e.im)} i`);
    Report.html("div", {}, out, `No direction keeps its own: each step turns by ${f(A[2] < 0 ? -turn : turn)}°${Math.abs(r - 1) < 1e-9 ? "." : `, and stretches by ${f(r)} on the way round.`}`);
  } else if (!e.vectors) {
    Report.html("div", { class: "value" }, out, `λ = ${f(e.values[0])}`);
    Report.html("div", {}, out, `Every direction keeps its own, and ${effect(e.values[0])}.`);
  } else {
    e.vectors.forEach((v, i) => {
      Report.html("div", { class: "value" }, out, `λ${e.values.length > 1 ? "₁₂"[i] : ""} = ${f(e.values[i])}`);
      Report.html("div", {}, out, `along (${f(v[0])}, ${f(v[1])}): ${effect(e.values[i])}.`);
    });
    if (e.values.length === 1) Report.html("div", {}, out, "Both eigenvalues are the same, and there is only this one direction.");
  }
  root.querySelector(".meaning").textContent = text;
  const det = A[0] * A[3] - A[1] * A[2];
  root.querySelector(".size").textContent = `The determinant, ${f(det)}, is the product of the eigenvalues: ${Math.abs(det) < 1e-9 ? "areas vanish" : `areas grow ${f(Math.abs(det))}-fold`}${det < -1e-9 ? ", and are mirrored" : ""}. The trace, ${f(A[0] + A[3])}, is their sum.`;
  const last = trail[trail.length - 1], before = trail[trail.length - 2];
  let s = `x = (${f(x[0])}, ${f(x[1])}).`;
  if (before) {
    s += ` After ${steps} step${steps > 1 ? "s" : ""}: (${f(last[0])}, ${f(last[1])})`;
    const n = Math.hypot(...last), m = Math.hypot(...before);
    if (m > 1e-12) s += `, ${f(n / m)} times as long as the step before`;
    if (!e.complex && e.vectors && n > 1e-12 && (e.values.length < 2 || Math.abs(e.values[0]) > Math.abs(e.values[1]) + 1e-9)) {
      const cos = Math.abs(last[0] * e.vectors[0][0] + last[1] * e.vectors[0][1]) / n;
      s += `, and ${f(Math.acos(Math.min(1, cos)) * 180 / Math.PI < 0.005 ? 0 : Math.acos(Math.min(1, cos)) * 180 / Math.PI)}° off the eigenvector of the largest eigenvalue`;
    }
    s += ".";
  } else {
    s += " Whatever x is, it falls in with the eigenvector of the largest eigenvalue.";
    if (e.complex) s = `x = (${f(x[0])}, ${f(x[1])}). It goes round the origin.`;
  }
  root.querySelector(".trail").textContent = s;
}

const buttons = presets.map((p) => {
  const b = Report.html("button", { type: "button" }, root.querySelector(".presets"), p.name);
  b.addEventListener("click", () => { A = [...p.a]; x = [...p.x]; steps = 0; text = p.text; draw(); });
  return b;
});
entries.forEach((input, i) => input.addEventListener("input", () => {
  const v = parseFloat(input.value);
  if (Number.isFinite(v) && Math.abs(v) <= 100) { A[i] = v; text = ""; draw(); }
}));
const advance = (n) => { steps = Math.min(60, steps + n); draw(); };
root.querySelector(".once").addEventListener("click", () => advance(1));
root.querySelector(".ten").addEventListener("click", () => advance(10));
root.querySelector(".again").addEventListener("click", () => { steps = 0; draw(); });
buttons[0].click();
