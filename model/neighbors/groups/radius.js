const plot = root.querySelector("svg"), choice = root.querySelector("input"), told = root.querySelector("#radius-told");
const steps = data.levels.length - 1, most = Math.max(1, ...data.pairs), end = data.radius > 0 ? data.radius : 1;
const box = { left: 62, top: 12, right: 428, bottom: 244 };
const at = Report.axes(plot, box, { lo: 0, hi: end, label: data.metric + " distance of two rows" }, { lo: 0, hi: most, label: "pairs" });
const bars = data.pairs.map((n, i) => {
  const x = at.px(end * i / steps), y = at.py(n);
  const bar = Report.svg("rect", { x, y, width: Math.max(at.px(end * (i + 1) / steps) - x - 0.5, 0.5), height: box.bottom - y, fill: "var(--c0)" }, plot);
  Report.svg("title", {}, bar, `${n} pairs, ${Report.format(end * i / steps)} to ${Report.format(end * (i + 1) / steps)}`);
  return bar;
});
const line = Report.svg("line", { y1: box.top, y2: box.bottom, stroke: "currentColor", "stroke-width": 2, "stroke-dasharray": "5 3" }, plot);
function show() {
  const i = Number(choice.value), l = data.levels[i], x = at.px(end * i / steps);
  line.setAttribute("x1", x);
  line.setAttribute("x2", x);
  bars.forEach((bar, j) => bar.setAttribute("opacity", j < i || data.radius === 0 ? 1 : 0.3));
  const value = data.radius > 0 ? Report.format(l.radius) : "0";
  choice.setAttribute("aria-valuetext", value);
  const share = data.rows > 0 ? Report.format(100 * (data.rows - l.groups) / data.rows, 3) : "0";
  told.textContent = `Within ${value}: ${l.groups} rows stay, ${data.rows - l.groups} (${share} %) do not; the largest group has ${l.largest} ${l.largest === 1 ? "row" : "rows"}.`;
}
choice.addEventListener("input", show);
show();
