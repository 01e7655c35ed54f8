"""Runs one query strategy of small-text or scikit-activeml on arrays that a benchmark of alhost has written.

    peers.py list
    peers.py run NAME FOLDER LABELED CANDIDATES N MEMORY_GIB

`list` prints what there is as JSON. `run` prints what one query cost as JSON on the last line. The first LABELED
texts are labeled, the next CANDIDATES ones can be selected, and N are. What is prepared is not counted: the
classifier's answers are there before the clock starts, as they are for alhost's own strategies.
"""
import json
import pathlib
import resource
import sys
import time
import warnings
from functools import cached_property

import numpy as np

SEED = 1
PASSES = 10


class Arrays:
    """The labeled texts and the candidates, in this order."""

    def __init__(self, folder, n_labeled, n_candidates):
        self.folder = pathlib.Path(folder)
        self.n_labeled = n_labeled
        self.n = n_labeled + n_candidates
        self.labeled = np.arange(n_labeled)
        self.unlabeled = np.arange(n_labeled, self.n)

    def load(self, name):
        return np.load(self.folder / f"{name}.npy", mmap_mode="r")

    @cached_property
    def features(self):
        return np.array(self.load("features")[: self.n])

    @cached_property
    def unit_features(self):
        return self.features / np.linalg.norm(self.features, axis=1, keepdims=True)

    @cached_property
    def proba(self):
        """One probability a label, [texts, labels]."""
        return 1 / (1 + np.exp(-self.load("logits")[: self.n]))

    @cached_property
    def shares(self):
        """The same with sum 1, for strategies that take labels for classes."""
        return self.proba / self.proba.sum(axis=1, keepdims=True)

    @cached_property
    def mc_shares(self):
        """Of several passes, [texts, passes, labels]."""
        rng = np.random.default_rng(SEED)
        logits = self.load("logits")[: self.n]
        passes = np.empty((len(logits), PASSES, logits.shape[1]), dtype=np.float32)
        for number in range(PASSES):
            noise = rng.standard_normal(logits.shape, dtype=np.float32)
            passes[:, number] = 1 / (1 + np.exp(-(logits + 0.5 * noise)))
        passes /= passes.sum(axis=2, keepdims=True)
        return passes

    @cached_property
    def label_sets(self):
        """The labels of labeled texts, sparse."""
        from scipy.sparse import csr_matrix

        offsets, ids = self.load("offsets").astype(int), self.load("labels")
        shape = (self.n_labeled, self.load("logits").shape[1])
        return csr_matrix((np.ones(len(ids), dtype=int), ids, offsets), shape=shape)

    @cached_property
    def classes(self):
        """The first label of labeled texts (0 for none), NaN for the others."""
        classes = np.full(self.n, np.nan)
        for text in self.labeled:
            labels = self.label_sets[text].indices
            classes[text] = labels[0] if len(labels) else 0
        return classes


# -- small-text: texts are their numbers, and the classifier looks answers up -------------------


class Answers:
    """A classifier of small-text that knows its answers for the sets of texts that strategies ask about."""

    def __init__(self, arrays, proba, features=None):
        # As `EmbeddingBasedQueryStrategy` asks: unlabeled texts first.
        order = np.concatenate([arrays.unlabeled, arrays.labeled])
        self.proba = {len(proba): proba, len(arrays.unlabeled): proba[arrays.unlabeled]}
        self.embedded = None if features is None else (features[order], proba[order])

    def predict_proba(self, texts, dropout_sampling=1):
        return self.proba[len(texts)]

    def embed(self, texts, return_proba=False, pbar=None):
        return self.embedded if return_proba else self.embedded[0]


def small_text(strategy, arrays, proba, features=None, y=None):
    answers = Answers(arrays, proba, features)
    texts = np.arange(arrays.n)
    y = np.nan_to_num(arrays.classes[arrays.labeled]).astype(int) if y is None else y
    return lambda n: strategy.query(answers, texts, arrays.unlabeled, arrays.labeled, y, n=n)


def small_text_coreset(arrays):
    from small_text import GreedyCoreset

    return small_text(GreedyCoreset(), arrays, arrays.shares, arrays.features)


def small_text_entropy(arrays):
    from small_text import PredictionEntropy

    return small_text(PredictionEntropy(), arrays, arrays.shares)


def small_text_cvirs(arrays):
    from small_text import CategoryVectorInconsistencyAndRanking

    strategy = CategoryVectorInconsistencyAndRanking(pbar=None)
    return small_text(strategy, arrays, arrays.proba, y=arrays.label_sets)


def small_text_cal(arrays):
    from small_text import ContrastiveActiveLearning

    return small_text(ContrastiveActiveLearning(pbar=None), arrays, arrays.shares, arrays.features)


def small_text_bald(arrays):
    from small_text import BALD

    return small_text(BALD(dropout_samples=PASSES), arrays, arrays.mc_shares)


# -- scikit-activeml: labels are classes, a text has its first one ------------------------------


def known(arrays):
    """A classifier of scikit-activeml whose answers about the candidates are there."""
    from skactiveml.base import SkactivemlClassifier

    class Known(SkactivemlClassifier):
        def fit(self, X, y, sample_weight=None):
            return self

        def predict_proba(self, X):
            return answers

    answers = arrays.shares[arrays.unlabeled]
    return Known(classes=np.arange(answers.shape[1]))


def coreset(arrays):
    from skactiveml.pool import CoreSet

    x, y = arrays.unit_features, arrays.classes
    return lambda n: CoreSet(random_state=SEED).query(x, y, batch_size=n)


def typiclust(arrays):
    from skactiveml.pool import TypiClust

    x, y = arrays.unit_features, arrays.classes
    return lambda n: TypiClust(random_state=SEED).query(x, y, batch_size=n)


def probcover(arrays):
    from skactiveml.pool import ProbCover

    x, y = arrays.unit_features, arrays.classes
    return lambda n: ProbCover(random_state=SEED).query(x, y, batch_size=n)


def herding(arrays):
    from skactiveml.pool import MaxHerding

    x, y = arrays.features, arrays.classes
    return lambda n: MaxHerding(random_state=SEED).query(x, y, batch_size=n)


def with_classifier(strategy, arrays):
    x, y, clf = arrays.features, arrays.classes, known(arrays)
    return lambda n: strategy.query(x, y, clf, fit_clf=False, batch_size=n)


def badge(arrays):
    from skactiveml.pool import Badge

    return with_classifier(Badge(random_state=SEED), arrays)


def falcun(arrays):
    from skactiveml.pool import Falcun

    return with_classifier(Falcun(random_state=SEED), arrays)


def entropy(arrays):
    from skactiveml.pool import UncertaintySampling

    return with_classifier(UncertaintySampling(method="entropy", random_state=SEED), arrays)


# The name, what prepares it, the strategy of alhost that it is compared with, and the part of the pool that it runs
# on where the whole takes more memory than there is.
PEERS = [
    ("small-text GreedyCoreset", small_text_coreset, "coreset", None),
    ("small-text PredictionEntropy", small_text_entropy, "uncertainty", None),
    ("small-text CVIRS", small_text_cvirs, "cvirs", None),
    ("small-text CAL", small_text_cal, "cal", None),
    ("small-text BALD", small_text_bald, "bald", None),
    ("scikit-activeml CoreSet", coreset, "coreset", None),
    ("scikit-activeml TypiClust", typiclust, "typiclust", None),
    ("scikit-activeml ProbCover", probcover, "probcover", 5_000),
    ("scikit-activeml MaxHerding", herding, "herding", 5_000),
    ("scikit-activeml Badge", badge, "badge", 500),
    ("scikit-activeml Falcun", falcun, "falcun", None),
    ("scikit-activeml entropy", entropy, "uncertainty", None),
]


def status_kib(field):
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    return 0


def cost(query, n):
    """Seconds by the clock and of processor time, and the peak of memory above what is there before."""
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    before = status_kib("VmRSS:")
    clock, processor = time.perf_counter(), time.process_time()
    picks = query(n)
    seconds, processor = time.perf_counter() - clock, time.process_time() - processor
    if len(set(picks)) != n:
        raise ValueError(f"{len(set(picks))} texts selected, not {n}")
    mib = (status_kib("VmHWM:") - before) / 1024
    return {"cost": {"seconds": seconds, "processor": processor, "mib": mib}}


def run(name, folder, n_labeled, n_candidates, n, gib):
    prepare = next(prepare for peer, prepare, *_ in PEERS if peer == name)
    limit = int(gib * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    np.random.seed(SEED)
    warnings.simplefilter("ignore")
    try:
        return cost(prepare(Arrays(folder, n_labeled, n_candidates)), n)
    except MemoryError:
        return {"more": f"{gib:g} GiB"}
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"}


def main():
    if sys.argv[1] == "list":
        peers = [dict(name=name, ours=ours, candidates=part) for name, _, ours, part in PEERS]
        print(json.dumps(peers))
    else:
        name, folder, n_labeled, n_candidates, n, gib = sys.argv[2:]
        print(json.dumps(run(name, folder, int(n_labeled), int(n_candidates), int(n), float(gib))))


main()
