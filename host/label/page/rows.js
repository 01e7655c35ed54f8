// How labels look: as rows of the list, and as chips once they are chosen.

import { el, labelName } from "./dom.js";

// More rows than anybody reads; a search is the way to the rest.
const MOST = 500;

// `rows`: {kind: "label" | "new" | "place", name, and what is known of matched, probability, used, below}.
export function options(rows, { isChosen, separator, isNumbered, on }) {
  const shown = rows.slice(0, MOST).map((row, index) => {
    const taken = isChosen(row.name);
    return el("li", {
      id: `option-${index}`, role: "option", class: `option ${row.kind}`,
      "aria-selected": String(taken), onclick: () => on.use(row),
    },
    el("span", { class: "key", "aria-hidden": "true" }, isNumbered && index < 9 ? String(index + 1) : ""),
    el("span", { class: "tick", "aria-hidden": "true" }, taken ? "✓" : ""),
    name(row, separator),
    detail(row, on));
  });
  if (rows.length > MOST) shown.push(rest(rows.length));
  return shown;
}

function name(row, separator) {
  if (row.kind === "new") return el("span", { class: "name" }, "Add the label ", el("strong", {}, el("bdi", {}, row.name)));
  if (row.part !== undefined) return el("bdi", { class: "name" }, row.part);
  return labelName(row.name, separator, row.matched);
}

function detail(row, on) {
  if (row.probability !== undefined && row.probability !== null) return probability(row.probability);
  if (row.below) {
    const into = (event) => {
      event.stopPropagation();
      on.into(row);
    };
    return el("span", { class: "into", onclick: into }, `${row.below} ›`);
  }
  return row.used ? el("span", { class: "used" }, `${row.used}×`) : null;
}

function probability(value) {
  const fill = el("span", { class: "fill" });
  fill.style.width = `${Math.round(100 * value)}%`;
  const percent = value > 0 && value < 0.005 ? "<1%" : `${Math.round(100 * value)}%`;
  return el("span", { class: "probability" }, el("span", { class: "track", "aria-hidden": "true" }, fill), el("span", { class: "percent" }, percent));
}

function rest(n) {
  return el("li", { class: "rest", role: "option", "aria-disabled": "true" }, `The first ${MOST} of ${n}: type to search`);
}

export function chips(labels, separator, remove) {
  if (!labels.length) return [el("li", { class: "none" }, "No label chosen: confirm if none fits")];
  return labels.map(({ name, isNew }) => el("li", { class: isNew ? "chip new" : "chip" },
    labelName(name, separator),
    isNew ? el("span", { class: "badge" }, "new") : null,
    el("button", { "aria-label": `Take ${name} away`, onclick: () => remove(name) }, "×")));
}
