// What is shown while there is no text to label, and for how long it has been so.

import { $, phrase } from "./dom.js";

const TITLES = {
  training: "The next texts are being chosen",
  others: "Others have the remaining texts",
  finished: "Everything is labeled",
  failed: "No more texts can be chosen",
};

export class Wait {
  constructor(again) {
    this.why = null;
    $("again").addEventListener("click", again);
  }

  // Answers whether to ask again by itself.
  show({ why, message, hint }) {
    if (this.why !== why) {
      this.why = why;
      this.since = Date.now();
      $("wait-title").textContent = TITLES[why] ?? "Please wait";
    }
    const goesOn = why === "training" || why === "others";
    // Read out only when it changes.
    if (this.message !== message) $("wait-message").replaceChildren(...phrase(message));
    this.message = message;
    $("wait-hint").replaceChildren(...phrase(hint ?? ""));
    $("wait-time").textContent = goesOn ? "This page goes on by itself." : "";
    $("again").hidden = goesOn;
    const wasHidden = $("waiting").hidden;
    $("waiting").hidden = false;
    this.tick ??= setInterval(() => this.showTime(), 1000);
    if (wasHidden && !goesOn) $("again").focus();
    return goesOn;
  }

  showTime() {
    const seconds = Math.round((Date.now() - this.since) / 1000);
    const goesOn = this.why === "training" || this.why === "others";
    if (goesOn && seconds > 2) $("wait-time").textContent = `This page goes on by itself. ${seconds} s so far.`;
  }

  hide() {
    $("waiting").hidden = true;
    this.why = null;
    clearInterval(this.tick);
    this.tick = null;
  }
}
