"""The page's one script: search, filters, sorting, values under the pointer or the arrow keys.

It makes no markup of text (the policy's trusted types forbid that), asks nothing of a network and keeps
nothing. Without it the page has the same content, unfiltered.

What it reads of the page: `.row` and `.found tr` are filtered; `.g` are cards, moved by sorting; `.fold`
are details that hold both. A drawing with `data-n` has so many values: side by side between the two numbers
of `data-x`, or one below the other between those of `data-y`, in units of its view box.
"""

from __future__ import annotations

from markupsafe import Markup

SCRIPT = Markup("""
(() => {
"use strict";
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const byId = id => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

// Filters.
const bar = byId("bar");
const textOf = (element, selector) => (element.querySelector(selector) || {}).textContent || "";
const entries = [
  ...all(".row").map(row => ({
    element: row, space: textOf(row, ".tag"), kinds: (row.dataset.k || "").split(" "),
    severity: ["error", "warning", "info", "none"].find(s => row.classList.contains(s)),
    card: true,
  })),
  ...all(".found tr").filter(row => row.querySelector("td")).map(row => ({
    element: row, space: textOf(row, ".tag"), kinds: [textOf(row, ".k")], severity: textOf(row, ".pill"),
  })),
];
for (const entry of entries) entry.text = entry.element.textContent.toLowerCase();
const folds = all(".fold");
const opened = new Map();

const filter = () => {
  const [space, severity, kind] = ["space", "severity", "kind"].map(name => (byId(name) || {}).value || "");
  const terms = byId("query").value.toLowerCase().split(/\\s+/).filter(Boolean);
  const asked = space || severity || kind || terms.length;
  let shown = 0, total = 0;
  for (const entry of entries) {
    const fits = (!space || entry.space === space) && (!kind || entry.kinds.includes(kind)) &&
      (!severity || (severity === "any" ? entry.severity !== "none" : entry.severity === severity)) &&
      terms.every(term => entry.text.includes(term));
    entry.element.hidden = !fits;
    if (entry.card) { total += 1; shown += fits; }
  }
  const seen = root => root.querySelector(".row:not([hidden]),.found tr:not([hidden]) td");
  for (const card of all(".g")) card.hidden = !seen(card);
  for (const table of all(".found")) table.parentElement.hidden = !seen(table);
  for (const fold of folds) {
    fold.hidden = !seen(fold);
    if (asked && !opened.has(fold)) opened.set(fold, fold.open);
    if (asked) fold.open = true;
    else if (opened.has(fold)) { fold.open = opened.get(fold); opened.delete(fold); }
  }
  byId("count").textContent = `${shown} of ${total} shown`;
};

// Sorting: cards leave their folds for one list, and return to where they were.
const cards = all(".g");
const homes = cards.map(card => [card, card.parentElement, card.nextSibling]);
const flat = byId("flat");
const measure = (card, key) => Math.max(...all(".row", card).map(row => Number(row.dataset[key] || 0)));
const sort = () => {
  const key = byId("sort").value;
  for (let i = homes.length - 1; i >= 0; i--) homes[i][1].insertBefore(homes[i][0], homes[i][2]);
  if (key) {
    const of = card => key === "name" ? textOf(card, ".n") : measure(card, key);
    const value = new Map(cards.map(card => [card, of(card)]));
    const order = key === "name" ? (a, b) => value.get(a).localeCompare(value.get(b), "en", {numeric: true})
      : (a, b) => value.get(b) - value.get(a);
    flat.append(...[...cards].sort(order));
  }
  filter();
};

if (bar) {
  bar.hidden = false;
  let pending = 0;
  byId("query").addEventListener("input", () => {
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(filter);
  });
  for (const select of all("select", bar)) {
    select.addEventListener("change", select.id === "sort" ? sort : filter);
  }
  document.addEventListener("keydown", event => {
    if (event.key === "/" && !/INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) {
      event.preventDefault();
      byId("query").focus();
    }
    if (event.key === "Escape" && event.target === byId("query")) { byId("query").value = ""; filter(); }
  });
  filter();
}

// Runs lie beside this page's own run, or below the page.
const runs = /\\/runs\\/[^/]+\\/[^/]*$/.test(location.pathname) ? ".." : "runs";
// Windows of a series lie beside this page's own window, or below the page.
const inWindow = /\\/windows\\/[^/]*Z_P[^/]*\\/(.*)$/.exec(location.pathname);
const series = inWindow ? inWindow[1].split("/").map(() => "..").join("/") : "windows";
for (const link of all("a[data-run]"))
  link.href = `${/Z_P/.test(link.dataset.run) ? series : runs}/${link.dataset.run}/report.html`;

// What a link leads to is unfolded.
const reveal = () => {
  const target = location.hash && byId(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
  target.scrollIntoView();
};
addEventListener("hashchange", reveal);
reveal();

// All is unfolded on paper.
let closed = [];
addEventListener("beforeprint", () => {
  closed = all("details:not([open])");
  for (const fold of closed) fold.open = true;
});
addEventListener("afterprint", () => { for (const fold of closed) fold.open = false; });

// Values.
const tip = document.createElement("div");
tip.id = "tip";
tip.setAttribute("role", "status");
tip.hidden = true;
document.body.append(tip);
const numbers = text => (text || "").split(" ").map(part => part === "-" ? null : Number(part));
const short = value => Math.abs(value) >= 1e6 || (value && Math.abs(value) < 1e-3) ? value.toPrecision(3)
  : String(Number(value.toPrecision(4)));
const windows = all("#windows li").map(item => item.textContent);
const LEVELS = {
  x: "not compared or not known", z: "chance, or under half the limit",
  w: "a warning, or half the limit or more",
  h: "an error",
};

const words = {
  hist: (svg, i) => {
    const [low, high] = numbers(svg.dataset.e), n = Number(svg.dataset.n);
    const log = svg.dataset.log !== undefined;
    const edge = k => log ? low * Math.pow(high / low, k / n) : low + (high - low) * k / n;
    const range = i === 0 && n > 1 ? `below ${short(edge(1))}` : i === n - 1 && n > 1
      ? `${short(edge(i))} and above` : `${short(edge(i))} to ${short(edge(i + 1))}`;
    return `${range}\\n${shares(svg, i)}`;
  },
  cats: (svg, i) => `${all("g text", svg)[i].textContent}\\n${shares(svg, i)}`,
  line: (svg, i) => {
    const value = numbers(svg.dataset.v)[i];
    return `${windows[i] || ""}\\n${svg.dataset.w}: ${value === null ? "not known" : short(value)}`
      + (svg.dataset.w === "effect" ? " of its limit" : " %");
  },
  strip: (svg, i) => `${windows[i] || ""}\\n${LEVELS[svg.dataset.v[i]]}`,
};
const shares = (svg, i) =>
  `served ${numbers(svg.dataset.s)[i]} %, training ${numbers(svg.dataset.t)[i]} %`;

let marked = null;
const mark = (svg, i) => {
  const n = Number(svg.dataset.n), down = svg.dataset.y !== undefined;
  const [from, to] = numbers(down ? svg.dataset.y : svg.dataset.x);
  const size = (to - from) / n, box = svg.viewBox.baseVal;
  unmark();
  const rect = document.createElementNS(SVG, "rect");
  const start = from + i * size;
  const [x, y, width, height] = down ? [0, start, box.width, size] : [start, 0, size, box.height];
  for (const [name, value] of Object.entries({x, y, width, height, class: "mark"})) {
    rect.setAttribute(name, value);
  }
  svg.append(rect);
  marked = {svg, i, rect};
  tip.textContent = words[svg.classList[0]](svg, i);
  tip.hidden = false;
  const at = rect.getBoundingClientRect(), own = tip.getBoundingClientRect();
  const left = Math.min(Math.max(at.left + at.width / 2 - own.width / 2, 6), innerWidth - own.width - 6);
  tip.style.left = `${left}px`;
  tip.style.top = `${at.top - own.height - 8 > 0 ? at.top - own.height - 8 : at.bottom + 8}px`;
};
const unmark = () => {
  if (marked) marked.rect.remove();
  marked = null;
  tip.hidden = true;
};
const drawing = event => event.target.closest ? event.target.closest("svg[data-n]") : null;
document.addEventListener("pointermove", event => {
  const svg = drawing(event);
  if (!svg) { if (marked && marked.svg !== document.activeElement) unmark(); return; }
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  const down = svg.dataset.y !== undefined, n = Number(svg.dataset.n);
  const [from, to] = numbers(down ? svg.dataset.y : svg.dataset.x);
  const i = Math.floor(((down ? point.y : point.x) - from) / (to - from) * n);
  if (i >= 0 && i < n) { if (!marked || marked.svg !== svg || marked.i !== i) mark(svg, i); } else unmark();
});
document.addEventListener("keydown", event => {
  const svg = document.activeElement;
  const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
  if (event.key === "Escape") unmark();
  if (!step || !svg.matches("svg[data-n]")) return;
  event.preventDefault();
  const n = Number(svg.dataset.n);
  mark(svg, marked && marked.svg === svg ? (marked.i + step + n) % n : step > 0 ? 0 : n - 1);
});
document.addEventListener("focusin", event => { if (marked && marked.svg !== event.target) unmark(); });
addEventListener("scroll", () => {
  if (marked && marked.svg !== document.activeElement) unmark();
}, {passive: true});
for (const svg of all("svg[data-n]")) svg.setAttribute("tabindex", "0");
})();
""")
