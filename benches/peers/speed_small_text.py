"""One run of active learning in small-text with transformers, for `speed.py`; prints its seconds as JSON.

    speed_small_text.py --checkpoint FOLDER --data FOLDER --tokens 128 --batch 16 --epochs 10 --dev-texts 400 ...

The clock starts when the libraries are imported. small-text pads every text to `--tokens`, computes in f32, looks at
the validation texts after each epoch, and writes the weights of every epoch to a file in order to take the best.
"""
import argparse
import json
import time

import numpy as np
import small_text
import torch
import transformers

import speed_texts

SEED = 1


class Clock:
    """Adds up the seconds of each phase."""

    def __init__(self):
        self.seconds = {}
        self.at = time.perf_counter()

    def charge(self, phase):
        now = time.perf_counter()
        self.seconds[phase] = self.seconds.get(phase, 0) + now - self.at
        self.at = now


def dataset(texts, labels, tokenizer, tokens):
    """As `TransformersDataset.from_arrays` makes it, which calls what transformers 5 no longer has."""
    encoded = tokenizer(
        [text["text"] for text in texts],
        padding="max_length",
        truncation=True,
        max_length=tokens,
        return_tensors="pt",
    )
    numbers = {label: number for number, label in enumerate(labels)}
    rows = [
        (ids.unsqueeze(0), mask.unsqueeze(0), np.sort([numbers[label] for label in text["labels"]]).astype(int))
        for text, ids, mask in zip(texts, encoded["input_ids"], encoded["attention_mask"])
    ]
    return small_text.TransformersDataset(rows, multi_label=True, target_labels=np.arange(len(labels)))


def learner(options, train, dev, n_labels):
    factory = small_text.TransformerBasedClassificationFactory(
        small_text.TransformerModelArguments(options.checkpoint),
        n_labels,
        kwargs={
            "multi_label": True,
            "num_epochs": options.epochs,
            "mini_batch_size": options.batch,
            "lr": 5e-5,
            "device": "cpu",
            "verbosity": 0,
            "cache_dir": options.scratch,
        },
    )
    strategy = small_text.CategoryVectorInconsistencyAndRanking(pbar=None)
    validation = dev[np.arange(min(options.dev_texts, len(dev)))]
    fit = {"validation_set": validation, "early_stopping": "none"}
    return small_text.PoolBasedActiveLearner(factory, strategy, train, fit_kwargs=fit)


def run(options):
    clock = Clock()
    texts = speed_texts.read(options.data)
    tokenizer = transformers.AutoTokenizer.from_pretrained(options.checkpoint)
    train, dev, test = (
        dataset(texts.splits[split], texts.labels, tokenizer, options.tokens) for split in ("train", "dev", "test")
    )
    y = train.y
    clock.charge("read")
    active = learner(options, train, dev, len(texts.labels))
    initial = np.random.default_rng(SEED).choice(len(train), options.initial, replace=False)
    active.initialize_data(initial, y[initial])
    clock.charge("train")
    while True:
        for split in (dev, test):
            active.classifier.predict(split)
        clock.charge("predict")
        if len(active.indices_labeled) >= options.budget:
            return clock.seconds
        picks = active.query(num_samples=options.query)
        clock.charge("query")
        active.update(y[picks])
        clock.charge("train")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("checkpoint", "data", "scratch"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("tokens", "batch", "epochs", "dev-texts", "initial", "query", "budget"):
        parser.add_argument(f"--{name}", type=int, required=True)
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.manual_seed(SEED)
    phases = run(options)
    print(json.dumps({"seconds": sum(phases.values()), "phases": phases}))


if __name__ == "__main__":
    main()
