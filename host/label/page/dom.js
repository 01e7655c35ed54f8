// Makes and finds elements. Text goes in as text alone: HTML in a label or a text is shown, never obeyed.

export const $ = (id) => document.getElementById(id);

// `el("li", { class: "x", onclick: f, "aria-label": "y" }, "text", child, ...)`; what is null is left out.
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

// The same for the parts of a figure.
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// A message of the server: what stands between backticks is for a terminal.
export function phrase(text) {
  return text.split("`").map((part, at) => (at % 2 ? el("code", {}, part) : part));
}

// The name with its matched parts emphasized; `matched` has UTF-16 places, ascending and apart.
export function emphasized(name, matched) {
  const parts = [];
  let at = 0;
  for (const [from, to] of matched ?? []) {
    parts.push(name.slice(at, from), el("mark", {}, name.slice(from, to)));
    at = to;
  }
  parts.push(name.slice(at));
  return parts.filter((part) => part !== "");
}

// A label's path with what is above it set back, and what of it was matched.
export function labelName(name, separator, matched) {
  const cut = separator ? name.lastIndexOf(separator) : -1;
  const end = cut < 0 ? 0 : cut + separator.length;
  const within = (from, to) => (matched ?? [])
    .map(([a, b]) => [Math.max(a, from) - from, Math.min(b, to) - from])
    .filter(([a, b]) => a < b);
  const last = el("span", {}, ...emphasized(name.slice(end), within(end, name.length)));
  const above = end && el("span", { class: "above" }, ...emphasized(name.slice(0, end), within(0, end)));
  // A name of its own direction must not turn the line around it.
  return el("bdi", { class: "name" }, ...(above ? [above, last] : [last]));
}
