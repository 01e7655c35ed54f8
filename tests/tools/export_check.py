"""Compares what transformers and sentence-transformers make of `alhost export` with `alhost predict`.

    python tests/tools/export_check.py make FOLDER ALHOST [CHECKPOINT...]
    python tests/tools/export_check.py compare FOLDER

`make` trains a small classifier with each head on each checkpoint, exports it, and lets alhost label 1,000
texts of hostile Unicode. `minilm` is a checkpoint, and so are `cased` and `added`, which are made here:
BERTs with random weights and a WordPiece vocabulary, the second with tokens added to it. `compare` does the
same with the libraries of its Python; run it once for each version. It fails where a probability is
more than 1e-4 from alhost's, and prints the largest difference for each classifier.
"""

import json
import pathlib
import random
import subprocess
import sys

LIMIT = 1e-4
HEADS = {
    "logistic-mean": ["model.head=logistic", "model.pooling=mean"],
    "logistic-cls": ["model.head=logistic", "model.pooling=cls"],
    "linear-frozen": ["model.head=linear"],
    "linear-fine-tuned": ["model.head=linear", "model.encoder=fine-tuned"],
    "cnn": ["model.head=cnn", "model.encoder=fine-tuned", "model.filters=16", "model.widths=[5,2,3]"],
}
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = "Wheat corn Crude oil ship trade Court law Market fish the of and rules new old".split()
LABELS = ['grain', 'a "quoted": label', "[x](y) | `z`", "\u4e2d\u6587 \U0001f33e", "true", "<b>&amp;</b>", "- item", "never"]
ODD = [
    "", " ", "\t\n\r", "[SEP]", "[CLS] wheat [MASK][PAD]", "Wheat[SEP]corn", "<url>", "the<url>Court", "[E1] x[E1]", "\u00c9cole e\u0301",
    "\u0130stanbul \u1e9e \u00df \ufb01", "\u4e2d\u6587\u65e5\u672c\u8a9e", "\U0001f642 \U0001f469\u200d\U0001f469\u200d\U0001f467 wheat\ufe0f",
    "\u0000wheat\u0001 \u200boil\u00ad\ufeff", "\x1cwheat\x1d \x85oil\u2028law", "\u202eoil law\u202c", "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd", "\u0928\u092e\u0938\u094d\u0924\u0947",
    "\U0010ffff \ue000 \ufffd", "wheat\u3000corn\u00a0law", "a" * 100, "a" * 101, "\u0301\u0327\u0323", "https://example.org/a.png", "/etc/passwd", "data:image/png;base64,AA", "{}", "None",
    "\U0001d531\U0001d525\U0001d522 \uff54\uff48\uff45", "don't u.s. 1,2.1", "wheat " * 400, "\u4e2d" * 700, "\U0001f642" * 300,
]


def texts(n, seed=7):
    rng = random.Random(seed)
    ranges = [(0x20, 0x7F), (0, 0x20), (0xA0, 0x250), (0x300, 0x370), (0x590, 0x700), (0x900, 0x980), (0x2000, 0x2070), (0x4E00, 0x9FFF), (0xFE00, 0xFE10), (0x1F300, 0x1F650), (0xE0000, 0xE0080)]

    def piece():
        kind = rng.random()
        if kind < 0.45:
            return rng.choice(WORDS)
        if kind < 0.7:
            return rng.choice(ODD)[:60]
        low, high = rng.choice(ranges)
        return "".join(chr(rng.randrange(low, high)) for _ in range(rng.randrange(1, 9)))

    made = list(ODD)
    while len(made) < n:
        made.append(rng.choice([" ", "", " ", "\n"]).join(piece() for _ in range(rng.choice([1, 2, 4, 8, 20, 90]))))
    return made


def examples(n, seed):
    rng = random.Random(seed)
    for i in range(n):
        words = [rng.choice(WORDS) for _ in range(rng.randrange(3, 14))]
        yield {"id": f"{seed}-{i}", "text": " ".join(words), "labels": [LABELS[k] for k in range(7) if WORDS[k] in words]}


def write(path, items):
    path.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")


def checkpoint(name, folder):
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    pieces = SPECIALS + WORDS + [chr(c) for c in range(0x21, 0x7F)] + [f"##{chr(c)}" for c in range(0x61, 0x7B)] + list("\u00e9\u00c9\u00df\u4e2d\u6587\U0001f642\u0301")
    pieces = list(dict.fromkeys(pieces))
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.add_special_tokens(SPECIALS)
    if name == "added":
        tokenizer.add_tokens(["<url>", "[E1]", "Market fish"])
    torch.manual_seed(5)
    config = BertConfig(vocab_size=tokenizer.get_vocab_size(), hidden_size=48, num_hidden_layers=3, num_attention_heads=4, intermediate_size=96, max_position_embeddings=160, initializer_range=0.25, pad_token_id=0)
    BertModel(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    described = {"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": False, "model_max_length": 160}
    for role in ["pad", "unk", "cls", "sep", "mask"]:
        described[f"{role}_token"] = f"[{role.upper()}]"
    (folder / "tokenizer_config.json").write_text(json.dumps(described))


def make(folder, alhost, checkpoints):
    data = folder / "data & <b> *set*"
    data.mkdir(parents=True)
    write(folder / "texts.jsonl", [{"id": str(i), "text": text} for i, text in enumerate(texts(1000))])
    for seed, (split, n) in enumerate([("train", 120), ("dev", 60), ("test", 60)]):
        write(data / f"{split}.jsonl", examples(n, seed))
    (data / "labels.txt").write_text("\n".join(LABELS) + "\n", encoding="utf-8")
    for name in checkpoints:
        if name in ("cased", "added"):
            checkpoint(name, folder / name)
        place = str(folder / name) if name in ("cased", "added") else name
        for head, keys in HEADS.items():
            keys = {
                "name": f'"{name}"',
                "data.format": '"jsonl"',
                "data.path": json.dumps(str(data)),
                "data.unlabeled": '"keep"',
                "cache.path": json.dumps(str(folder / "cache")),
                "model.checkpoint": json.dumps(place),
                "model.encoder": '"frozen"',
                "model.max_tokens": "64",
                "model.precision": '"f32"',
                "train.epochs": "3",
            } | dict(key.split("=") for key in keys)
            run = lambda *args: subprocess.run([alhost, *args, "-q"], check=True, cwd=folder)
            run("train", "--device", "cpu", "--seed", "1", "--out", f"{folder}/runs-{head}", *[part for key, value in keys.items() for part in ("--set", f"{key}={value}")])
            classifier = next((folder / f"runs-{head}" / name).glob("*/seed-1/classifier"))
            to = "sentence-transformers" if head.startswith("logistic") else "transformers"
            out = folder / "exports" / f"{name} {head}"
            run("export", str(classifier), "--to", to, "--out", str(out))
            run("predict", str(classifier), str(folder / "texts.jsonl"), "--device", "cpu", "--top", str(len(LABELS)), "--out", f"{out}.jsonl")


def of_library(folder, all_texts):
    """Probabilities of each text by each way that the model card names, [ways] of [texts, labels]."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

    if (folder / "modules.json").exists():
        from sentence_transformers import SentenceTransformer

        return {"encode": torch.tensor(SentenceTransformer(str(folder), device="cpu").encode(all_texts))}
    if (folder / "reader.py").exists():
        space = {"__name__": "reader", "__file__": str(folder / "reader.py")}
        exec((folder / "reader.py").read_text(encoding="utf-8"), space)
        reader = space["Classifier"](folder)
        return {"reader.py": torch.stack([reader.probabilities(text) for text in all_texts])}
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForSequenceClassification.from_pretrained(folder).eval()
    rows = []
    with torch.no_grad():
        for start in range(0, len(all_texts), 50):
            batch = tokenizer(all_texts[start : start + 50], truncation=True, padding=True, return_tensors="pt")
            rows.append(model(**batch).logits.sigmoid())
    classify = pipeline("text-classification", model=str(folder), top_k=None, device="cpu")
    told = [{s["label"]: s["score"] for s in scores} for scores in classify(all_texts, truncation=True)]
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    return {"model": torch.cat(rows), "pipeline": torch.tensor([[row[label] for label in labels] for row in told])}


def snippets(folder):
    """Runs what the model card says, as it is printed."""
    card = (folder / "README.md").read_text(encoding="utf-8")
    for snippet in card.split("```python\n")[1:]:
        subprocess.run([sys.executable, "-c", snippet.split("```")[0]], check=True, cwd=folder, stdout=subprocess.DEVNULL)


def compare(folder):
    import torch
    import transformers

    versions = f"transformers {transformers.__version__}"
    try:
        import sentence_transformers

        versions += f", sentence-transformers {sentence_transformers.__version__}"
    except ImportError:
        pass
    print(versions)
    read = lambda path: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    all_texts = [item["text"] for item in read(folder / "texts.jsonl")]
    worst = 0.0
    for path in sorted((folder / "exports").glob("*.jsonl")):
        export = path.with_suffix("")
        labels = json.loads((export / "labels.json").read_text(encoding="utf-8"))
        ours = [dict(zip(item["labels"], item["scores"])) for item in read(path)]
        ours = torch.tensor([[row[label] for label in labels] for row in ours])
        for way, theirs in of_library(export, all_texts).items():
            apart = (ours - theirs).abs()
            spread = float(ours.std(0).max())
            at = int(apart.max(1).values.argmax())
            print(f"{export.name}, {way}: at most {float(apart.max()):.1e} apart (text {at}); deviation over texts {spread:.3f}")
            worst = max(worst, float(apart.max()))
        snippets(export)
    assert worst <= LIMIT, worst


if __name__ == "__main__":
    command, place, *rest = sys.argv[1:]
    if command == "make":
        make(pathlib.Path(place).resolve(), rest[0], rest[1:] or ["minilm", "cased", "added"])
    else:
        compare(pathlib.Path(place).resolve())
