"""Makes tests/fixtures/tfidf/sklearn.json: scikit-learn's TF-IDF and linear SVM on made-up texts.

    pip install scikit-learn==1.7.2 && python3 tests/tools/tfidf_golden.py

Texts of made-up words with accents, digits, capitals and an empty text; each word's column, the rows, and
for each label the weights and the bias of LinearSVC(C=1, tol=1e-8).
"""
import json
import pathlib

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

rng = np.random.default_rng(3)
words = ["Wheat", "corn", "crude", "oil", "straße", "Übung", "x1", "a", "it's", "u.s.", "2026", "naïve", "well-known"]
texts = [
    " ".join(rng.choice(words, size=rng.integers(1, 12), p=np.arange(13, 0, -1) / 91)) for _ in range(40)
]
texts.append("")
labels = [sorted({k for k, word in enumerate(["Wheat", "oil", "Übung"]) if word in text.split()}) for text in texts]
vectorizer = TfidfVectorizer(sublinear_tf=True)
x = vectorizer.fit_transform(texts)
fits = []
for k in range(3):
    y = [1 if k in row else -1 for row in labels]
    fit = LinearSVC(C=1, tol=1e-8, max_iter=1_000_000, random_state=0).fit(x, y)
    fits.append(fit.coef_[0].round(6).tolist() + [round(float(fit.intercept_[0]), 6)])
out = dict(
    texts=texts,
    labels=labels,
    columns=vectorizer.get_feature_names_out().tolist(),
    rows=[[[int(c), round(float(v), 6)] for c, v in sorted(zip(x[i].indices, x[i].data))] for i in range(len(texts))],
    weights=fits,
)
path = pathlib.Path(__file__).parent.parent / "fixtures/tfidf/sklearn.json"
path.write_text(json.dumps(out, ensure_ascii=False) + "\n")
