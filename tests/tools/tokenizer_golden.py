"""Makes tests/fixtures/tokenizers.json: small checkpoints' tokenizer files, and the ids that transformers
gives with them. Run it with transformers 4.46 and with 5; it fails where the second differs from the
first:

    python tests/tools/tokenizer_golden.py

The files are made up here; nothing is fetched.
"""

import copy
import json
import pathlib
import tempfile

import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

OUT = pathlib.Path(__file__).resolve().parent.parent / "fixtures/tokenizers.json"
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = SPECIALS + (
    "the cat sat on mat The Cat SAT a b c d e r u l s t n é E ä <url > < [ ] # ! . , ' - / 1 2 ##a ##b "
    "##c ##d ##e ##r ##u ##l ##s ##t ##n ##é ##E ##at ##1 ##2 [unused0] [unused1] 中 文 ß ı İ i"
).split()

TEXTS = [
    "", " ", "the cat sat on the mat", "The Cat SAT", "ÉCLAIR éclair e\u0301 E\u0301 cafe\u0301", "İstanbul ı ẞ ß ﬁ Ω",
    "中文中 the中cat", "日本語", "🙂 the 👩‍👩‍👧 cat\ufe0f", "the\u0000cat\u0001 \u200bsat\u00adon\ufeff", "the\tcat\nsat\r\non\u3000mat\u00a0a\u2028b",
    "\x0bthe\x0ccat\x85sat", "<url> <url>. the<url>cat (<url>) <URL> <Url>", "[E1]the[E1] [e1] x[E1]!", "[unused0] [unused1]the", "the <sp> cat<sp>",
    "don't can-not a/b 1,2.1", "a" * 99, "a" * 100, "a" * 101, "abcde" * 40, "\u0301the", "the\u0301\u0327\u0323cat", "᾿Ως ΣΑΣ ς",
    "\U0010ffff \ue000 \ufffd", "ﷺ ½ ²", "\u202ethe cat\u202c", "𝔱𝔥𝔢 ｔｈｅ", "नमस्ते สวัสดี مرحبا", "#@!$%^&*()_+{}|:\"<>?~`", "“the” ‘cat’ — …", "<u> <ur <url", "the  cat   sat",
]


def added(content, special=False, **flags):
    token = dict(content=content, single_word=False, lstrip=False, rstrip=False, normalized=not special, special=special)
    return token | flags


def wordpiece(lowercase=True, extra=(), **normalizer):
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(PIECES)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase, **normalizer)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made = json.loads(tokenizer.to_str())
    made["added_tokens"] = [{"id": i} | added(token, special=True) for i, token in enumerate(SPECIALS)]
    made["added_tokens"] += [{"id": len(PIECES) + i} | token for i, token in enumerate(extra)]
    return made


def unigram():
    names = ["<s>", "<pad>", "</s>", "<unk>"]
    letters = [("▁", -3.0)] + [(c, -6.0) for c in "abcdelnorstuTCSéä中文.,!<>"]
    words = [("▁the", -2.0), ("▁cat", -2.0), ("▁sat", -2.0), ("at", -4.0), ("▁on", -2.0), ("▁mat", -2.5)]
    pieces = [(name, 0.0) for name in names] + words + letters + [("<mask>", 0.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")]
    )
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    made = json.loads(tokenizer.to_str())
    places = {0: "<s>", 1: "<pad>", 2: "</s>", 3: "<unk>", len(pieces) - 1: "<mask>"}
    made["added_tokens"] = [{"id": i} | added(t, special=True, lstrip=t == "<mask>") for i, t in places.items()]
    return made


VOCAB = "\n".join(PIECES) + "\n"
BERT = {"tokenizer_class": "BertTokenizer"}
URL = {"added_tokens.json": {"<url>": len(PIECES)}}
N = len(PIECES)

# Name: the files of the checkpoint, but for weights and config.json.
CASES = {
    "vocab-alone": {"vocab.txt": VOCAB},
    "vocab-cased": {"vocab.txt": VOCAB, "tokenizer_config.json": {"do_lower_case": False}},
    "vocab-uncased": {"vocab.txt": VOCAB, "tokenizer_config.json": {"do_lower_case": True}},
    "vocab-accents-kept": {"vocab.txt": VOCAB, "tokenizer_config.json": BERT | {"strip_accents": False}},
    "vocab-cased-accents-gone": {"vocab.txt": VOCAB, "tokenizer_config.json": {"do_lower_case": False, "strip_accents": True}},
    "vocab-chinese-kept": {"vocab.txt": VOCAB, "tokenizer_config.json": {"tokenize_chinese_chars": False}},
    "vocab-crlf": {"vocab.txt": VOCAB.replace("\n", "\r\n"), "tokenizer_config.json": {}},
    "vocab-added": {"vocab.txt": VOCAB, "tokenizer_config.json": {"do_lower_case": True}} | URL,
    "vocab-cased-added": {"vocab.txt": VOCAB, "tokenizer_config.json": {"do_lower_case": False}} | URL,
    "vocab-additional-map": {
        "vocab.txt": VOCAB,
        "special_tokens_map.json": {"additional_special_tokens": ["[E1]", "[unused0]"], "cls_token": "[CLS]"},
        "added_tokens.json": {"[E1]": N, "<url>": N + 1},
    },
    "vocab-additional-config": {
        "vocab.txt": VOCAB,
        "tokenizer_config.json": {"do_lower_case": False, "additional_special_tokens": ["[E1]", "<sp>"]},
    },
    "vocab-decoder": {
        "vocab.txt": VOCAB,
        "tokenizer_config.json": BERT | {"added_tokens_decoder": {str(N): added("<url>"), str(N + 1): added("<sp>", special=True)}},
        "added_tokens.json": {"[E1]": N},
    },
    "vocab-flags": {
        "vocab.txt": VOCAB,
        "tokenizer_config.json": {
            "added_tokens_decoder": {
                str(N): added("<url>", single_word=True),
                str(N + 1): added("[E1]", lstrip=True, rstrip=True, normalized=False),
                str(N + 2): added("<sp>", normalized=True),
            }
        },
    },
    "vocab-other-names": {
        "vocab.txt": VOCAB.replace("[CLS]", "<s>").replace("[SEP]", "</s>").replace("[UNK]", "<unk>"),
        "special_tokens_map.json": {"cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>"},
    },
    "vocab-twice-and-blank": {"vocab.txt": VOCAB.replace("[unused0]\n", "the\n\n") + "\n"},
    "vocab-added-out-of-order": {"vocab.txt": VOCAB, "added_tokens.json": {"[E1]": N + 7, "<url>": N, "<sp>": N + 2}},
    "vocab-flagged-specials": {
        "vocab.txt": VOCAB,
        "tokenizer_config.json": {
            "additional_special_tokens": [{"__type": "AddedToken"} | added("[E1]", special=True, single_word=True), {"__type": "AddedToken"} | added("<sp>", lstrip=True)],
            "mask_token": {"__type": "AddedToken"} | added("[MASK]", lstrip=True),
        },
    },
    "vocab-specials-split": {
        "vocab.txt": VOCAB,
        "tokenizer_config.json": {"split_special_tokens": True, "additional_special_tokens": ["[E1]"]},
        "added_tokens.json": {"<url>": N},
    },
    "vocab-distilbert": {"vocab.txt": VOCAB, "tokenizer_config.json": {"tokenizer_class": "DistilBertTokenizer", "do_lower_case": False}},
    "vocab-electra": {"vocab.txt": VOCAB, "tokenizer_config.json": {"tokenizer_class": "ElectraTokenizer", "do_lower_case": False}},
    "both-and-json-counts": {
        "vocab.txt": "\n".join(reversed(PIECES)),
        "tokenizer.json": wordpiece(),
        "tokenizer_config.json": BERT | {"do_lower_case": True},
    },
    "json-as-saved-now": {
        "tokenizer.json": wordpiece(lowercase=False, extra=[added("[E1]", special=True), added("<url>")]),
        "tokenizer_config.json": BERT
        | {
            "do_lower_case": False,
            "additional_special_tokens": ["[E1]"],
            "added_tokens_decoder": {str(i): added(t, special=True) for i, t in enumerate(SPECIALS)}
            | {str(N): added("[E1]", special=True), str(N + 1): added("<url>")},
        },
        "special_tokens_map.json": {"additional_special_tokens": ["[E1]", "<sp>"]},
        "added_tokens.json": {"[E1]": N, "<url>": N + 1},
    },
    "json-alone": {"tokenizer.json": wordpiece()},
    "json-cased-alone": {"tokenizer.json": wordpiece(lowercase=False)},
    "json-cased": {"tokenizer.json": wordpiece(lowercase=False), "tokenizer_config.json": BERT | {"do_lower_case": False}},
    "json-uncased-config-cased": {"tokenizer.json": wordpiece(), "tokenizer_config.json": BERT | {"do_lower_case": False}},
    "json-cased-config-uncased": {"tokenizer.json": wordpiece(lowercase=False), "tokenizer_config.json": BERT | {"do_lower_case": True}},
    "json-cased-config-silent": {"tokenizer.json": wordpiece(lowercase=False), "tokenizer_config.json": BERT},
    "json-accents-kept-config-silent": {"tokenizer.json": wordpiece(strip_accents=False), "tokenizer_config.json": BERT},
    "json-as-it-is": {"tokenizer.json": wordpiece(lowercase=False), "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": True}},
    "json-added": {"tokenizer.json": wordpiece(extra=[added("<url>"), added("[E1]", special=True)]), "tokenizer_config.json": BERT},
    "json-added-file": {"tokenizer.json": wordpiece(), "tokenizer_config.json": BERT} | URL,
    "json-additional": {
        "tokenizer.json": wordpiece(lowercase=False),
        "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "additional_special_tokens": ["[E1]", "[unused1]"]}
        | {f"{role}_token": f"[{role.upper()}]" for role in ("cls", "sep", "pad", "mask", "unk")},
    },
    "json-decoder": {
        "tokenizer.json": wordpiece(),
        "tokenizer_config.json": BERT | {"added_tokens_decoder": {str(i): added(t, special=True) for i, t in enumerate(SPECIALS)} | {str(N): added("<url>")}},
    },
    "xlm-roberta": {"tokenizer.json": unigram(), "tokenizer_config.json": {"tokenizer_class": "XLMRobertaTokenizer"}},
    "xlm-roberta-as-it-is": {
        "tokenizer.json": unigram(),
        "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": True, "cls_token": "<s>", "sep_token": "</s>",
                                  "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"},
    },
}


# Transformers 5 no longer reads additional tokens from special_tokens_map.json, which only 4 wrote.
FOUR_ALONE = {"vocab-additional-map"}


def ids(files):
    with tempfile.TemporaryDirectory() as folder:
        config = {"model_type": "bert", "vocab_size": 200}
        for name, content in (files | {"config.json": config}).items():
            text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
            pathlib.Path(folder, name).write_bytes(text.encode())
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        return [tokenizer(text)["input_ids"] for text in TEXTS]


def main():
    is_four = transformers.__version__.startswith("4.")
    before = json.loads(OUT.read_text()) if OUT.exists() else {"by": [], "contents": [], "cases": {}}
    contents, cases, differ = [], {}, []
    for name, files in CASES.items():
        known = before["cases"].get(name)
        if name in FOUR_ALONE and not is_four:
            assert known, "run it with transformers 4.46 first"
            made = known["ids"]
        else:
            made = ids(copy.deepcopy(files))
        if known and before["by"] and known["ids"] != made:
            differ.append(name)
        contents += [content for content in files.values() if content not in contents]
        cases[name] = {"files": {file: contents.index(content) for file, content in files.items()}, "ids": made}
    by = sorted({*before["by"], transformers.__version__})
    assert not differ, f"{' and '.join(by)} differ in {differ}; remove {OUT} where the cases are new"
    out = {"by": by, "texts": TEXTS, "contents": contents, "cases": cases}
    OUT.write_text(json.dumps(out, separators=(",", ":")) + "\n")
    print(f"{OUT}: {len(cases)} checkpoints by transformers {' and '.join(by)}")


main()
