"""Makes tests/fixtures/logistic/sklearn.json: scikit-learn's logistic regression on made-up embeddings.

    pip install scikit-learn==1.7.2 && python3 tests/tools/logistic_golden.py

Each case: unit embeddings x, targets y [texts][labels], C, and for each label the weights and the bias of
LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12); none for a label that none or all carry.
"""
import json
import pathlib

import numpy as np
from sklearn.linear_model import LogisticRegression


def case(name, n, d, l, c, seed):
    rng = np.random.default_rng(seed)
    # As text encoders have it: one direction in common, a spectrum that falls, then unit length.
    x = rng.standard_normal((n, d)) * np.geomspace(1, 0.05, d) + 1.5 * rng.standard_normal(d)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    x = np.round(x, 6)
    w = rng.standard_normal((d, l)) * 8
    z = x @ w
    y = (z > np.quantile(z, np.linspace(0.5, 0.97, l), axis=0).diagonal()).astype(int)
    y[:, -1] = 0
    if l > 3:
        y[:, -2] = 1
        y[:, -3] = 0
        y[n // 2, -3] = 1
    weights, biases = [], []
    for label in y.T:
        if label.min() == label.max():
            weights.append(None)
            biases.append(None)
            continue
        fit = LogisticRegression(C=c, solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(x, label)
        weights.append(np.round(fit.coef_[0], 9).tolist())
        biases.append(round(float(fit.intercept_[0]), 9))
    rows = [np.flatnonzero(row).tolist() for row in y]
    return dict(name=name, c=c, x=x.tolist(), labels=rows, n_labels=l, weights=weights, biases=biases)


cases = [
    case("more texts than dimensions", 60, 10, 6, 30.0, 1),
    case("fewer texts than dimensions", 12, 24, 5, 30.0, 2),
    case("as many as dimensions, strong penalty", 16, 16, 4, 0.3, 3),
    case("weak penalty", 40, 8, 4, 3000.0, 4),
]
path = pathlib.Path(__file__).parents[1] / "fixtures" / "logistic" / "sklearn.json"
path.write_text(json.dumps(cases) + "\n")
print(path, path.stat().st_size, "bytes")
