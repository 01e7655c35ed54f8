// One's own answers, newest first, to find and correct one.

import { get } from "./api.js";
import { $, el } from "./dom.js";

const STEP = 50;

export class History {
  constructor(project, shell, open) {
    this.project = project;
    this.shell = shell;
    this.open = open;
    this.n = STEP;
    $("history-search").addEventListener("input", () => this.load(STEP));
    $("history-more").addEventListener("click", () => this.load(this.n + STEP));
    $("history").addEventListener("keydown", (event) => this.onKey(event));
  }

  show() {
    this.load(STEP);
    // On a tablet the focus would raise the keyboard over the list.
    if (matchMedia("(pointer: coarse)").matches) return;
    $("history-search").focus();
    // What was sought last time is there to be seen, and goes with the first key.
    $("history-search").select();
  }

  async load(n) {
    this.n = n;
    this.asked?.abort();
    this.asked = new AbortController();
    const query = { who: this.shell.who(), q: $("history-search").value.trim(), n };
    try {
      const { answers } = await get("/api/history", query, this.asked.signal);
      this.shell.calm();
      $("answers").replaceChildren(...answers.map((answer) => this.row(answer)));
      // Says which query the list answers, for whoever watches the page from outside.
      $("answers").dataset.query = query.q;
      $("history-count").textContent = answers.length ? "" : query.q ? "No answer fits." : "No answers yet.";
      $("history-more").hidden = answers.length < n;
    } catch (cause) {
      if (cause.name !== "AbortError") this.shell.alert(cause, () => this.load(n));
    }
  }

  row({ id, snippet, labels, status, at, note }) {
    const chips = labels.map((label) => el("span", { class: "chip" }, el("bdi", {}, label)));
    const none = status === "skipped" ? "skipped" : "no label";
    return el("li", {}, el("button", { class: "answer", onclick: () => this.open(id) },
      el("span", { class: "snippet", dir: "auto" }, snippet),
      el("span", { class: "chips" }, ...(chips.length ? chips : [el("span", { class: "quiet" }, none)])),
      note ? el("span", { class: "quiet", dir: "auto" }, `Note: ${note}`) : null,
      el("span", { class: "quiet time" }, when(at))));
  }

  // The arrows go from the field into the list and through it.
  onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
    const stops = [$("history-search"), ...$("answers").querySelectorAll("button")];
    const here = stops.indexOf(document.activeElement);
    if (here < 0) return;
    event.preventDefault();
    stops[Math.min(Math.max(here + step, 0), stops.length - 1)].focus();
  }
}

function when(at) {
  const moment = new Date(at);
  return Number.isNaN(moment.getTime()) ? String(at) : moment.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}
