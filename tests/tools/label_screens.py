"""Takes pictures of the labeling page as it looks in use: light and dark, on a laptop and on a tablet.

    python3 tests/tools/label_screens.py http://127.0.0.1:8123/ FOLDER [--who Ada] [--type WORDS] [--docs]

With `--docs`, the pictures of docs/label.md and no others: a text with suggestions of which the first two are taken, a search, and
the progress, of a project in use.
Nothing is answered.
"""
import argparse
import json
import pathlib
import time

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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("url")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--who", default="Ada")
    parser.add_argument("--type", default="agri cof")
    parser.add_argument("--docs", action="store_true", help="the pictures of docs/label.md")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for look, width, height, dark, touch in [DOCS] if arguments.docs else LOOKS:
        with Browser(width, height, dark, touch) as page:
            name_of = (lambda name: f"{name}.webp") if arguments.docs else (lambda name: f"{look}-{name}.png")
            save = lambda name: page.shot(arguments.folder / name_of(name))
            page.open(arguments.url)
            page.wait("document.getElementById('people').open")
            if not arguments.docs:
                save("who")
            page.type(arguments.who)
            page.key("Enter")
            if arguments.docs:
                for_docs(page, arguments.type, save)
            else:
                tour(page, arguments.type, save)
            print(json.dumps({"look": look, "troubles": page.troubles}))


if __name__ == "__main__":
    main()
