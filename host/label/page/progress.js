// How far the project is: the estimate, the people, how they agree, and what comes next.

import { get } from "./api.js";
import { $, el, labelName } from "./dom.js";
import { curve, summary } from "./curve.js";

export async function showProgress(project, shell) {
  try {
    const progress = await get("/api/progress");
    shell.calm();
    $("progress").replaceChildren(
      el("h2", { tabindex: "-1", id: "progress-title" }, "Progress"),
      figures(progress),
      estimate(progress),
      strategy(progress),
      people(progress.people ?? []),
      agreement(progress.agreement, project.separator),
    );
    $("progress-title").focus();
  } catch (cause) {
    shell.alert(cause, () => showProgress(project, shell));
  }
}

function figures({ answered, skipped, of, batch, labels_seen: seen, n_labels: n, seconds_a_text: seconds }) {
  return el("dl", { class: "figures" },
    ...figure("Texts answered", count(answered), `of ${count(of)}`, skipped ? `${count(skipped)} skipped` : null),
    ...figure("This batch", count(batch?.done), `of ${count(batch?.of)}`),
    ...figure("Labels seen", count(seen), `of ${count(n)}`),
    ...figure("Seconds a text", decimal(seconds), "median"));
}

function figure(name, value, detail, more) {
  const first = el("dd", {}, el("strong", {}, value), " ", el("span", { class: "quiet" }, detail));
  return [el("div", {}, el("dt", {}, name), first, more ? el("dd", { class: "quiet" }, more) : null)];
}

function estimate({ rounds, stop }) {
  const points = (rounds ?? []).filter((round) => Number.isFinite(round.micro_f1));
  const last = points[points.length - 1];
  const what = last
    ? `${summary(last)}, estimated on ${count(last.audited)} texts drawn at random${Number.isFinite(last.low) ? "" : ": too few for an interval"}.`
    : "There is an estimate once the first texts drawn at random are answered and a classifier is trained.";
  return el("section", { class: "card" },
    el("h3", {}, "Estimate of quality"),
    el("p", {}, what),
    points.length ? curve(points) : null,
    stop ? el("p", { class: "stop" }, stop) : null,
    points.length ? numbers(points) : null);
}

function numbers(points) {
  const row = (p) => [count(p.labeled), count(p.audited), fixed(p.micro_f1), `${fixed(p.low)} to ${fixed(p.high)}`];
  return el("details", {}, el("summary", {}, "As a table"),
    table(["Trained on", "Judged on", "Micro-F1", "95% interval"], points.map(row)));
}

function strategy({ strategy: chosen, next }) {
  return el("section", { class: "card" },
    el("h3", {}, "What comes next"),
    next ? el("p", {}, next) : null,
    chosen ? el("p", { class: "quiet" }, el("strong", {}, chosen.name), chosen.summary ? `: ${chosen.summary}` : "") : null);
}

function people(all) {
  const row = (p) => [el("bdi", {}, p.who), count(p.answered), count(p.skipped), decimal(p.seconds_a_text)];
  return el("section", { class: "card", hidden: all.length === 0 },
    el("h3", {}, "People"), table(["Name", "Answered", "Skipped", "Seconds a text"], all.map(row)));
}

function agreement(found, separator) {
  if (!found) {
    return el("section", { class: "card" }, el("h3", {}, "Agreement"),
      el("p", { class: "quiet" }, "No text has been answered by two people yet."));
  }
  const least = [...found.by_label].sort((a, b) => (a.alpha ?? 2) - (b.alpha ?? 2));
  const rows = least.map((label) => [labelName(label.label, separator), fixed(label.alpha), count(label.texts)]);
  return el("section", { class: "card" },
    el("h3", {}, "Agreement"),
    el("p", {}, `Krippendorff's alpha over label sets is ${fixed(found.overall)}, on ${count(found.texts)} texts that several people answered. `,
      el("span", { class: "quiet" }, "1 is full agreement, 0 what chance would bring.")),
    rows.length ? el("details", { open: rows.length <= 10 }, el("summary", {}, "By label, the lowest first"),
      table(["Label", "Alpha", "Texts with it"], rows)) : null);
}

function table(head, rows) {
  const line = (tag, cells) => el("tr", {}, ...cells.map((cell, at) => el(tag, at ? { class: "number" } : {}, cell)));
  return el("div", { class: "scroll" }, el("table", {},
    el("thead", {}, line("th", head)), el("tbody", {}, ...rows.map((row) => line("td", row)))));
}

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const count = (value) => (isNumber(value) ? value.toLocaleString("en") : "–");
const decimal = (value) => (isNumber(value) ? value.toFixed(1) : "–");
const fixed = (value) => (isNumber(value) ? value.toFixed(2) : "–");
