"""Token ids of texts by transformers, and what it needs of a folder of weights. Reads from standard input
{"folders": [...], "texts": [...]}, writes the ids of each text for each folder, and checks that each
model.safetensors says whose tensors it has."""

import json
import sys

import safetensors
import transformers

asked = json.load(sys.stdin)
answers = []
for folder in asked["folders"]:
    with safetensors.safe_open(f"{folder}/model.safetensors", "np") as weights:
        assert weights.metadata() == {"format": "pt"}, weights.metadata()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    transformers.AutoConfig.from_pretrained(folder)
    assert tokenizer.model_max_length == 64, tokenizer.model_max_length
    answers.append([tokenizer(text)["input_ids"] for text in asked["texts"]])
json.dump({"version": transformers.__version__, "ids": answers}, sys.stdout)
