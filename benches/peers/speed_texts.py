"""The texts that both sides of `speed.py` work on: a data set's first ones, or made-up ones of the same lengths."""
import gzip
import json
import pathlib
import random
import re

SPLITS = {"train": 11_873, "dev": 1_319, "test": 5_790}  # texts of Reuters-21578 with all category sets
N_LABELS = 263
LABELS_A_TEXT = 2
# Every twentieth of its texts has at most so many tokens, [CLS] and [SEP] included: 104 on average where they are
# cut to 128, as here.
LENGTHS = [9, 24, 43, 61, 73, 84, 94, 103, 112, 120, 128, 136, 147, 162, 189, 221, 253, 301, 379, 546, 1630]


class Texts:
    """Three splits of objects with `id`, `text` and `labels`, and all labels."""

    def __init__(self, splits, labels):
        self.splits = splits
        self.labels = labels

    def first(self, n):
        return self.splits["train"][:n]

    def long(self, n, words):
        """`n` texts of at least so many words, hence tokens: each is several of train, one behind the other."""
        texts, parts, have = [], [], 0
        for part in self.splits["train"]:
            parts.append(part)
            have += len(part["text"].split())
            if have >= words:
                labels = sorted({label for part in parts for label in part["labels"]})
                text = "\n".join(part["text"] for part in parts)
                texts.append({"id": parts[0]["id"], "text": text, "labels": labels})
                parts, have = [], 0
            if len(texts) == n:
                return texts
        raise ValueError(f"train makes {len(texts)} texts of {words} words, and {n} are needed")

    def write(self, folder, share):
        """Writes this share of each split, and the labels, as both sides read a data set."""
        for name, texts in self.splits.items():
            write(folder / f"{name}.jsonl", texts[: max(1, round(len(texts) * share))])
        (folder / "labels.txt").write_text("".join(f"{label}\n" for label in self.labels))


def read(folder):
    """Reads `train`, `dev` and `test` with `.jsonl` or `.jsonl.gz`, and `labels.txt`."""
    folder = pathlib.Path(folder)
    splits = {name: read_split(folder, name) for name in SPLITS}
    labels = (folder / "labels.txt").read_text().split("\n")
    return Texts(splits, [label for label in labels if label])


def read_split(folder, name):
    plain = folder / f"{name}.jsonl"
    file = open(plain) if plain.exists() else gzip.open(folder / f"{name}.jsonl.gz", "rt")
    with file:
        return [json.loads(line) for line in file]


def make_up(checkpoint, seed=1):
    """Makes texts of words that are one token each for the checkpoint, with labels of which few are frequent."""
    rng = random.Random(seed)
    vocabulary = (pathlib.Path(checkpoint) / "vocab.txt").read_text().split("\n")
    words = [word for word in vocabulary if re.fullmatch("[a-z]{3,}", word)]
    labels = [f"label-{number}" for number in range(N_LABELS)]
    weights = [1 / (number + 1) for number in range(N_LABELS)]

    def text(split, number):
        twentieth = rng.randrange(len(LENGTHS) - 1)
        tokens = rng.uniform(LENGTHS[twentieth], LENGTHS[twentieth + 1])
        drawn = rng.choices(labels, weights, k=LABELS_A_TEXT)
        text = " ".join(rng.choices(words, k=round(tokens) - 2))
        return {"id": f"{split}-{number}", "text": text, "labels": sorted(set(drawn))}

    return Texts({split: [text(split, at) for at in range(n)] for split, n in SPLITS.items()}, labels)


def write(path, texts):
    path.write_text("".join(json.dumps(text) + "\n" for text in texts))
