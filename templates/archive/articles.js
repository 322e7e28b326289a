// What the page of all articles gains with a script: the search, counts that follow the choice, and
// an address that holds it. Choosing a topic and a type works without (filters.css).

const browse = document.querySelector("[data-browse]");
const form = document.querySelector("form.search");
const input = form.querySelector("input[type=search]");
const results = browse.querySelector("[data-search-results]");
const list = browse.querySelector("[data-entries]");
const tally = document.getElementById("tally");
const entries = new Map([...list.children].map((entry) => [entry.dataset.path, entry]));
const site = new URL("./", document.currentScript.src);
const axes = ["topic", "type", "year"].filter((axis) => document.getElementById(`${axis}-`));

const chosen = (axis) => browse.querySelector(`input[name=${axis}]:checked`)?.value ?? "";
const has = (entry, axis, slug) =>
  !slug || (axis === "topic" ? entry.dataset.topics.split(" ").includes(slug) : entry.dataset[axis] === slug);
const shows = (entry, choice) => axes.every((axis) => has(entry, axis, choice[axis]));

// Pagefind where the site has it and is served over http; otherwise the words of the list itself.
let index;
async function openIndex() {
  try {
    const pagefind = await import(new URL("pagefind/pagefind.js", site));
    await pagefind.options({ baseUrl: site.pathname, excerptLength: 24 });
    await pagefind.init();
    return pagefind;
  } catch {
    return null;
  }
}

async function search(words) {
  index ??= openIndex();
  const pagefind = await index;
  if (pagefind) {
    const found = await pagefind.search(words);
    return Promise.all(found.results.map(async (result) => {
      const data = await result.data();
      const path = decodeURI(data.url).slice(site.pathname.length).replace(/\/(index\.html)?$/, "");
      return { path, excerpt: data.excerpt };
    }));
  }
  const wanted = words.toLowerCase().split(/\s+/);
  const matches = [...entries.values()].filter((entry) => {
    const text = entry.textContent.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
  return matches.map((entry) => ({ path: entry.dataset.path, excerpt: "" }));
}

// An excerpt is text with <mark> in it; whatever else it holds is shown as text.
function setExcerpt(place, excerpt) {
  const plain = (text) => new DOMParser().parseFromString(`<i>${text}`, "text/html").body.textContent;
  excerpt.split(/<mark>(.*?)<\/mark>/s).forEach((piece, number) => {
    const node = number % 2 ? document.createElement("mark") : document.createTextNode("");
    node.textContent = plain(piece.replaceAll("<", "&lt;"));
    place.append(node);
  });
}

function asResult({ path, excerpt }) {
  const item = entries.get(path).cloneNode(true);
  item.hidden = false;
  if (excerpt) {
    const place = document.createElement("p");
    place.className = "excerpt";
    setExcerpt(place, excerpt);
    item.append(place);
  }
  return item;
}

let turn = 0;
async function show() {
  const mine = ++turn;
  const words = input.value.trim();
  const choice = Object.fromEntries(axes.map((axis) => [axis, chosen(axis)]));
  keepAddress(words, choice);
  let found = [...entries.keys()].map((path) => ({ path, excerpt: "" }));
  if (words) {
    const patience = setTimeout(() => { tally.textContent = browse.dataset.searching; }, 300);
    const everything = await search(words);
    clearTimeout(patience);
    if (mine !== turn) return;  // somebody has typed on
    found = everything.filter(({ path }) => entries.has(path));
  }
  count(found.map(({ path }) => entries.get(path)), choice);
  const shown = found.filter(({ path }) => shows(entries.get(path), choice));
  results.replaceChildren(...(words ? shown.map(asResult) : []));
  results.hidden = !words;
  list.hidden = Boolean(words);
  const { nothing, one, many } = browse.dataset;
  tally.textContent = [nothing, one][shown.length] ?? many.replace("#", shown.length);
  browse.querySelector("[data-shown]").textContent = shown.length;
  browse.classList.toggle("is-empty", shown.length === 0);
}

// Beside each choice, how many articles it would leave.
function count(found, choice) {
  for (const axis of axes) {
    const others = found.filter((entry) => axes.every((one) => one === axis || has(entry, one, choice[one])));
    for (const option of browse.querySelectorAll(`input[name=${axis}]`)) {
      const left = others.filter((entry) => has(entry, axis, option.value)).length;
      const label = option.closest("label");
      label.querySelector("[data-count]").textContent = left;
      label.classList.toggle("is-none", left === 0 && !option.checked);
    }
  }
}

function keepAddress(words, choice) {
  const query = new URLSearchParams();
  for (const axis of axes) if (choice[axis]) query.set(axis, choice[axis]);
  if (words) query.set("q", words);
  const search = query.size ? `?${query}` : "";
  if (search !== location.search) history.replaceState(null, "", location.pathname + search);
}

function takeAddress() {
  const query = new URLSearchParams(location.search);
  for (const axis of axes) {
    const wanted = document.getElementById(`${axis}-${query.get(axis) ?? ""}`);
    (wanted ?? document.getElementById(`${axis}-`)).checked = true;
  }
  input.value = query.get("q") ?? "";
}

takeAddress();
if (location.search) show();  // else the page is as it should be
let pause;
input.addEventListener("focus", () => { index ??= openIndex(); });
input.addEventListener("input", () => { clearTimeout(pause); pause = setTimeout(show, 120); });
form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(pause); show(); });
browse.addEventListener("change", (event) => { if (event.target.type === "radio") show(); });
browse.querySelector(".filters-done a").addEventListener("click", () => {
  document.getElementById("show-filters").checked = false;
});
window.addEventListener("popstate", () => { takeAddress(); show(); });
