// The estimate of quality against the texts trained on, with its interval, drawn by hand.

import { svg } from "./dom.js";

const SIZE = { width: 720, height: 300, left: 44, right: 16, top: 14, bottom: 40 };

// `rounds`: [{labeled, audited, micro_f1, low, high}], those without an estimate left out.
export function curve(rounds) {
  const points = rounds.filter((round) => Number.isFinite(round.micro_f1));
  if (!points.length) return null;
  const most = Math.max(...points.map((point) => point.labeled), 1);
  const x = (labeled) => SIZE.left + (labeled / most) * (SIZE.width - SIZE.left - SIZE.right);
  const y = (value) => SIZE.top + (1 - value) * (SIZE.height - SIZE.top - SIZE.bottom);
  const last = points[points.length - 1];
  return svg("svg", { viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, class: "curve", role: "img", "aria-label": summary(last) },
    ...grid(x, y, most),
    svg("polygon", { class: "interval", points: interval(points, x, y) }),
    svg("polyline", { class: "line", points: points.map((p) => `${x(p.labeled)},${y(p.micro_f1)}`).join(" ") }),
    ...points.map((point) => dot(point, x, y)));
}

function interval(points, x, y) {
  const edge = (key) => points.filter((p) => Number.isFinite(p[key])).map((p) => `${x(p.labeled)},${y(p[key])}`);
  return [...edge("high"), ...edge("low").reverse()].join(" ");
}

function dot(point, x, y) {
  const bars = Number.isFinite(point.low) && Number.isFinite(point.high);
  return svg("g", { class: "point" },
    svg("title", {}, summary(point)),
    bars ? svg("line", { x1: x(point.labeled), x2: x(point.labeled), y1: y(point.low), y2: y(point.high) }) : null,
    svg("circle", { cx: x(point.labeled), cy: y(point.micro_f1), r: 4 }));
}

function grid(x, y, most) {
  const parts = [];
  for (const value of [0, 0.2, 0.4, 0.6, 0.8, 1]) {
    parts.push(svg("line", { class: "grid", x1: SIZE.left, x2: SIZE.width - SIZE.right, y1: y(value), y2: y(value) }));
    parts.push(svg("text", { x: SIZE.left - 8, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(1)));
  }
  for (const value of ticks(most)) {
    parts.push(svg("text", { x: x(value), y: SIZE.height - SIZE.bottom + 18, "text-anchor": "middle" }, String(value)));
  }
  parts.push(svg("text", { x: (SIZE.left + SIZE.width - SIZE.right) / 2, y: SIZE.height - 4, "text-anchor": "middle" }, "texts trained on"));
  return parts;
}

// Round numbers from 0 on, at most six of them.
export function ticks(most) {
  const rough = most / 5;
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? 10 * power;
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => index * step);
}

export function summary({ labeled, micro_f1: value, low, high }) {
  const interval = Number.isFinite(low) && Number.isFinite(high) ? `, 95% interval ${low.toFixed(2)} to ${high.toFixed(2)}` : "";
  return `Trained on ${labeled} texts: micro-F1 ${value.toFixed(2)}${interval}`;
}
