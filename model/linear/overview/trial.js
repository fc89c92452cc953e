// The form to try the model: a field for each column, the prediction, and what each column adds to it.
const SHOWN = 20, CLASSES = 30, OTHER = "\u0000another value";
const find = (selector) => root.querySelector(selector);
const texts = data.columns.map((c) => c.start), fields = new Map(), names = [...data.columns, ...(data.products || [])].map((c) => c.name);
// models are those of the targets, or the only one; model is that which is shown in detail.
const models = data.targets ? data.targets.map((target) => ({ ...data, ...target })) : [data];
let model = models[0], example = -1;

// six is a number for people, with the six digits that are those of predict.
function six(v) { return v === 0 ? "0" : String(Number(v.toPrecision(6))).replace(/^-/, "−"); }

// optionsOf are what a column lets one choose, pairs of a text and what is said of it, or null where anything may be entered.
function optionsOf(column) {
  const missing = ["", "(missing)"];
  if (column.kind === "boolean") return [["true", "true"], ["false", "false"], missing];
  if (column.kind !== "categorical") return null;
  return [...(column.categories || []).map((c) => [c, c]), missing, [OTHER, "(another value)"]];
}

// inputOf makes the input for a column.
function inputOf(column, parent, attributes) {
  const options = optionsOf(column);
  if (options) {
    const select = Report.html("select", attributes, parent);
    for (const [value, text] of options) Report.html("option", { value }, select, text);
    return select;
  }
  if (column.kind === "text" || column.kind === "list") return Report.html("textarea", { ...attributes, rows: 2 }, parent);
  if (column.kind === "date") {
    const hours = column.parts.some((p) => p.name === "hour");
    return Report.html("input", { ...attributes, type: hours ? "datetime-local" : "date" }, parent);
  }
  const inputmode = column.kind === "numeric" ? "decimal" : "text";
  return Report.html("input", { ...attributes, type: "text", autocomplete: "off", inputmode }, parent);
}

// addField gives a column a field, if it has none.
function addField(i) {
  if (fields.has(i)) return fields.get(i);
  const column = data.columns[i], id = `trial-${i}`, box = Report.html("div", { class: "field" }, find(".fields"));
  if (column.kind === "text" || column.kind === "list") box.classList.add("wide");
  if (column.kind === "date") box.classList.add("date");
  Report.html("label", { for: id }, box, column.name);
  const input = inputOf(column, box, { id, "aria-describedby": id + "-fault" });
  const fault = Report.html("p", { class: "fault", id: id + "-fault" }, box);
  input.title = input.value = texts[i]; // of a long number a field shows the beginning
  input.addEventListener("input", () => {
    texts[i] = input.validity.badInput ? "an unfinished date" : input.value;
    input.title = input.value;
    whole = false; // another row, of which nothing is known
    update();
  });
  fields.set(i, { input, fault });
  return fields.get(i);
}

// showFaults marks what the columns do not take.
function showFaults(faults) {
  for (const [i, { input, fault }] of fields) {
    fault.textContent = faults.has(i) ? faults.get(i) : "";
    input.setAttribute("aria-invalid", faults.has(i));
  }
}

// bar is a cell with a bar from one share of its width to another.
function bar(row, from, to, color) {
  const line = Report.html("span", {}, Report.html("td", { class: "bar", "aria-hidden": "true" }, row));
  line.style.left = 100 * Math.min(from, to) + "%";
  line.style.width = 100 * Math.abs(to - from) + "%";
  line.style.background = `var(${color})`;
}

// answerOf is the prediction in words.
function answerOf(result) {
  const chosen = chosenOf(model, result.decisions), head = data.targets ? `Prediction of ${model.name}` : "Prediction";
  if (model.task === "regression") return `${head}: ${six(predictedOf(model, result))}`;
  if (model.task === "one_class") return `${head}: ${chosen > 0 ? "1, a row like those that it has learned from" : "−1, an outlier"}`;
  return `${head}: ${model.classes[chosen]}` + (result.probabilities ? `, with probability ${six(result.probabilities[chosen])}` : "");
}

// showTargets is a table of what the models say of all targets, and what is true of them where that is known.
function showTargets(results) {
  const truth = whole && data.examples[example].targets;
  const rows = models.map((m, i) => {
    const row = Report.html("tr"), { decisions, probabilities: p } = results[i], number = m.task === "regression" ? { class: "number" } : {};
    Report.html("th", { scope: "row" }, row, m.name);
    const chosen = m.classes && chosenOf(m, decisions);
    Report.html("td", number, row, m.classes ? m.classes[chosen] : six(predictedOf(m, results[i])));
    if (p) Report.html("td", { class: "number" }, row, six(p[chosen]));
    if (truth) Report.html("td", number, row, truth[i]);
    return row;
  });
  const head = Report.html("tr");
  for (const name of ["target", "prediction", ...(results[0].probabilities ? ["probability"] : []), ...(truth ? ["true"] : [])]) {
    const number = name === "probability" || name !== "target" && models[0].task === "regression";
    Report.html("th", { scope: "col", ...(number && { class: "number" }) }, head, name);
  }
  find(".all thead").replaceChildren(head);
  find(".all tbody").replaceChildren(...rows);
}

// showClasses is a table of the classes, of many those that are most likely.
function showClasses(result) {
  const { decisions: d, probabilities: p } = result, all = model.classes.map((_, k) => k);
  const decision = (k) => d.length > 1 ? d[k] : k ? d[0] : -d[0];
  const shown = all.length > CLASSES ? all.sort((a, b) => decision(b) - decision(a)).slice(0, CLASSES) : all;
  const head = Report.html("tr"), body = shown.map((k) => {
    const row = Report.html("tr");
    Report.html("th", { scope: "row" }, row, model.classes[k]);
    if (p) {
      Report.html("td", { class: "number" }, row, six(p[k]));
      bar(row, 0, p[k], k === chosenOf(model, d) ? "--plus" : "--minus");
    }
    if (d.length > 1) Report.html("td", { class: "number" }, row, six(d[k]));
    return row;
  });
  for (const name of ["class", ...(p ? ["probability", ""] : []), ...(d.length > 1 ? ["decision value"] : [])]) {
    Report.html(name ? "th" : "td", !name ? {} : name === "class" ? { scope: "col" } : { scope: "col", class: "number" }, head, name);
  }
  find(".chances thead").replaceChildren(head);
  find(".chances tbody").replaceChildren(...body);
  find(".chances caption").textContent = all.length > CLASSES ? `The ${CLASSES} of ${all.length} classes that are most likely` : "Classes";
}

// shares are what is added to decision value k: the start, the columns that add most, the others together.
function shares(result, k) {
  const adds = result.adds[k], start = result.starts[k];
  const order = adds.map((_, c) => c).filter((c) => adds[c] !== 0).sort((a, b) => Math.abs(adds[b]) - Math.abs(adds[a]) || a - b);
  const rest = order.splice(SHOWN), name = start === model.intercept[k] ? "intercept" : "intercept, with middling numbers";
  const list = [[name, start], ...order.map((c) => [nameAndText(c), adds[c]])];
  if (rest.length) list.push([`${rest.length} others together`, rest.reduce((sum, c) => sum + adds[c], 0)]);
  return list;
}

function nameAndText(c) {
  if (c >= data.columns.length) return names[c];
  const long = texts[c].length > 10 && texts[c].trim() !== "" && Number.isFinite(Number(texts[c])); // a number, of which six digits tell
  const text = texts[c] === OTHER ? "another value" : texts[c] === "" ? "missing" : long ? six(Number(texts[c])) : texts[c];
  return `${names[c]} = ${text.length > 40 ? text.slice(0, 39) + "…" : text}`;
}

// wholeName is what the adds sum up to.
function wholeName() {
  if (model.task !== "regression") return "the decision value";
  if (!model.log) return "the prediction";
  return model.exposure ? "the logarithm of the rate" : "the logarithm of the prediction";
}

// showAdds is a table of what each column adds to the decision value, which ends with the whole.
function showAdds(result) {
  const d = result.decisions, asked = find("#trial-class").value;
  const k = d.length === 1 ? 0 : asked === "" ? chosenOf(model, d) : Number(asked);
  const list = shares(result, k), values = list.map(([, v]) => v), lo = Math.min(0, ...values), hi = Math.max(0, ...values);
  const place = (v) => hi > lo ? (v - lo) / (hi - lo) : 0;
  const rows = [...list, [wholeName(), d[k]]].map(([name, v], i) => {
    const row = Report.html("tr");
    Report.html("th", { scope: "row" }, row, name);
    Report.html("td", { class: "number" }, row, six(v));
    if (i < list.length) bar(row, place(0), place(v), v < 0 ? "--minus" : "--plus");
    else row.className = "whole", Report.html("td", { class: "bar" }, row);
    return row;
  });
  find(".adds tbody").replaceChildren(...rows);
  const value = wholeName();
  const of = !model.classes ? "" : d.length > 1 ? ` for ${model.classes[k]}` : ` for ${model.classes[1]}; below 0, it is ${model.classes[0]}`;
  find(".adds caption").textContent = `What each column adds to ${value}${of}`;
}

// update shows what the models say of the form as it stands.
function update() {
  const results = models.map((m) => score(m, texts)), result = results[models.indexOf(model)];
  showFaults(result.faults);
  find(".results").hidden = result.faults.size > 0;
  find(".targets").hidden = !data.targets || result.faults.size > 0;
  find(".answer").classList.toggle("none", result.faults.size > 0);
  if (result.faults.size) {
    find(".answer").textContent = "No prediction: " + [...result.faults].map(([i, fault]) => `${names[i]}: found ${fault}`).join("; ");
    return;
  }
  find(".answer").textContent = answerOf(result);
  if (data.targets) showTargets(results);
  if (model.classes) showClasses(result);
  showAdds(result);
  root.querySelectorAll(".scroll").forEach(Report.fit);
  draw();
}

// set puts texts into all fields; of a row of the data all its targets are known.
let whole = false;
function set(all, truth, ofData = false) {
  whole = ofData;
  all.forEach((text, i) => { texts[i] = text; });
  for (const [i, { input }] of fields) input.title = input.value = texts[i];
  find(".truth").textContent = truth;
  update();
}

// next shows another row of the data, or, where there is none, what the fields began with.
function next() {
  const all = data.examples;
  if (!all) return set(data.columns.map((c) => c.start), "");
  example = (example + 1) % all.length;
  const { values, target } = all[example];
  set(values.map(String), data.targets ? "A row of the data." : `A row of the data, whose target is ${target}.`, true);
}

// The greatest value of a pixel.
const ink = Math.max(1, ...(data.examples || []).flatMap((e) => e.values));

// draw draws the row where it is a picture.
function draw() {
  if (!data.image) return;
  const canvas = find(".drawing"), [width, height] = data.image, c = canvas.getContext("2d"), picture = c.createImageData(width, height);
  texts.forEach((text, i) => {
    const shade = 255 * (1 - Math.min(Math.max(Number(text) / ink, 0), 1));
    picture.data.set([shade, shade, shade, 255], 4 * i);
  });
  c.putImageData(picture, 0, 0);
}

// paint puts ink where the pointer is.
function paint(event) {
  if (event.buttons !== 1) return;
  const box = find(".drawing").getBoundingClientRect(), [width, height] = data.image;
  const x = (event.clientX - box.left) / box.width * width, y = (event.clientY - box.top) / box.height * height;
  set(texts.map((text, i) => {
    const far = Math.hypot(i % width + 0.5 - x, Math.floor(i / width) + 0.5 - y);
    return String(Math.max(Number(text), Math.round(ink * Math.min(1, Math.max(0, 1.4 - far)))));
  }), "Your drawing.");
  event.preventDefault();
}

function startDrawing() {
  const canvas = find(".drawing");
  [canvas.width, canvas.height] = data.image;
  canvas.hidden = false;
  find(".values").open = false;
  canvas.addEventListener("pointerdown", paint);
  canvas.addEventListener("pointermove", paint);
}

// startSearch lets one add columns that have no field yet.
function startSearch() {
  const search = find("#trial-column");
  find(".more").hidden = data.shown.length === data.columns.length;
  for (const name of names.slice(0, data.columns.length)) Report.html("option", { value: name }, find("#trial-columns"));
  search.addEventListener("input", () => {
    const i = data.columns.findIndex((c) => c.name === search.value);
    if (i < 0) return;
    addField(i).input.focus();
    search.value = "";
  });
}

// startClasses lets one choose the class of whose decision value the table is.
function startClasses() {
  const many = model.intercept.length > 1, select = find("#trial-class");
  select.replaceChildren();
  find(".of").hidden = !many;
  find(".said").hidden = !model.classes;
  if (!many) return;
  Report.html("option", { value: "" }, select, "the predicted one");
  model.classes.forEach((name, k) => Report.html("option", { value: k }, select, name));
}

// startTargets lets one choose the target that is shown in detail.
function startTargets() {
  if (!data.targets) return;
  const select = find("#trial-target");
  find(".choice").hidden = false;
  models.forEach((m, i) => Report.html("option", { value: i }, select, m.name));
  select.addEventListener("change", () => {
    model = models[select.value];
    startClasses();
    update();
  });
}

data.shown.forEach(addField);
startSearch();
startTargets();
startClasses();
find("#trial-class").addEventListener("change", update);
if (data.image) startDrawing();
find("form").addEventListener("submit", (event) => event.preventDefault());
find(".another").textContent = data.examples ? "Another row of the data" : "Begin again";
find(".another").addEventListener("click", next);
find(".blank").hidden = !data.image;
find(".blank").textContent = "Clear the picture";
find(".blank").addEventListener("click", () => set(texts.map(() => "0"), ""));
next();
