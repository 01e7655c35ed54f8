// How long somebody was at a text: while it is in sight, and without the breaks.

// After so many seconds without a key, a click or a movement of the text, somebody is elsewhere.
const BREAK = 120;

export class Clock {
  constructor() {
    this.seconds = 0;
    this.last = null;
    for (const sign of ["keydown", "pointerdown", "wheel", "touchmove"]) {
      addEventListener(sign, () => this.touch(), { passive: true, capture: true });
    }
    document.addEventListener("visibilitychange", () => (document.hidden ? this.pause() : this.resume()));
  }

  start(seconds) {
    this.seconds = seconds;
    this.last = performance.now();
  }

  touch() {
    if (this.last === null) return;
    const now = performance.now();
    this.seconds += Math.min((now - this.last) / 1000, BREAK);
    this.last = now;
  }

  pause() {
    this.touch();
    this.isPaused = this.last !== null;
    this.last = null;
  }

  resume() {
    if (this.isPaused) this.last = performance.now();
    this.isPaused = false;
  }

  // Seconds so far, to a tenth.
  read() {
    this.touch();
    return Math.round(this.seconds * 10) / 10;
  }
}
