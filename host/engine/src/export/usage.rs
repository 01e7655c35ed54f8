//! The part of the model card that says how to use the classifier: programs that run as they are printed.

use alhost_config::{HeadKind, PoolingRule};

use crate::saved_classifier::Description;

pub(super) fn usage(description: &Description) -> String {
    let threshold = match description.thresholds.used {
        Some(threshold) => threshold.to_string(),
        None => "0.5  # The classifier has none of its own.".to_owned(),
    };
    let snippet = match description.model.head {
        HeadKind::Linear => LINEAR,
        HeadKind::Logistic => LOGISTIC,
        HeadKind::Cnn => CNN,
    };
    let pooled = if description.model.pooling == PoolingRule::Cls { CLS } else { MEAN };
    let snippet = snippet.trim().replace("THRESHOLD", &threshold).replace("POOLED", pooled);
    format!("## Use\n\nIn this folder:\n\n{snippet}")
}

const LINEAR: &str = r#"
```python
from transformers import pipeline

classify = pipeline("text-classification", model=".", top_k=None)
threshold = THRESHOLD
texts = ["Wheat exports rose in March.", "The court dismissed the appeal."]
for text, scores in zip(texts, classify(texts, truncation=True)):
    print(text, [(s["label"], s["score"]) for s in scores if s["score"] > threshold])
```
"#;

const LOGISTIC: &str = r#"
```python
import json
from sentence_transformers import SentenceTransformer

model = SentenceTransformer(".")
labels = json.load(open("labels.json", encoding="utf-8"))
threshold = THRESHOLD
texts = ["Wheat exports rose in March.", "The court dismissed the appeal."]
for text, probabilities in zip(texts, model.encode(texts)):
    best_first = probabilities.argsort()[::-1]
    print(text, [(labels[i], float(probabilities[i])) for i in best_first if probabilities[i] > threshold])
```

`encode` gives probabilities and not embeddings. The same with transformers alone:

```python
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

tokenizer, encoder = AutoTokenizer.from_pretrained("."), AutoModel.from_pretrained(".").eval()
dense = load_file("3_Dense/model.safetensors")
tokens = tokenizer(["Wheat exports rose in March."], padding=True, truncation=True, return_tensors="pt")
with torch.no_grad():
    states = encoder(**tokens).last_hidden_state  # [texts, tokens, hidden]
POOLED
embedding = torch.nn.functional.normalize(pooled)
print((embedding @ dense["linear.weight"].T + dense["linear.bias"]).sigmoid())
```
"#;

const MEAN: &str = "mask = tokens[\"attention_mask\"][:, :, None]\n\
    pooled = (states * mask).sum(1) / mask.sum(1)";
const CLS: &str = "pooled = states[:, 0]";

const CNN: &str = r#"
```python
from reader import Classifier

classifier = Classifier(".")
threshold = THRESHOLD
for text in ["Wheat exports rose in March.", "The court dismissed the appeal."]:
    print(text, classifier.predict(text, threshold))
```

`reader.py` is the reference: transformers has no such head, so it computes it from `head.safetensors`. As a
program, it reads texts and writes labels, a JSON object a line:

```
python reader.py < texts.jsonl > predictions.jsonl
```
"#;
