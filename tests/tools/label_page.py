"""Labels texts on the page of `alhost label serve` in a real browser, with the keyboard alone.

    python3 tests/tools/label_page.py http://127.0.0.1:8123/ --texts 40 [--who Ada] [--gold FILE] [--names FILE] [--pause 0]

A FILE of gold labels has lines {"text": ..., "labels": [...]}. Without one, labels are drawn from those the server
has. Every 13th text is skipped; after every 17th, the page goes back and one label of the last answer is changed; every
29th, an earlier answer is found by its words and corrected. While the server trains, it waits as a person would. `--pause`
says how many seconds it looks at a text; without any, it is through the texts of the audit before a training is done.

Prints one JSON object: "answers", which has for each text's id what the page was last told to save
({labels, status}); "stroke_ms", from the key to the frame that shows the list, median and 99%; "n_strokes",
"heap_bytes" after the garbage is collected, "n_undone", "n_skipped", "n_corrected", "n_waits", "seconds", and "troubles", what the page
complained of, which is empty if all went well. Without a Chromium it prints {"skipped": ...}.
"""
import argparse
import json
import random
import time
import urllib.parse
import urllib.request

from browser import Browser, chromium

# Notes for each key in the search when it was pressed, and when the list for what then stood in the field was painted.
STROKES = """
window.strokes = [];
let pressed = null;
addEventListener("keydown", (event) => { if (event.target.id === "search") pressed = event.timeStamp; }, true);
addEventListener("input", (event) => {
  if (event.target.id !== "search" || pressed === null) return;
  const stroke = { at: pressed, query: event.target.value.trim() };
  pressed = null;
  window.awaited = stroke;
}, true);
addEventListener("DOMContentLoaded", () => {
  new MutationObserver(() => {
    const stroke = window.awaited;
    if (!stroke || document.getElementById("options").dataset.query !== stroke.query) return;
    window.awaited = null;
    requestAnimationFrame(() => { const shown = new MessageChannel(); shown.port1.onmessage = () => strokes.push(performance.now() - stroke.at); shown.port2.postMessage(0); });
  }).observe(document.getElementById("options"), { childList: true, attributes: true });
});
"""

CHOSEN = "[...document.querySelectorAll('#chosen .chip > .name')].map(e => e.textContent)"
LISTED = "[...document.querySelectorAll('#options .option:not(.new) .name')].map(e => e.textContent)"
# The id of the text on the screen, once it can be answered.
READY = "!document.getElementById('label').hidden && document.getElementById('confirm').ariaDisabled !== 'true' && document.getElementById('text').dataset.id"
WAITING = "!document.getElementById('waiting').hidden && document.getElementById('wait-title').textContent"


class Labeler:
    """A person at the keyboard, who remembers what they answered."""

    def __init__(self, page, gold, names, pause):
        self.page, self.gold, self.names, self.pause = page, gold, names, pause
        self.random = random.Random(5)
        self.answers = {}
        self.n_undone = self.n_skipped = self.n_corrected = self.n_waits = 0

    def text(self, other_than=None):
        """The id of the text shown, or None when there are no more."""
        other = f" !== {json.dumps(other_than)}" if other_than else ""
        while True:
            state = self.page.wait(f"({READY}{other}) && {READY} || ({WAITING})", seconds=300)
            if state in ("Everything is labeled", "No more texts can be chosen"):
                return None
            if self.page.run(f"({WAITING})"):
                self.n_waits += 1
                self.page.wait(f"!({WAITING}) || !document.getElementById('again').hidden", seconds=300)
                continue
            return self.page.run(READY)

    def chosen(self):
        return sorted(self.page.run(CHOSEN))

    def take(self, name):
        """Types a name until it comes first in the list, and takes it."""
        for end in range(1, len(name) + 1):
            self.page.key(name[end - 1])
            typed = json.dumps(name[:end].strip())
            self.page.wait(f"document.getElementById('options').dataset.query === {typed}")
            if end >= min(3, len(name)) and self.page.run(f"({LISTED})[0] === {json.dumps(name)}"):
                break
        while self.page.run(f"document.querySelector('#options .active .name')?.textContent !== {json.dumps(name)}"):
            self.page.key("ArrowDown")
        self.page.key("Enter")
        self.page.wait("document.getElementById('search').value === ''")

    def wanted(self):
        text = self.page.run("document.getElementById('text').textContent")
        if self.gold is not None:
            return self.gold[text]
        return self.random.sample(self.names, self.random.randint(0, 3))

    def choose(self, labels):
        """Makes the labels chosen exactly these: digits for what is suggested, the search for the rest."""
        for name in sorted(set(self.chosen()) ^ set(labels)):
            suggested = self.page.run(LISTED)[:9]
            if name in suggested:
                self.page.key(str(suggested.index(name) + 1))
            else:
                self.take(name)
        assert self.chosen() == sorted(labels), (self.chosen(), labels)

    def confirm(self, id, labels, skip=False):
        self.page.key("Enter", ctrl=True, shift=skip)
        self.answers[id] = {"labels": [] if skip else sorted(labels), "status": "skipped" if skip else "labeled"}
        return self.text(other_than=id)

    def undo(self, last, here):
        """Goes back to the last text, changes its answer, and comes back to this one."""
        self.page.key("z", alt=True)
        assert self.text(other_than=here) == last, "back leads to the text before"
        assert self.chosen() == self.answers[last]["labels"], "the earlier answer is shown"
        self.change(last)
        self.n_undone += 1
        return self.text()

    def change(self, id):
        """Takes the first label away, or takes one where there was none."""
        before = self.chosen()
        labels = before[1:] if before else [self.names[len(self.answers) % len(self.names)]]
        self.choose(labels)
        self.confirm(id, labels)

    def correct(self, id, here):
        """Finds an earlier answer by its words, and changes it."""
        self.page.key("z", alt=True)
        self.text(other_than=here)
        words = self.page.run("document.getElementById('text').textContent").split()
        last = self.page.run(READY)
        self.page.key("l", alt=True)
        assert self.text(other_than=last) == here, "leaving a correction leads to the open text"
        self.page.key("j", alt=True)
        self.page.wait("document.activeElement.id === 'history-search'")
        word = max(words[:30], key=len)[:20]
        self.page.type(word)
        self.page.wait(f"document.getElementById('answers').dataset.query === {json.dumps(word)}")
        self.page.wait("document.querySelectorAll('#answers button').length > 0", seconds=10)
        self.page.key("ArrowDown")
        self.page.key("Enter")
        found = self.text(other_than=here)
        self.change(found)
        self.n_corrected += 1
        return self.text()

    def label(self, n_texts):
        id, last = self.text(), None
        for count in range(1, n_texts + 1):
            if id is None:
                return
            time.sleep(self.pause)
            skip = count % 13 == 0
            labels = [] if skip else self.wanted()
            self.choose(labels)
            last, id = id, self.confirm(id, labels, skip)
            self.n_skipped += skip
            if id and count % 17 == 0:
                id = self.undo(last, id)
            if id and count % 29 == 0:
                id = self.correct(last, id)


def read_gold(path):
    with open(path, encoding="utf-8") as file:
        records = [json.loads(line) for line in file if line.strip()]
    return {record["text"]: record["labels"] for record in records}


def label_names(url):
    """Names of labels that can be typed on the driver's keyboard, as the server's own search gives them."""
    asked = urllib.request.Request(urllib.parse.urljoin(url, "/api/labels?q=&n=300"), headers={"X-Alhost": "1"})
    names = [label["name"] for label in json.load(urllib.request.urlopen(asked))["labels"]]
    return [name for name in names if name.isprintable()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("url")
    parser.add_argument("--texts", type=int, default=40)
    parser.add_argument("--who", default="Ada")
    parser.add_argument("--gold")
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--names", help="a file with label names, one a line, where the server's search wants a cookie")
    arguments = parser.parse_args()
    if chromium() is None:
        return print(json.dumps({"skipped": "no Chromium on this machine"}))
    gold = read_gold(arguments.gold) if arguments.gold else None
    if arguments.names:
        with open(arguments.names, encoding="utf-8") as file:
            names = file.read().splitlines()
    else:
        names = label_names(arguments.url)
    began = time.monotonic()
    with Browser() as page:
        page.send("Page.addScriptToEvaluateOnNewDocument", source=STROKES)
        page.open(arguments.url)
        page.wait("document.getElementById('people').open")
        page.type(arguments.who)
        page.key("Enter")
        labeler = Labeler(page, gold, names, arguments.pause)
        labeler.label(arguments.texts)
        strokes = sorted(page.run("strokes"))
        report = {
            "answers": labeler.answers, "n_strokes": len(strokes), "n_undone": labeler.n_undone,
            "n_skipped": labeler.n_skipped, "n_corrected": labeler.n_corrected, "n_waits": labeler.n_waits,
            "heap_bytes": page.heap(), "seconds": round(time.monotonic() - began, 1), "troubles": page.troubles,
        }
        if strokes:
            report["stroke_ms"] = {"median": strokes[len(strokes) // 2], "99%": strokes[len(strokes) * 99 // 100]}
        print(json.dumps(report, ensure_ascii=False))


if __name__ == "__main__":
    main()
