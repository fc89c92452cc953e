const n = data.ids.length, plot = root.querySelector(".plot"), svg = plot.querySelector("svg"), out = root.querySelector("output");
const name = (k) => data.texts && data.texts[k] ? data.ids[k] + ": " + data.texts[k] : data.ids[k];
const near = data.ids.map(() => []);
for (const [a, b] of data.edges) near[a].push(b);
const shape = (k) => data.query[k] ? 0 : 1, color = (k) => data.query[k] ? "var(--c0)" : "var(--c1)";
root.querySelector("path.query").setAttribute("d", Report.mark(0, 5));
root.querySelector("path.query").setAttribute("fill", "var(--c0)");
root.querySelector("path.other").setAttribute("d", Report.mark(1, 4));
root.querySelector("path.other").setAttribute("fill", "var(--c1)");
let chosen = -1, view = null;

function draw() {
  const width = plot.clientWidth, height = plot.clientHeight;
  if (width < 120) return; // not laid out yet
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren();
  const box = { left: 58, top: 8, right: width - 8, bottom: height - 44 };
  const span = (v) => { let lo = Infinity, hi = -Infinity; for (const u of v) { if (u < lo) lo = u; if (u > hi) hi = u; } const pad = (hi - lo) * 0.04 || 1; return { lo: lo - pad, hi: hi + pad }; };
  const x = { ...span(data.x), label: data.xlabel }, y = { ...span(data.y), label: data.ylabel };
  const { px, py } = Report.axes(svg, box, x, y);
  view = { px, py };
  // The line to the first neighbour alone: all of them would hide the points. Those of a chosen point are drawn over it.
  const first = near.flatMap((list, a) => list.length ? [[a, list[0]]] : []);
  const lines = first.map(([a, b]) => `M${px(data.x[a]).toFixed(1)},${py(data.y[a]).toFixed(1)}L${px(data.x[b]).toFixed(1)},${py(data.y[b]).toFixed(1)}`).join("");
  Report.svg("path", { d: lines, fill: "none", stroke: "var(--soft)", "stroke-width": 1, opacity: first.length > 100 ? 0.3 : 0.5 }, svg);
  for (const query of [false, true]) for (let k = 0; k < n; k++) {
    if (data.query[k] === query) Report.svg("path", { d: Report.mark(shape(k), query ? 3.6 : 2.6), transform: `translate(${px(data.x[k]).toFixed(1)},${py(data.y[k]).toFixed(1)})`, fill: color(k), opacity: 0.85 }, svg);
  }
  mark();
}

// mark names the chosen point, and draws the lines to its neighbours over all others.
function mark() {
  svg.querySelector(".chosen")?.remove();
  if (chosen < 0 || !view) return;
  const { px, py } = view, g = Report.svg("g", { class: "chosen" }, svg), x = px(data.x[chosen]), y = py(data.y[chosen]);
  for (const k of near[chosen]) Report.svg("path", { d: `M${x},${y}L${px(data.x[k])},${py(data.y[k])}`, stroke: "var(--accent)", "stroke-width": 2.5 }, g);
  Report.svg("circle", { cx: x, cy: y, r: 8, fill: "none", stroke: "var(--accent)", "stroke-width": 3 }, g);
  const short = name(chosen).length > 32 ? name(chosen).slice(0, 31) + "…" : name(chosen), right = x > plot.clientWidth * 0.6;
  Report.svg("text", { class: "halo", x: x + (right ? -12 : 12), y: y < 24 ? y + 20 : y - 8, "text-anchor": right ? "end" : "start", "font-weight": "600" }, g, short);
  out.textContent = name(chosen) + (data.query[chosen] ? `, a query near ${near[chosen].map(name).join("; ")}` : ", a neighbour");
}

function nearest(x, y, within) {
  let best = -1, least = within * within;
  for (let k = 0; view && k < n; k++) {
    const dx = view.px(data.x[k]) - x, dy = view.py(data.y[k]) - y, d = dx * dx + dy * dy;
    if (d < least) { least = d; best = k; }
  }
  return best;
}
const choose = (k) => { if (k >= 0 && k !== chosen && view) { chosen = k; mark(); } };
const look = () => { if (chosen >= 0 && data.query[chosen]) document.dispatchEvent(new CustomEvent("look", { detail: data.ids[chosen] })); };
plot.addEventListener("pointermove", (e) => {
  const box = plot.getBoundingClientRect();
  choose(nearest(e.clientX - box.left, e.clientY - box.top, 14));
});
plot.addEventListener("pointerdown", (e) => {
  const box = plot.getBoundingClientRect();
  choose(nearest(e.clientX - box.left, e.clientY - box.top, 30));
  look();
});
plot.addEventListener("keydown", (e) => {
  if (e.key === "Enter") return look();
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
  if (!way || !view) return;
  e.preventDefault();
  if (chosen < 0) return choose(0);
  const x = view.px(data.x[chosen]), y = view.py(data.y[chosen]);
  let best = -1, least = Infinity;
  for (let k = 0; k < n; k++) {
    if (k === chosen) continue;
    const dx = view.px(data.x[k]) - x, dy = view.py(data.y[k]) - y, along = dx * way[0] + dy * way[1], beside = Math.abs(dx * way[1]) + Math.abs(dy * way[0]);
    if (along > 0.5 && beside <= along && along + 2 * beside < least) { least = along + 2 * beside; best = k; }
  }
  choose(best);
});
new ResizeObserver(draw).observe(plot);
