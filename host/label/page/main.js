// Begins: reads the project, asks who labels, and shows one view at a time.

import { get, leave } from "./api.js";
import { $, el, phrase } from "./dom.js";
import { showHelp } from "./help.js";
import { History } from "./history.js";
import { command, isUndo } from "./keys.js";
import { Labeling } from "./label.js";
import * as people from "./people.js";
import { showProgress } from "./progress.js";

let who = people.kept();
let view = "label";
let project;
let labeling;
let history;

// What the views may ask of the page around them.
const shell = {
  who: () => who,
  // "label" shows the text, null the waiting, if labeling is what is looked at.
  show: (name) => {
    labeling.isWaiting = name === null;
    if (view === "label") arrange();
  },
  // Says what went wrong until it is calm again, and offers to try once more.
  alert: (cause, again) => {
    if (!cause.hint && cause.name !== "Error") console.error(cause);
    const retry = el("button", { onclick: () => { shell.calm(); again(); } }, "Try again");
    $("alert").replaceChildren(
      el("div", {}, el("strong", {}, ...phrase(cause.message)), cause.hint ? el("p", {}, ...phrase(cause.hint)) : ""), retry);
    $("alert").hidden = false;
  },
  calm: () => { $("alert").hidden = true; },
};

function arrange() {
  const parts = { label: view === "label" && !labeling.isWaiting && labeling.item, waiting: view === "label" && labeling.isWaiting };
  for (const id of ["label", "waiting", "history", "progress", "guidelines"]) {
    $(id).hidden = !(parts[id] ?? view === id);
  }
  for (const button of document.querySelectorAll("nav button")) {
    if (button.dataset.view === view) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
}

function turnTo(name) {
  if (name === "label" && view === "label" && labeling.item?.answer) {
    labeling.next();
    return;
  }
  view = name;
  arrange();
  if (name === "label") {
    labeling.clock.resume();
    labeling.focus();
    return;
  }
  labeling.clock.pause();
  if (name === "history") history.show();
  if (name === "progress") showProgress(project, shell);
  if (name === "guidelines") showGuidelines();
}

function showGuidelines() {
  const paragraphs = (project.guidelines ?? "").split(/\n\s*\n/).filter((paragraph) => paragraph.trim());
  const shown = paragraphs.length
    ? paragraphs.map((paragraph) => el("p", { class: "plain", dir: "auto" }, paragraph.trim()))
    : [el("p", { class: "quiet" }, "This project has no guidelines.")];
  $("guidelines").replaceChildren(el("h2", { tabindex: "-1" }, "Guidelines"), ...shown);
  $("guidelines").firstChild.focus();
}

// Whoever leaves the page lets go of the text before them, so that others get it.
addEventListener("pagehide", () => { if (who) leave(who); });

function correct(id) {
  view = "label";
  labeling.open(id);
}

const commands = {
  confirm: () => view === "label" && labeling.answer("labeled"),
  skip: () => view === "label" && labeling.answer("skipped"),
  undo: () => { view = "label"; labeling.back(); },
  note: () => view === "label" && labeling.note(),
  label: () => turnTo("label"),
  history: () => turnTo("history"),
  progress: () => turnTo("progress"),
  guidelines: () => turnTo("guidelines"),
};

function onKey(event) {
  if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
  const name = command(event);
  if (name) {
    event.preventDefault();
    if (!event.repeat) commands[name]();
    return;
  }
  const isTyping = event.target.matches("input, textarea");
  if (isUndo(event) && view === "label" && !(isTyping && event.target.value)) {
    event.preventDefault();
    if (!event.repeat) labeling.back();
    return;
  }
  if (event.key === "Escape" && view !== "label") {
    event.preventDefault();
    turnTo("label");
    return;
  }
  typeAnywhere(event, isTyping);
}

// What is typed while the focus is on no field goes to the search.
function typeAnywhere(event, isTyping) {
  const isLetter = event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.altKey && !event.metaKey;
  if (isTyping || !isLetter || event.isComposing || view !== "label" || $("label").hidden) return;
  labeling.focus();
  labeling.chooser.onKey(event);
}

function setWho(name) {
  who = name;
  $("who").textContent = name;
  $("who").setAttribute("aria-label", `You are ${name}. Change who labels`);
}

async function start() {
  try {
    project = await get("/api/project");
  } catch (cause) {
    labeling = { isWaiting: false, item: null };
    shell.alert(cause, start);
    return;
  }
  document.title = `${project.name} – label`;
  $("project").textContent = project.name;
  labeling = new Labeling(project, shell);
  history = new History(project, shell, correct);
  const begin = (name) => {
    labeling.stash();
    labeling.item = null;
    setWho(name);
    turnTo("label");
    labeling.next();
  };
  $("who").addEventListener("click", () => people.ask(project.people, who, begin));
  $("help-button").addEventListener("click", showHelp);
  for (const button of document.querySelectorAll("nav button")) {
    button.addEventListener("click", () => turnTo(button.dataset.view));
  }
  addEventListener("keydown", onKey);
  addEventListener("beforeunload", (event) => {
    if (labeling.isUnsaved()) event.preventDefault();
  });
  if (who) begin(who);
  else people.ask(project.people, "", begin);
}

start();
