// The field that labels are searched in, the list under it, and the labels chosen so far: an ARIA combobox whose
// list is always open. It shows suggestions, what a search found, or a place in the hierarchy.

import { get } from "./api.js";
import { $ } from "./dom.js";
import { chips, options } from "./rows.js";

const N_FOUND = 20;

export class Chooser {
  // `told` has what the page around does: confirm(), help(), scroll(pages), say(message), trouble(cause).
  constructor(project, told) {
    this.project = project;
    this.told = told;
    this.field = $("search");
    this.list = $("options");
    this.chosen = [];
    this.suggestions = [];
    this.isAudit = false;
    this.isBusy = false;
    this.rows = [];
    this.active = -1;
    // What the list shows: the query it was found for, or the place in the hierarchy.
    this.shown = { query: "", path: null };
    this.path = null;
    this.sought = null;
    this.pending = Promise.resolve();
    this.field.addEventListener("input", () => this.refresh());
    this.field.addEventListener("keydown", (event) => this.onKey(event));
    // A click in the list leaves the focus in the field.
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    $("browse").hidden = !project.separator;
    $("browse").addEventListener("click", () => this.browse(this.path === null ? "" : null));
    $("up").addEventListener("click", () => this.up());
  }

  // Turns to another text. What is in the field stays: it was typed after the last answer was sent.
  open(item, chosen) {
    this.suggestions = item.suggestions;
    this.isAudit = item.is_audit;
    this.chosen = chosen.map((label) => ({ ...label }));
    this.path = null;
    this.showChosen();
    this.refresh();
  }

  // Waits for labels that were taken faster than they were found; answers whether the field is done with.
  async settle() {
    await this.pending;
    const typed = this.field.value.trim();
    if (typed) this.told.say(`“${typed}” is not taken yet: Enter takes it, Esc clears it`);
    return !typed;
  }

  query() {
    return this.field.value.trim();
  }

  onKey(event) {
    if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    const isEmpty = this.field.value === "";
    if (this.onListKey(event.key, event.repeat) || (isEmpty && this.onEmptyKey(event.key))) {
      event.preventDefault();
    }
  }

  onListKey(key, isRepeated) {
    switch (key) {
      case "ArrowDown": this.move(1); return true;
      case "ArrowUp": this.move(-1); return true;
      case "PageDown": this.told.scroll(1); return true;
      case "PageUp": this.told.scroll(-1); return true;
      case "Escape": this.escape(); return true;
      // A key held down would confirm one text after the other.
      case "Enter": if (!isRepeated) this.enter(); return true;
      default: return false;
    }
  }

  onEmptyKey(key) {
    const suggestion = /^[1-9]$/.test(key) && this.path === null ? this.suggestions[key - 1] : null;
    if (suggestion) {
      this.toggle(suggestion.label);
      return true;
    }
    switch (key) {
      case "?": this.told.help(); return true;
      case "ArrowRight": return this.into();
      case "ArrowLeft": return this.path !== null && this.up();
      default: return false;
    }
  }

  enter() {
    if (this.isBusy) return;
    const query = this.query();
    if (query !== this.shown.query) {
      this.takeFirst(query);
    } else if (this.rows[this.active]) {
      this.use(this.rows[this.active]);
    } else if (query) {
      this.told.say(`no label fits “${query}”`);
    } else if (this.path === null) {
      this.told.confirm();
    }
  }

  escape() {
    if (this.field.value) this.clear();
    else if (this.path !== null) this.browse(null);
    else this.mark(-1);
  }

  clear() {
    this.field.value = "";
    this.refresh();
  }

  // Takes what a search finds first, when Enter came before the list did.
  takeFirst(query) {
    this.clear();
    const find = async () => {
      try {
        const { labels } = await get("/api/labels", { q: query, n: 1 });
        if (labels.length) return this.put(labels[0].name, false);
        this.told.say(`no label fits “${query}”`);
      } catch (cause) {
        this.told.trouble(cause);
      }
      // What was typed is given back, if nothing else was typed meanwhile.
      if (!this.field.value) {
        this.field.value = query;
        this.refresh();
      }
    };
    this.pending = this.pending.then(find);
  }

  // Takes or takes away what a row stands for.
  use(row) {
    if (this.isBusy) return;
    if (row.kind === "place") return this.browse(row.path);
    this.toggle(row.name, row.kind === "new");
    if (this.field.value) this.clear();
  }

  toggle(name, isNew = false) {
    if (!this.isBusy) this.put(name, isNew);
  }

  put(name, isNew) {
    const at = this.chosen.findIndex((label) => label.name === name);
    if (at < 0) this.chosen.push({ name, isNew });
    else this.chosen.splice(at, 1);
    this.told.say(at < 0 ? `${name} taken` : `${name} taken away`);
    this.showChosen();
    this.showRows();
  }

  move(step) {
    if (!this.rows.length || this.query() !== this.shown.query) return;
    const n = this.rows.length;
    this.mark(this.active < 0 ? (step > 0 ? 0 : n - 1) : (this.active + step + n) % n);
  }

  // Marks a row as the one that Enter is about; -1 for none.
  mark(index) {
    this.active = index;
    this.field.removeAttribute("aria-activedescendant");
    for (const [at, option] of [...this.list.children].entries()) {
      option.classList.toggle("active", at === index);
      if (at === index) {
        this.field.setAttribute("aria-activedescendant", option.id);
        option.scrollIntoView({ block: "nearest" });
      }
    }
  }

  // Fills the list anew for what is in the field.
  refresh() {
    this.sought?.abort();
    const query = this.query();
    if (query) {
      this.path = null;
      this.search(query);
    } else if (this.path === null) {
      const row = ({ label, probability }) => ({ kind: "label", name: label, probability });
      this.fill(this.suggestions.map(row), -1);
    }
  }

  async search(query) {
    this.sought = new AbortController();
    const { signal } = this.sought;
    try {
      const { labels } = await get("/api/labels", { q: query, n: N_FOUND }, signal);
      if (signal.aborted) return;
      const rows = labels.map((label) => ({ kind: "label", ...label }));
      const isNew = this.project.can_add_labels && !labels.some((label) => label.name === query);
      if (isNew) rows.push({ kind: "new", name: query });
      // A new label is never what Enter takes by itself: it could be a slip of the keys.
      this.fill(rows, labels.length ? 0 : -1);
    } catch (cause) {
      if (cause.name !== "AbortError") this.told.trouble(cause);
    }
  }

  // Shows a place in the hierarchy; null leaves it.
  async browse(path) {
    if (this.field.value) this.field.value = "";
    this.sought?.abort();
    this.path = path;
    if (path === null) return this.refresh();
    this.sought = new AbortController();
    const { signal } = this.sought;
    try {
      const { children } = await get("/api/children", { path }, signal);
      if (signal.aborted) return;
      const row = (child) => ({
        kind: child.is_label ? "label" : "place", name: child.path, path: child.path, part: child.name, below: child.below,
      });
      this.fill(children.map(row), children.length ? 0 : -1);
    } catch (cause) {
      if (cause.name !== "AbortError") this.told.trouble(cause);
    }
  }

  // Goes into the hierarchy: to where the marked label lies, and from there below the marked one.
  into() {
    if (!this.project.separator) return false;
    const row = this.rows[this.active];
    if (this.path === null) this.browse(row ? this.above(row.name) : "");
    else if (row?.below) this.browse(row.path);
    return true;
  }

  up() {
    this.browse(this.path === "" ? null : this.above(this.path));
    return true;
  }

  above(path) {
    return path.slice(0, Math.max(path.lastIndexOf(this.project.separator), 0));
  }

  fill(rows, active) {
    this.rows = rows;
    this.shown = { query: this.query(), path: this.path };
    this.showRows();
    this.mark(active);
    this.list.scrollTop = 0;
  }

  showRows() {
    const isChosen = (name) => this.chosen.some((label) => label.name === name);
    const on = { use: (row) => this.use(row), into: (row) => this.browse(row.path) };
    this.list.replaceChildren(...options(this.rows, { isChosen, separator: this.project.separator, isNumbered: this.isSuggesting(), on }));
    // Says which query the list answers, for whoever watches the page from outside.
    this.list.dataset.query = this.shown.query;
    $("list-title").textContent = this.title();
    $("up").hidden = !this.path;
    $("browse").textContent = this.path === null ? "Browse" : "Close";
    this.mark(this.active);
  }

  isSuggesting() {
    return !this.shown.query && this.shown.path === null;
  }

  title() {
    const { query, path } = this.shown;
    const n = this.rows.length;
    if (query) return this.foundTitle();
    if (path !== null) return path || (n ? "All labels" : "No labels yet");
    if (this.isAudit) return "No suggestions for this text, so that the estimate is honest";
    return n ? "Suggestions" : "No suggestions yet";
  }

  foundTitle() {
    if (this.rows.some((row) => row.kind === "label")) return "Found";
    return this.rows.length ? "No label fits: ↓ and Enter add it" : "No label fits";
  }

  showChosen() {
    const remove = (name) => {
      this.toggle(name);
      this.field.focus();
    };
    $("chosen").replaceChildren(...chips(this.chosen, this.project.separator, remove));
    // The last one chosen is in sight.
    $("chosen").scrollTop = $("chosen").scrollHeight;
  }
}
