"use strict";
const Report = {
  // start runs a widget's function once the page is there.
  start(id, run) {
    run(document.getElementById(id), JSON.parse(document.getElementById(id + "-data").textContent));
  },
  // svg makes an SVG element.
  svg(name, attributes, parent, text) {
    const e = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const k in attributes) e.setAttribute(k, attributes[k]);
    if (text !== undefined) e.textContent = text;
    if (parent) parent.append(e);
    return e;
  },
  // html makes an HTML element; text is text.
  html(name, attributes, parent, text) {
    const e = document.createElement(name);
    for (const k in attributes) e.setAttribute(k, attributes[k]);
    if (text !== undefined) e.textContent = text;
    if (parent) parent.append(e);
    return e;
  },
  // format is a number for people: four digits.
  format(v, digits = 4) {
    if (v === 0 || Math.abs(v) < 1e-12) return "0";
    const a = Math.abs(v);
    if (a >= 1e6 || a < 1e-4) return String(v.toExponential(digits - 1)).replace(/\.?0+e/, "e").replace(/^-/, "−");
    return String(parseFloat(v.toPrecision(digits))).replace("-", "−");
  },
  // ticks are round numbers from lo to hi, about n of them.
  ticks(lo, hi, n) {
    const raw = (hi - lo) / n;
    if (!(raw > 0)) return [lo];
    const power = Math.pow(10, Math.floor(Math.log10(raw)));
    const step = power * (raw / power > 5 ? 10 : raw / power > 2 ? 5 : raw / power > 1 ? 2 : 1);
    const list = [];
    for (let i = Math.ceil(lo / step); i * step <= hi + step * 1e-9; i++) list.push(i * step);
    return list;
  },
  // fit ends a table that scrolls at the end of a row, and says below it that there is more.
  fit(box) {
    box.style.maxHeight = "";
    const room = box.clientHeight, down = box.scrollHeight > room + 1, across = box.scrollWidth > box.clientWidth + 1;
    const rows = [...box.querySelectorAll("tbody tr")], bottom = (row) => row.offsetTop + row.offsetHeight;
    const last = rows.filter((row) => bottom(row) <= room).pop();
    if (down && last) box.style.maxHeight = bottom(last) + (box.offsetHeight - room) + "px";
    box.classList.toggle("more", down || across);
    let note = box.nextElementSibling;
    if (!note || !note.classList.contains("scrolls")) {
      note = Report.html("p", { class: "note scrolls" });
      box.after(note);
    }
    const all = [];
    if (down) all.push(`${rows.length} rows`);
    if (across) all.push(`${rows.length ? rows[0].children.length : 0} columns`);
    note.textContent = all.length ? `Scroll to see all ${all.join(" and ")}.` : "";
    note.hidden = all.length === 0;
  },
  // fitAll does so for all tables, and again when they get another size or are unfolded.
  fitAll() {
    const boxes = [...document.querySelectorAll(".scroll")], width = new Map();
    const watch = new ResizeObserver((entries) => {
      for (const { target } of entries) {
        if (target.clientWidth === 0 || width.get(target) === target.clientWidth) continue;
        width.set(target, target.clientWidth);
        Report.fit(target);
      }
    });
    for (const box of boxes) watch.observe(box);
  },
  // css is the value of a variable of the style sheet.
  css(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); },
  // color is the i-th colour of the palette, of ten.
  color(i) { return "var(--c" + (i % 10) + ")"; },
  // onTheme runs a function when dark or light is chosen.
  onTheme(run) { matchMedia("(prefers-color-scheme: dark)").addEventListener("change", run); },
  // marks are shapes, so that groups differ by more than their colour: of the size r about 0.
  marks: [
    (r) => `M${r},0A${r},${r} 0 1 1 ${-r},0A${r},${r} 0 1 1 ${r},0Z`,
    (r) => `M${-r},${-r}H${r}V${r}H${-r}Z`,
    (r) => `M0,${-1.3 * r}L${1.2 * r},${r}H${-1.2 * r}Z`,
    (r) => `M0,${-1.4 * r}L${1.4 * r},0L0,${1.4 * r}L${-1.4 * r},0Z`,
    (r) => `M0,${1.3 * r}L${1.2 * r},${-r}H${-1.2 * r}Z`,
  ],
  mark(i, r) { return Report.marks[i % 5](r); },
  // axes draws the frame of a plot into an SVG: box {left, top, right, bottom}, and of x and y {lo, hi, label}.
  axes(parent, box, x, y) {
    const g = Report.svg("g", { "aria-hidden": "true" }, parent);
    const px = (v) => box.left + (v - x.lo) / (x.hi - x.lo) * (box.right - box.left);
    const py = (v) => box.bottom - (v - y.lo) / (y.hi - y.lo) * (box.bottom - box.top);
    for (const t of Report.ticks(x.lo, x.hi, 6)) {
      Report.svg("line", { class: "grid", x1: px(t), x2: px(t), y1: box.top, y2: box.bottom }, g);
      Report.svg("text", { class: "soft", x: px(t), y: box.bottom + 16, "text-anchor": "middle" }, g, Report.format(t));
    }
    const room = parent.viewBox.baseVal.width; // what would be cut at the right edge stands further to the left
    for (const text of g.querySelectorAll("text")) {
      const b = text.getBBox(), over = b.x + b.width + 1 - room;
      if (room > 0 && over > 0) text.setAttribute("x", text.getAttribute("x") - over);
    }
    for (const t of Report.ticks(y.lo, y.hi, 6)) {
      Report.svg("line", { class: "grid", x1: box.left, x2: box.right, y1: py(t), y2: py(t) }, g);
      Report.svg("text", { class: "soft", x: box.left - 6, y: py(t) + 4, "text-anchor": "end" }, g, Report.format(t));
    }
    Report.svg("rect", { class: "axis", x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top }, g);
    Report.svg("text", { x: (box.left + box.right) / 2, y: box.bottom + 34, "text-anchor": "middle" }, g, x.label);
    Report.svg("text", { x: 12, y: (box.top + box.bottom) / 2, "text-anchor": "middle", transform: `rotate(-90 12 ${(box.top + box.bottom) / 2})` }, g, y.label);
    return { px, py };
  },
};
document.addEventListener("DOMContentLoaded", Report.fitAll);
