// One text after the other: shown, answered, saved, and only then the next.

import { get, post } from "./api.js";
import { Chooser } from "./chooser.js";
import { Clock } from "./clock.js";
import { $ } from "./dom.js";
import { showHelp } from "./help.js";
import { Wait } from "./wait.js";

export class Labeling {
  // `shell` has what the page around does: who(), show(view), alert(cause, again), calm().
  constructor(project, shell) {
    this.shell = shell;
    this.clock = new Clock();
    this.wait = new Wait(() => this.next());
    this.item = null;
    this.isBusy = false;
    // What was chosen for texts that were left without an answer, by who chose it and the text's id.
    this.drafts = new Map();
    this.turn = 0;
    this.chooser = new Chooser(project, {
      confirm: () => this.answer("labeled"),
      help: showHelp,
      scroll: (pages) => $("text").scrollBy({ top: pages * 0.85 * $("text").clientHeight }),
      say: (message) => this.say(message),
      trouble: (cause) => shell.alert(cause, () => this.chooser.refresh()),
    });
    $("confirm").addEventListener("click", () => this.answer("labeled"));
    $("skip").addEventListener("click", () => this.answer("skipped"));
    $("undo").addEventListener("click", () => this.back());
    $("forward").addEventListener("click", () => this.next());
    $("wait-undo").addEventListener("click", () => this.back());
    $("note-button").addEventListener("click", () => this.note());
    $("note").addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.focus();
    });
  }

  say(message) {
    $("status").textContent = message;
  }

  focus() {
    $("search").focus({ preventScroll: true });
  }

  // Asks for the next text until there is one, or nothing more to come.
  async next() {
    this.stash();
    const turn = this.begin();
    try {
      while (true) {
        const answer = await post("/api/next", { who: this.shell.who() }, this.asked.signal);
        if (turn !== this.turn) return;
        this.shell.calm();
        if (answer.text) return this.show(answer.text);
        this.item = null;
        this.busy(false);
        this.clock.pause();
        this.shell.show(null);
        if (!this.wait.show(answer.waiting)) return;
        await new Promise((done) => setTimeout(done, 1000));
        if (turn !== this.turn) return;
      }
    } catch (cause) {
      if (turn === this.turn && cause.name !== "AbortError") this.shell.alert(cause, () => this.next());
    }
  }

  // Drops what was asked for before; what comes of it later is not shown.
  begin() {
    this.asked?.abort();
    this.asked = new AbortController();
    this.turn += 1;
    return this.turn;
  }

  // Opens an earlier text to correct its answer.
  async open(id) {
    this.stash();
    const turn = this.begin();
    try {
      const { text } = await get("/api/text", { who: this.shell.who(), id }, this.asked.signal);
      if (turn !== this.turn) return;
      this.shell.calm();
      this.show(text);
    } catch (cause) {
      if (turn === this.turn && cause.name !== "AbortError") this.shell.alert(cause, () => this.open(id));
    }
  }

  // Goes to the answer before the one shown.
  async back() {
    if (this.isBusy && this.item) return;
    try {
      const { answers } = await get("/api/history", { who: this.shell.who(), q: "", n: 500 });
      const here = this.item ? answers.findIndex((answer) => answer.id === this.item.id) : -1;
      const before = answers[here + 1];
      if (before) await this.open(before.id);
      else this.say("there is no earlier text");
    } catch (cause) {
      this.shell.alert(cause, () => this.back());
    }
  }

  show(item) {
    this.item = item;
    const draft = this.drafts.get(this.key(item.id));
    const earlier = item.answer;
    this.initial = { chosen: earlier?.labels ?? [], note: earlier?.note ?? "" };
    this.chooser.open(item, draft?.chosen ?? this.initial.chosen.map((name) => ({ name, isNew: false })));
    $("note").value = draft?.note ?? this.initial.note;
    $("note-box").hidden = !$("note").value;
    $("text").textContent = item.text;
    // Says which text it is, for whoever watches the page from outside.
    $("text").dataset.id = item.id;
    $("text").scrollTop = 0;
    $("place").textContent = place(item);
    $("kind").textContent = kind(item);
    $("confirm").firstChild.textContent = earlier ? "Save the correction " : "Confirm ";
    $("forward").hidden = !earlier;
    this.busy(false);
    this.wait.hide();
    this.shell.show("label");
    this.clock.start(draft?.seconds ?? 0);
    // On a tablet the focus would raise the keyboard over half of the text.
    if (!matchMedia("(pointer: coarse)").matches) this.focus();
  }

  // Keeps what was chosen and not sent, for when the text comes again.
  stash() {
    if (!this.item) return;
    if (this.isChanged()) {
      this.drafts.set(this.key(this.item.id), { chosen: this.chooser.chosen, note: $("note").value, seconds: this.clock.read() });
    } else {
      this.drafts.delete(this.key(this.item.id));
    }
  }

  key(id) {
    return `${this.shell.who()}\n${id}`;
  }

  isChanged() {
    if (!this.item) return false;
    const names = this.chooser.chosen.map((label) => label.name).sort();
    const before = [...this.initial.chosen].sort();
    return names.join("\n") !== before.join("\n") || $("note").value !== this.initial.note;
  }

  // Whether anything would be lost with the page.
  isUnsaved() {
    return this.isChanged() || this.drafts.size > 0;
  }

  async answer(status) {
    if (!this.item || this.isBusy) return;
    this.busy(true);
    try {
      if (!(await this.chooser.settle())) return this.busy(false);
      this.say("saving …");
      const saved = await post("/api/answer", this.answered(status));
      this.shell.calm();
      this.drafts.delete(this.key(this.item.id));
      this.item = null;
      this.say(`${status === "skipped" ? "skipped" : "saved"} at ${time(saved.at)}`);
    } catch (cause) {
      this.busy(false);
      this.say("not saved");
      cause.message = `This answer is not saved: ${cause.message}`;
      this.shell.alert(cause, () => this.answer(status));
      return;
    }
    await this.next();
  }

  answered(status) {
    const chosen = status === "skipped" ? [] : this.chooser.chosen;
    return {
      who: this.shell.who(),
      id: this.item.id,
      labels: chosen.map((label) => label.name),
      status,
      seconds: this.clock.read(),
      note: $("note").value.trim(),
      new_labels: chosen.filter((label) => label.isNew).map((label) => label.name),
    };
  }

  // From the sending of an answer until there is a text again, keys change nothing.
  busy(isBusy) {
    this.isBusy = isBusy;
    this.chooser.isBusy = isBusy;
    for (const id of ["confirm", "skip", "undo"]) $(id).setAttribute("aria-disabled", String(isBusy));
  }

  note() {
    if (!this.item) return;
    $("note-box").hidden = false;
    $("note").focus();
  }
}

function place(item) {
  if (item.answer) return item.answer.status === "skipped" ? "You skipped this text" : "Your earlier answer";
  // Texts that are handed out between batches, or for a second opinion, are of none.
  if (!item.position) return "";
  return `Batch ${item.round + 1} · ${item.left} of ${item.of} texts left`;
}

function kind(item) {
  return item.is_audit ? "drawn at random for the estimate" : "";
}

function time(at) {
  const moment = new Date(at ?? Date.now());
  return (Number.isNaN(moment.getTime()) ? new Date() : moment).toLocaleTimeString();
}
