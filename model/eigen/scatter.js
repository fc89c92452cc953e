const n = data.ids.length, plot = root.querySelector(".plot"), canvas = plot.querySelector("canvas");
const under = plot.querySelector(".under"), over = plot.querySelector(".over"), out = root.querySelector(".point");
const note = root.querySelector(".note"), f = Report.format;
const [sx, sy] = [".x", ".y"].map((c) => root.querySelector(c));
data.names.forEach((name, i) => {
  for (const s of [sx, sy]) Report.html("option", { value: i }, s, `${name} (${f(100 * data.ratio[i], 3)} % of the variance)`);
});
sx.value = 0;
sy.value = Math.min(1, data.names.length - 1);
const hint = out.textContent;
let only = -1, chosen = -1, view = null;

// Groups of the same colour, which are ten apart, have other shapes.
const shapeOf = (g) => (g + Math.floor(g / 10)) % 5;
const groupColor = (g) => data.other === g ? Report.css("--soft") : Report.css("--c" + g % 10);
// ramp is the colour of a number between the least (0) and the greatest (1).
function ramp(t) {
  const mix = (a, b, t) => `color-mix(in srgb, ${a} ${100 - 100 * t}%, ${b})`;
  const [lo, mid, hi] = ["--minus", "--soft", "--plus"].map(Report.css);
  return t < 0.5 ? mix(lo, mid, 2 * t) : mix(mid, hi, 2 * t - 1);
}

// shape is the mean and the covariance of some points in the two components.
function shape(xs, ys, keep) {
  let m = 0, mx = 0, my = 0, a = 0, b = 0, d = 0;
  for (let i = 0; i < n; i++) if (keep(i)) { m++; mx += xs[i]; my += ys[i]; }
  mx /= m; my /= m;
  for (let i = 0; i < n; i++) if (keep(i)) { const u = xs[i] - mx, v = ys[i] - my; a += u * u; b += u * v; d += v * v; }
  return { m, mx, my, a: a / (m - 1), b: b / (m - 1), d: d / (m - 1) };
}

function draw() {
  const width = plot.clientWidth, height = plot.clientHeight, i = +sx.value, j = +sy.value;
  if (width < 120) return; // not laid out yet
  // Points so far away that all others would be one spot stand at the edge of these.
  const within = (c) => { const [lo, hi] = data.shown[c]; return data.points[c].map((v) => Math.min(Math.max(v, lo), hi)); };
  const xs = within(i), ys = within(j);
  const beyond = (c, k) => data.points[c][k] < data.shown[c][0] || data.points[c][k] > data.shown[c][1];
  let far = 0;
  for (let k = 0; k < n; k++) if (beyond(i, k) || beyond(j, k)) far++;
  for (const s of [under, over]) { s.setAttribute("viewBox", `0 0 ${width} ${height}`); s.replaceChildren(); }
  const box = { left: 58, top: 8, right: width - 8, bottom: height - 44 };
  // The ellipses are in the picture, too, but where far points alone make them large.
  const span = (v, c) => {
    let lo = Infinity, hi = -Infinity, cut = false;
    for (let k = 0; k < n; k++) { lo = Math.min(lo, v[k]); hi = Math.max(hi, v[k]); cut ||= beyond(c, k); }
    if (!n || !cut) { lo = Math.min(lo, -2 * data.sd[c]); hi = Math.max(hi, 2 * data.sd[c]); }
    const pad = (hi - lo) * 0.04 || 1;
    return { lo: lo - pad, hi: hi + pad };
  };
  const x = span(xs, i), y = span(ys, j);
  // The same unit both ways, as long as that leaves something to see.
  const ux = (x.hi - x.lo) / (box.right - box.left), uy = (y.hi - y.lo) / (box.bottom - box.top), equal = Math.max(ux / uy, uy / ux) < 3;
  if (equal) {
    const u = Math.max(ux, uy), widen = (s, pixels) => { const mid = (s.lo + s.hi) / 2; s.lo = mid - u * pixels / 2; s.hi = mid + u * pixels / 2; };
    widen(x, box.right - box.left);
    widen(y, box.bottom - box.top);
  }
  x.label = data.names[i] + data.unit;
  y.label = data.names[j] + data.unit;
  const { px, py } = Report.axes(under, box, x, y);
  view = { xs, ys, px, py, i, j, equal };

  const ratio = window.devicePixelRatio || 1, g = canvas.getContext("2d");
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  g.scale(ratio, ratio);
  const r = n > 1500 ? 2.4 : 3.2;
  const paths = Report.marks.map((m) => new Path2D(m(r)));
  const one = (k, color, alpha) => {
    g.globalAlpha = alpha;
    g.fillStyle = color;
    g.translate(px(xs[k]), py(ys[k]));
    g.fill(paths[data.groups ? shapeOf(data.group[k]) : 0]);
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
  };
  const colors = data.groups ? data.groups.map((_, k) => groupColor(k)) : [];
  const plain = Report.css("--c0"), faint = Report.css("--soft"), steps = [...Array(33)].map((_, k) => data.range ? ramp(k / 32) : plain);
  const color = (k) => data.groups ? colors[data.group[k]] : !data.range ? plain : data.value[k] === null ? faint : steps[Math.round(32 * data.value[k])];
  if (only >= 0) for (let k = 0; k < n; k++) if (data.group[k] !== only) one(k, faint, 0.15);
  for (let k = 0; k < n; k++) if (only < 0 || data.group[k] === only) one(k, color(k), 0.75);

  // The covariance of all rows is diagonal here: that is what components are for.
  const whole = { mx: 0, my: 0, a: data.sd[i] ** 2, b: 0, d: data.sd[j] ** 2 };
  if (i === j) whole.b = whole.a;
  ellipse(whole, "var(--ink)");
  if (only >= 0) {
    const s = shape(xs, ys, (k) => data.group[k] === only);
    if (s.m > 2) ellipse(s, data.other === only ? "var(--soft)" : Report.color(only));
  }
  mark();
  let said = data.total > n ? `A random sample of ${n.toLocaleString("en")} of ${data.total.toLocaleString("en")} rows. ` : "";
  said += "The ellipses are one and two standard deviations of all rows, and the arrows the eigenvectors of their covariance, each as long as the square root of its eigenvalue: " +
    `√λ = ${f(data.sd[i])} along ${data.names[i]}${i === j ? "" : `, ${f(data.sd[j])} along ${data.names[j]}`}.`;
  if (only >= 0) said += " The coloured ones are those of the group.";
  if (far) said += ` Points far from all others, ${far} of them, stand at the edge, on the side on which they are; the ellipses, of all rows, may be larger than the picture.`;
  if (!equal) said += " The axes have different scales.";
  note.textContent = said;
}

// ellipse draws a covariance at one and two standard deviations, and its eigenvectors.
function ellipse(s, color) {
  const { px, py } = view, half = (s.a + s.d) / 2, gap = Math.hypot((s.a - s.d) / 2, s.b), angle = Math.atan2(2 * s.b, s.a - s.d) / 2;
  const r = [Math.sqrt(half + gap), Math.sqrt(Math.max(0, half - gap))], u = [Math.cos(angle), Math.sin(angle)];
  for (const k of [1, 2]) {
    let d = "";
    for (let t = 0; t <= 72; t++) {
      const p = k * r[0] * Math.cos(t * Math.PI / 36), q = k * r[1] * Math.sin(t * Math.PI / 36);
      d += (t ? "L" : "M") + px(s.mx + p * u[0] - q * u[1]).toFixed(1) + "," + py(s.my + p * u[1] + q * u[0]).toFixed(1);
    }
    Report.svg("path", { d, fill: "none", stroke: color, "stroke-width": k === 1 ? 2 : 1.2, "stroke-dasharray": k === 1 ? "" : "5 4" }, over);
  }
  // The eigenvector that lies nearer to x is that of x.
  [[u[0], u[1]], [-u[1], u[0]]].forEach((v, k) => {
    if (v[Math.abs(v[0]) >= Math.abs(v[1]) ? 0 : 1] < 0) v = [-v[0], -v[1]];
    const x0 = px(s.mx), y0 = py(s.my), x1 = px(s.mx + r[k] * v[0]), y1 = py(s.my + r[k] * v[1]), l = Math.hypot(x1 - x0, y1 - y0);
    if (l < 3) return;
    const a = (x1 - x0) / l, b = (y1 - y0) / l;
    Report.svg("path", { d: `M${x0},${y0}L${x1},${y1}M${x1 - 9 * a - 5 * b},${y1 - 9 * b + 5 * a}L${x1},${y1}L${x1 - 9 * a + 5 * b},${y1 - 9 * b - 5 * a}`, fill: "none", stroke: color, "stroke-width": 3, "stroke-linecap": "round" }, over);
  });
}

// mark names the chosen point.
function mark() {
  over.querySelector(".chosen")?.remove();
  const picture = root.querySelector(".picture");
  picture.hidden = !data.image || chosen < 0;
  if (chosen < 0) { out.textContent = hint; return; }
  const { xs, ys, px, py, i, j } = view, g = Report.svg("g", { class: "chosen" }, over), x = px(xs[chosen]), y = py(ys[chosen]);
  Report.svg("circle", { cx: x, cy: y, r: 8, fill: "none", stroke: "var(--accent)", "stroke-width": 3 }, g);
  const id = data.ids[chosen].length > 24 ? data.ids[chosen].slice(0, 23) + "…" : data.ids[chosen], right = x > plot.clientWidth * 0.6;
  Report.svg("text", { class: "halo", x: x + (right ? -12 : 12), y: y < 24 ? y + 20 : y - 8, "text-anchor": right ? "end" : "start", "font-weight": "600" }, g, id);
  const label = data.groups && data.labels ? data.labels[chosen] : data.labels ? data.labels[chosen] : "";
  out.textContent = `id ${data.ids[chosen]}${label ? `, ${data.color} ${label}` : ""}: ${data.names[i]} ${f(data.points[i][chosen])}` + (i === j ? "" : `, ${data.names[j]} ${f(data.points[j][chosen])}`);
  if (data.image) Eigen.picture(picture, Eigen.at(data.points.map((p) => p[chosen])));
}

function nearest(x, y, within) {
  let best = -1, least = within * within;
  if (!view) return best;
  for (let k = 0; k < n; k++) {
    if (only >= 0 && data.group[k] !== only) continue;
    const dx = view.px(view.xs[k]) - x, dy = view.py(view.ys[k]) - y, d = dx * dx + dy * dy;
    if (d < least) { least = d; best = k; }
  }
  return best;
}
const choose = (k) => { if (k !== chosen && view) { chosen = k; mark(); } };
for (const event of ["pointermove", "pointerdown"]) plot.addEventListener(event, (e) => {
  const box = plot.getBoundingClientRect(), k = nearest(e.clientX - box.left, e.clientY - box.top, event === "pointerdown" ? 30 : 14);
  if (k >= 0) choose(k);
});
plot.addEventListener("keydown", (e) => {
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
  if (!way || !view) return;
  e.preventDefault();
  if (chosen < 0 || only >= 0 && data.group[chosen] !== only) return choose(nearest(view.px(0), view.py(0), 1e9));
  const x = view.px(view.xs[chosen]), y = view.py(view.ys[chosen]);
  let best = -1, least = Infinity;
  for (let k = 0; k < n; k++) {
    if (k === chosen || only >= 0 && data.group[k] !== only) continue;
    const dx = view.px(view.xs[k]) - x, dy = view.py(view.ys[k]) - y, along = dx * way[0] + dy * way[1], beside = Math.abs(dx * way[1]) + Math.abs(dy * way[0]);
    if (along > 0.5 && beside <= along && along + 2 * beside < least) { least = along + 2 * beside; best = k; }
  }
  if (best >= 0) choose(best);
});
root.querySelector(".find").addEventListener("input", (e) => {
  const k = data.ids.indexOf(e.target.value.trim());
  if (k >= 0) { only = -1; legend(); chosen = k; draw(); }
});

const groups = root.querySelector(".groups");
function legend() {
  for (const [k, b] of [...groups.querySelectorAll("button")].entries()) b.setAttribute("aria-pressed", String(k === only));
}
if (data.groups) {
  data.groups.forEach((g, k) => {
    const b = Report.html("button", { type: "button", "aria-pressed": "false" }, Report.html("li", {}, groups));
    const s = Report.svg("svg", { viewBox: "-7 -7 14 14", "aria-hidden": "true" }, b);
    Report.svg("path", { d: Report.mark(shapeOf(k), 5), fill: data.other === k ? "var(--soft)" : Report.color(k) }, s);
    Report.html("span", {}, b, g);
    b.addEventListener("click", () => { only = only === k ? -1 : k; if (only >= 0 && chosen >= 0 && data.group[chosen] !== only) chosen = -1; legend(); draw(); });
  });
} else if (data.range) {
  const li = Report.html("li", { class: "key" }, groups);
  Report.html("span", {}, li, `${data.color}: ${f(data.range[0])}`);
  const bar = Report.html("span", { class: "ramp", "aria-hidden": "true" }, li);
  bar.style.background = "linear-gradient(to right, var(--minus), var(--soft), var(--plus))";
  Report.html("span", {}, li, f(data.range[1]));
} else {
  groups.remove();
}
for (const s of [sx, sy]) s.addEventListener("change", draw);
new ResizeObserver(draw).observe(plot.parentElement);
Report.onTheme(draw);
