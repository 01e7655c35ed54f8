// The keyboard help, made from the table of keys.

import { $, el } from "./dom.js";
import { HELP } from "./keys.js";

export function showHelp() {
  const dialog = $("help");
  if (dialog.open) return;
  dialog.replaceChildren(
    el("div", { class: "dialog-head" },
      el("h2", {}, "Keyboard"),
      el("button", { onclick: () => dialog.close(), "aria-label": "Close" }, "Close")),
    el("div", { class: "help" }, ...HELP.map(group)),
  );
  dialog.showModal();
}

function group([title, rows]) {
  return el("section", {}, el("h3", {}, title), el("dl", {}, ...rows.flatMap(row)));
}

function row([what, ways]) {
  const keys = ways.flatMap((way, index) => [
    index > 0 ? " " : null,
    el("span", { class: "way" }, ...way.map((key) => el("kbd", {}, key))),
  ]);
  return [el("dt", {}, ...keys), el("dd", {}, what)];
}
