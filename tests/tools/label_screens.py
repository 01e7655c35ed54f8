"""Takes pictures of the labeling page as it looks in use: light and dark, on a laptop and on a tablet.

    python3 tests/tools/label_screens.py http://127.0.0.1:8123/ FOLDER [--who Ada] [--type WORDS] [--rough | --docs]

With `--docs`, the pictures of docs/label.md and no others: a text with suggestions of which the first two are taken, a search, and
the progress, of a project in use; nothing is answered.
With `--rough`, for the made-up project of `cargo run -p alhost-label --example page_stub` alone, it answers texts and
shows long ones, those from right to left, markup, the waiting and an error as well. Otherwise it answers nothing.
"""
import argparse
import json
import pathlib
import time
import urllib.request

from browser import Browser

# As small as a laptop's window gets, so that the pictures are.
DOCS = ("docs", 1100, 680, False, False)
LOOKS = [("laptop-light", 1280, 800, False, False), ("laptop-dark", 1280, 800, True, False),
         ("tablet-light", 810, 1080, False, True), ("tablet-dark", 810, 1080, True, True)]


def tour(page, typed, save):
    """The views of any project."""
    page.wait("!document.getElementById('label').hidden && document.getElementById('text').textContent")
    page.run("document.getElementById('search').focus()")
    save("label")
    page.type(typed)
    time.sleep(0.4)
    save("search")
    page.key("Escape")
    page.key("?")
    time.sleep(0.2)
    save("help")
    page.key("Escape")
    page.key("ArrowRight")
    time.sleep(0.3)
    page.key("ArrowDown")
    page.key("ArrowRight")
    time.sleep(0.3)
    save("browse")
    page.key("Escape")
    for key, name in [("j", "history"), ("p", "progress"), ("g", "guidelines")]:
        page.key(key, alt=True)
        time.sleep(0.5)
        save(name)
    page.key("l", alt=True)


def for_docs(page, typed, save):
    """The pictures of the documentation."""
    page.wait("document.querySelectorAll('#options .percent').length > 1")
    page.run("document.getElementById('search').focus()")
    page.key("1")
    page.key("2")
    time.sleep(0.3)
    save("label-text")
    page.type(typed)
    time.sleep(0.4)
    save("label-search")
    page.key("Escape")
    page.key("p", alt=True)
    page.wait("!!document.querySelector('#progress .curve')")
    save("label-progress")


def rough(page, url, save):
    """What only the made-up project has, in the order of its texts."""
    shown = "document.getElementById('text').dataset.id"
    names = {1: "markup", 2: "right-to-left", 3: "long", 4: "audit"}
    for at in range(5):
        page.wait(f"{shown} === '{at}'")
        if at in names:
            save(names[at])
        if at == 3:
            for step in range(12):
                page.key("ArrowUp" if step else "ArrowDown")
                page.key("Enter")
            for word in ["wheat fisher", "prices agri", "strikes metal"]:
                page.type(word)
                time.sleep(0.3)
                page.key("Enter")
            page.type("a brand new label of some length/which is a path")
            time.sleep(0.3)
            page.key("ArrowUp")
            page.key("Enter")
            page.key("n", alt=True)
            page.type("Ask Grace whether strikes count.")
            save("many-labels")
        page.key("Enter", ctrl=True)
    page.wait(f"{shown} === '5'")
    page.key("1")
    fail = urllib.request.Request(f"{url}stub/fail/1", method="POST")
    urllib.request.urlopen(fail).read()
    page.key("Enter", ctrl=True)
    page.wait("!document.getElementById('alert').hidden")
    save("error")
    for at in range(5, 20):
        page.wait(f"{shown} === '{at}'")
        page.key("Enter", ctrl=True)
    page.wait("!document.getElementById('waiting').hidden")
    time.sleep(1.2)
    save("waiting")
    page.key("j", alt=True)
    time.sleep(0.5)
    save("answers")
    page.key("ArrowDown")
    page.key("Enter")
    time.sleep(0.5)
    save("correction")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("url")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--who", default="Ada")
    parser.add_argument("--type", default="agri cof")
    parser.add_argument("--rough", action="store_true", help="the server is the made-up project: answer its texts")
    parser.add_argument("--docs", action="store_true", help="the pictures of docs/label.md")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for look, width, height, dark, touch in [DOCS] if arguments.docs else LOOKS:
        if arguments.rough:
            anew = urllib.request.Request(f"{arguments.url}stub/anew/400", method="POST")
            urllib.request.urlopen(anew).read()
        with Browser(width, height, dark, touch) as page:
            name_of = (lambda name: f"{name}.webp") if arguments.docs else (lambda name: f"{look}-{name}.png")
            save = lambda name: page.shot(arguments.folder / name_of(name))
            page.open(arguments.url)
            page.wait("document.getElementById('people').open")
            if not arguments.docs:
                save("who")
            page.type(f"{arguments.who} {look}" if arguments.rough else arguments.who)
            page.key("Enter")
            if arguments.docs:
                for_docs(page, arguments.type, save)
            else:
                tour(page, arguments.type, save)
            if arguments.rough:
                rough(page, arguments.url, save)
            print(json.dumps({"look": look, "troubles": page.troubles}))


if __name__ == "__main__":
    main()
