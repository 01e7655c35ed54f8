"""Labels texts with the classifier in this folder; needs torch, transformers and safetensors.

    python reader.py < texts.jsonl > predictions.jsonl

A line in has "id" and "text"; a line out has "id", the labels above the classifier's threshold, best
first, and "scores", their probabilities.
"""

import json
import pathlib
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer


class Classifier:
    def __init__(self, folder):
        folder = pathlib.Path(folder)
        read = lambda name: json.loads((folder / name).read_text(encoding="utf-8"))
        self.labels, self.threshold = read("labels.json"), read("thresholds.json")["own"]
        self.widths = read("alhost.json")["model"]["widths"]
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.encoder = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
        self.head = load_file(folder / "head.safetensors")

    @torch.no_grad()
    def probabilities(self, text):
        """The probability of each label, in the order of `labels`."""
        tokens = self.tokenizer(text, truncation=True, return_tensors="pt")
        states = self.encoder(**tokens).last_hidden_state[0].T  # [hidden, tokens]
        features = []
        for width in self.widths:
            weight, bias = (self.head[f"conv{width}.{part}"] for part in ("weight", "bias"))
            # A text shorter than the filter is followed by zeros; elsewhere windows lie within the text.
            missing = max(0, width - states.shape[1])
            signal = torch.nn.functional.pad(states, (0, missing))
            windows = torch.nn.functional.conv1d(signal[None], weight, bias)[0]  # [filters, windows]
            features.append(windows.amax(1).relu())
        logits = self.head["output.weight"] @ torch.cat(features) + self.head["output.bias"]
        return logits.sigmoid()

    def predict(self, text, threshold=None):
        """Labels above the threshold with their probabilities, best first; None is the classifier's own."""
        threshold = self.threshold if threshold is None else threshold
        found = zip(self.labels, self.probabilities(text).tolist())
        return sorted((p for p in found if threshold is not None and p[1] > threshold), key=lambda p: -p[1])


if __name__ == "__main__":
    classifier = Classifier(pathlib.Path(__file__).parent)
    for line in sys.stdin.buffer:
        item = json.loads(line)
        found = classifier.predict(item["text"])
        print(json.dumps({"id": item["id"], "labels": [p[0] for p in found], "scores": [p[1] for p in found]}))
