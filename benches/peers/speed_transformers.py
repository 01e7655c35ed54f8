"""One measurement of `speed.py` in transformers, in a process of its own; prints it as JSON on the last line.

    speed_transformers.py encode f32 minilm --checkpoint FOLDER --texts FILE --tokens 128 --batch 32
    speed_transformers.py linear bf16-autocast base --checkpoint FOLDER --texts FILE --tokens 512 --batch 16

Importing, loading the model and tokenizing come before the clock starts, and so does the work on the first two batches.
Then all texts are encoded, or all batches but those two are trained on, once.

`base` is BERT-base with random weights; the checkpoint's tokenizer, which has the same vocabulary, serves it too.
"""
import argparse
import contextlib
import json
import time

import torch
import transformers

SEED = 1
RATE = 5e-5
WIDTHS = (3, 4, 5)
FILTERS = 256
DROPOUT = 0.1
WARM_UP = 2
N_LABELS = 263  # at least so many, as alhost's benchmark has


class CnnHead(torch.nn.Module):
    """Kim (2014) over the last hidden states of an encoder: convolutions, ReLU, maximum over time, dropout, linear."""

    def __init__(self, encoder, n_labels):
        super().__init__()
        self.encoder = encoder
        hidden = encoder.config.hidden_size
        self.convolutions = torch.nn.ModuleList(torch.nn.Conv1d(hidden, FILTERS, width) for width in WIDTHS)
        self.dropout = torch.nn.Dropout(DROPOUT)
        self.output = torch.nn.Linear(FILTERS * len(WIDTHS), n_labels)

    def forward(self, input_ids, attention_mask):
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        states = (states * attention_mask.unsqueeze(2)).transpose(1, 2)  # [batch, hidden, len]
        missing = max(WIDTHS) - states.shape[2]
        if missing > 0:
            states = torch.nn.functional.pad(states, (0, missing))
        maxima = [convolution(states).relu().amax(dim=2) for convolution in self.convolutions]
        return self.output(self.dropout(torch.cat(maxima, dim=1)))


class LinearHead(torch.nn.Module):
    """What `AutoModelForSequenceClassification` makes: [CLS], a dense layer with tanh, dropout, linear."""

    def __init__(self, classifier):
        super().__init__()
        self.classifier = classifier

    def forward(self, input_ids, attention_mask):
        return self.classifier(input_ids=input_ids, attention_mask=attention_mask).logits


def load(options, kind, **config):
    """Loads a model of this kind with the checkpoint's weights, or makes one of BERT-base's size."""
    if options.model == "base":
        return kind.from_config(transformers.BertConfig(**config))
    return kind.from_pretrained(options.checkpoint, **config)


def classifier(options, n_labels):
    if options.what == "linear":
        kind = transformers.AutoModelForSequenceClassification
        return LinearHead(load(options, kind, num_labels=n_labels))
    return CnnHead(load(options, transformers.AutoModel), n_labels)


def precision(way):
    """What surrounds a forward pass."""
    return torch.autocast("cpu", torch.bfloat16) if "autocast" in way else contextlib.nullcontext()


def read(options):
    """The tokenizer, the texts' token ids, cut to `--tokens`, and their labels."""
    with open(options.texts) as file:
        texts = [json.loads(line) for line in file]
    tokenizer = transformers.AutoTokenizer.from_pretrained(options.checkpoint)
    ids = tokenizer([text["text"] for text in texts], truncation=True, max_length=options.tokens)["input_ids"]
    return tokenizer, ids, [text["labels"] for text in texts]


def padded(tokenizer, ids):
    """A batch as wide as its longest text."""
    return dict(tokenizer.pad({"input_ids": ids}, padding="longest", return_tensors="pt"))


def encode(options):
    """Encodes all texts into the means of their tokens' states; returns the seconds and the number of texts."""
    tokenizer, ids, _ = read(options)
    model = load(options, transformers.AutoModel).eval()
    if options.way == "bf16-weights":
        model = model.to(torch.bfloat16)
    if options.way != "f32":
        ids.sort(key=len)
    batches = [ids[at : at + options.batch] for at in range(0, len(ids), options.batch)]

    def mean(batch):
        batch = padded(tokenizer, batch)
        with precision(options.way):
            states = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(2)
        return (states * mask).sum(dim=1).float() / mask.sum(dim=1)

    with torch.inference_mode():
        for batch in batches[: WARM_UP]:
            mean(batch)
        started = time.perf_counter()
        embeddings = torch.cat([mean(batch) for batch in batches])
        seconds = time.perf_counter() - started
    if not embeddings.isfinite().all() or len(embeddings) != len(ids):
        raise ValueError("an embedding is missing or not finite")
    return seconds, len(ids)


def train(options):
    """Trains on each batch once; returns the seconds and the number of texts."""
    tokenizer, ids, labels = read(options)
    distinct = sorted({label for text in labels for label in text})
    numbers = {label: number for number, label in enumerate(distinct)}
    targets = torch.zeros(len(ids), max(N_LABELS, len(numbers)))
    for row, text in enumerate(labels):
        targets[row, [numbers[label] for label in text]] = 1
    model = classifier(options, targets.shape[1]).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, fused="fused" in options.way)

    def step(at):
        batch = padded(tokenizer, ids[at : at + options.batch])
        with precision(options.way):
            logits = model(batch["input_ids"], batch["attention_mask"])
        of_batch = targets[at : at + options.batch]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), of_batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    starts = range(0, len(ids), options.batch)
    losses = [step(at) for at in starts[: WARM_UP]]
    started = time.perf_counter()
    losses += [step(at) for at in starts[WARM_UP :]]
    seconds = time.perf_counter() - started
    if not all(loss == loss for loss in losses):
        raise ValueError("a loss is not a number")
    return seconds, len(ids) - WARM_UP * options.batch


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["encode", "linear", "cnn"])
    parser.add_argument("way", choices=["f32", "bf16-autocast", "bf16-autocast-fused", "bf16-weights"])
    parser.add_argument("model", choices=["minilm", "base"])
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--texts", required=True)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--batch", type=int, default=16)
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.manual_seed(SEED)
    seconds, n = encode(options) if options.what == "encode" else train(options)
    print(json.dumps({"texts_per_s": n / seconds, "seconds": seconds, "texts": n}))


if __name__ == "__main__":
    main()
