"""A BERT of random weights and texts for it, for `check.py`: made with Python's standard library alone."""
import array
import json
import random

# Sizes of a model and of its texts; `base` is BERT-base with the vocabulary of bert-base-uncased.
SIZES = {
    "base": {"layers": 12, "hidden": 768, "heads": 12, "vocabulary": 30_522, "tokens": 512},
    "small": {"layers": 2, "hidden": 64, "heads": 4, "vocabulary": 1_000, "tokens": 64},
}
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SPREAD = 0.02  # standard deviation of a weight, as BERT starts with
BLOCK = 1 << 20  # weights that are drawn; a tensor has them again and again
N_LABELS = 100
LABELS_A_TEXT = 3


def words(size):
    """Words of four letters, each one token."""
    letters = "abcdefghijklmnopqrstuvwxyz"

    def word(number):
        return "".join(letters[number // 26**place % 26] for place in range(4))

    return [word(number) for number in range(SIZES[size]["vocabulary"] - len(SPECIALS))]


def shapes(size):
    """The tensors of encoder and masked-LM head, by name."""
    hidden, wide = SIZES[size]["hidden"], 4 * SIZES[size]["hidden"]
    found = {
        "bert.embeddings.word_embeddings.weight": [SIZES[size]["vocabulary"], hidden],
        "bert.embeddings.position_embeddings.weight": [512, hidden],
        "bert.embeddings.token_type_embeddings.weight": [2, hidden],
        "cls.predictions.bias": [SIZES[size]["vocabulary"]],
    }

    def layer(name, outputs, inputs=None):
        found[f"{name}.weight"] = [outputs] if inputs is None else [outputs, inputs]
        found[f"{name}.bias"] = [outputs]

    layer("bert.embeddings.LayerNorm", hidden)
    for number in range(SIZES[size]["layers"]):
        here = f"bert.encoder.layer.{number}"
        for part in ("query", "key", "value"):
            layer(f"{here}.attention.self.{part}", hidden, hidden)
        layer(f"{here}.attention.output.dense", hidden, hidden)
        layer(f"{here}.attention.output.LayerNorm", hidden)
        layer(f"{here}.intermediate.dense", wide, hidden)
        layer(f"{here}.output.dense", hidden, wide)
        layer(f"{here}.output.LayerNorm", hidden)
    layer("bert.pooler.dense", hidden, hidden)
    layer("cls.predictions.transform.dense", hidden, hidden)
    layer("cls.predictions.transform.LayerNorm", hidden)
    return found


def count(shape):
    return shape[0] if len(shape) == 1 else shape[0] * shape[1]


def write_model(folder, size):
    """Writes a checkpoint in Hugging Face's layout."""
    folder.mkdir()
    sizes = SIZES[size]
    config = {
        "model_type": "bert",
        "vocab_size": sizes["vocabulary"],
        "hidden_size": sizes["hidden"],
        "num_hidden_layers": sizes["layers"],
        "num_attention_heads": sizes["heads"],
        "intermediate_size": 4 * sizes["hidden"],
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "layer_norm_eps": 1e-12,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in SPECIALS + words(size)))
    tokenizer = {"tokenizer_class": "BertTokenizer", "do_lower_case": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    write_weights(folder / "model.safetensors", shapes(size))


def write_weights(path, shapes):
    """The format: the length of a JSON header, the header, and the tensors one after the other."""
    rng = random.Random(1)
    drawn = array.array("f", (rng.gauss(0, SPREAD) for _ in range(BLOCK)))
    ones, zeros = (array.array("f", [value]) * BLOCK for value in (1.0, 0.0))
    header, end = {}, 0
    for name, shape in shapes.items():
        start, end = end, end + 4 * count(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
    written = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(written).to_bytes(8, "little") + written)
        for name, shape in shapes.items():
            block = zeros if name.endswith("bias") else ones if "LayerNorm" in name else drawn
            for start in range(0, count(shape), BLOCK):
                block[: count(shape) - start].tofile(file)


def write_texts(folder, n, size):
    """Writes `n` texts that are as long as the model takes them, with labels of which few are frequent."""
    folder.mkdir()
    rng = random.Random(2)
    vocabulary, length = words(size), SIZES[size]["tokens"] - 2
    labels = [f"label-{number}" for number in range(N_LABELS)]
    weights = [1 / (number + 1) for number in range(N_LABELS)]
    with open(folder / "train.jsonl", "w") as file:
        for number in range(n):
            text = {
                "id": f"text-{number}",
                "text": " ".join(rng.choices(vocabulary, k=length)),
                "labels": sorted(set(rng.choices(labels, weights, k=LABELS_A_TEXT))),
            }
            file.write(json.dumps(text) + "\n")
