const search = root.querySelector("#browse-search");
const names = root.querySelector("#browse-names");
const title = root.querySelector("#browse-title");
const list = root.querySelector("#browse-list");
const answers = data.answers || [];
const textOf = (place) => data.texts && data.texts[place] || ""; // its fields, with tabs between them
const name = (place) => textOf(place) ? data.ids[place] + ": " + textOf(place).replaceAll("\t", " ") : data.ids[place];
// picture draws the point of an id, from paper to ink, where it is known.
function picture(parent, id) {
  const code = data.pictures && data.pictures[id];
  if (!code) return;
  const [w, h] = data.image, canvas = Report.html("canvas", { class: "picture", width: w, height: h, "aria-hidden": "true" }, parent);
  const rgb = (name) => {
    const c = document.createElement("canvas").getContext("2d");
    c.fillStyle = Report.css(name);
    c.fillRect(0, 0, 1, 1);
    return c.getImageData(0, 0, 1, 1).data;
  };
  const paper = rgb("--card"), ink = rgb("--ink"), g = canvas.getContext("2d"), pixels = g.createImageData(w, h), bytes = atob(code);
  for (let j = 0; j < w * h; j++) {
    const t = bytes.charCodeAt(j) / 255;
    for (let k = 0; k < 3; k++) pixels.data[4 * j + k] = paper[k] + t * (ink[k] - paper[k]);
    pixels.data[4 * j + 3] = 255;
  }
  g.putImageData(pixels, 0, 0);
}
const byQuery = new Map(answers.map((a, i) => [a[0], i]));
let shown = 0;

for (const [place] of answers) {
  const option = document.createElement("option");
  option.value = name(place);
  names.append(option);
}

function show(i) {
  shown = i;
  const [query, near, distances] = answers[i];
  title.textContent = "Nearest to " + name(query);
  picture(title, data.ids[query]);
  list.replaceChildren(...near.map((place, j) => {
    const item = document.createElement("li");
    const known = byQuery.get(place);
    const text = document.createElement(known === undefined ? "span" : "button");
    text.textContent = name(place);
    if (known === undefined) text.className = "soft";
    if (known !== undefined) {
      text.type = "button";
      text.addEventListener("click", () => { search.value = ""; show(known); });
    }
    picture(item, data.ids[place]);
    item.append(text, " at " + (distances[j] === null ? "no finite distance" : distances[j]));
    return item;
  }));
  if (near.length === 0) {
    const item = document.createElement("li");
    item.textContent = "none";
    item.style.listStyle = "none"; // it has no place
    list.append(item);
  }
}

// fit says how well a name fits what is wanted, the best first: the id, a field of the text or its first words (up to a comma or
// a colon) are it, begin with it, have it as words, have it as words later, or have it anywhere; −1 for none of these.
function fit(place, wanted, words) {
  const id = data.ids[place].toLowerCase(), whole = name(place).toLowerCase(), fields = textOf(place).toLowerCase().split("\t");
  const heads = fields.map((field) => field.split(/:(?:\s|$)/)[0]), terms = heads.map((head) => head.split(",").map((t) => t.trim()));
  const ranks = [
    id === wanted || fields.includes(wanted) || whole === wanted, terms.some((t) => t[0] === wanted), terms.flat().includes(wanted),
    id.startsWith(wanted) || heads.some((head) => head.startsWith(wanted)), heads.some((head) => words.test(head)),
    fields.some((field) => words.test(field)), whole.includes(wanted),
  ];
  return ranks.indexOf(true);
}

function find() {
  const wanted = search.value.trim().toLowerCase();
  if (wanted === "") return;
  const words = new RegExp("(^|[^\\p{L}\\p{N}])" + wanted.replace(/[.*+?^${}()|[\]\\]/g, "\\$&") + "($|[^\\p{L}\\p{N}])", "u");
  let at = -1, best = Infinity;
  answers.forEach(([place], i) => {
    const rank = fit(place, wanted, words);
    if (rank >= 0 && rank < best) { best = rank; at = i; }
  });
  if (at < 0) {
    title.textContent = "No query of the sample has this in its name.";
    list.replaceChildren();
    return;
  }
  show(at);
}

search.addEventListener("input", find);
// What is chosen on the map is looked up.
document.addEventListener("look", (event) => {
  const at = answers.findIndex(([place]) => data.ids[place] === event.detail);
  if (at >= 0) { search.value = ""; show(at); }
});
Report.onTheme(() => { if (answers.length > 0) show(shown); });
root.querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); find(); });
root.querySelector("#browse-next").addEventListener("click", () => {
  search.value = "";
  if (answers.length > 0) show(next(shown + 1));
});
// next is the first answer from one on that has neighbours, as few have within a small radius; that one where none has.
function next(from) {
  for (let i = 0; i < answers.length; i++) {
    const at = (from + i) % answers.length;
    if (answers[at][1].length > 0) return at;
  }
  return from % answers.length;
}
if (answers.length > 0) show(next(0));
else title.textContent = "There are no queries.";
