// Who is labeling: asked once, and kept by the browser.

import { $, el } from "./dom.js";

const KEY = "alhost-who";

export function kept() {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

function keep(who) {
  try {
    localStorage.setItem(KEY, who);
  } catch {
    // A browser may keep nothing for this page; then it asks again next time.
  }
}

// Asks for the name, and gives it to `done`. Without a name so far, there is no way around it.
export function ask(people, current, done) {
  const dialog = $("people");
  const choose = (name) => {
    const who = name.trim();
    if (!who) return field.focus();
    keep(who);
    dialog.oncancel = null;
    dialog.close();
    done(who);
  };
  const field = el("input", {
    type: "text", id: "who-name", dir: "auto", maxlength: "60", autocomplete: "off", spellcheck: "false",
    onkeydown: (event) => {
      if (event.key === "Enter" && !event.isComposing) {
        event.preventDefault();
        choose(field.value);
      }
    },
  });
  field.value = current;
  const known = people.map((name) => el("button", { onclick: () => choose(name) }, el("bdi", {}, name)));
  dialog.replaceChildren(
    el("h2", {}, "Who are you?"),
    el("p", { class: "quiet" }, "Answers are kept under this name. Texts that two people answer show how far they agree."),
    el("label", { for: "who-name" }, "Your name"),
    el("div", { class: "row" }, field, el("button", { class: "main", onclick: () => choose(field.value) }, "Begin")),
    el("div", { class: "row known", hidden: known.length === 0 }, el("span", { class: "quiet" }, "or"), ...known),
  );
  dialog.oncancel = (event) => { if (!current) event.preventDefault(); };
  if (!dialog.open) dialog.showModal();
  field.focus();
  field.select();
}
