"""Texts: a bag of words with convolutions beside it, TF-IDF with logistic regression to beat, and weighed words.

Axis letters: n rows asked for, K classes, P pieces of a text.
"""

import math
import re
from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unfazed.analysis.baselines import drawn
from unfazed.analysis.ridge import ROWS, out_of_fold
from unfazed.analysis.tfidf import ROWS as FITTED_ROWS
from unfazed.analysis.tfidf import tfidf_features, tfidf_model, tfidf_numbers, tfidf_sets
from unfazed.device import evaluation_batch
from unfazed.errors import InputError
from unfazed.modality.text import FIRST, TextPreprocessor, encode, length, read
from unfazed.model.texts import PADDING, TextNet, default_buckets, default_encoders
from unfazed.outputs import one_batch, outputs
from unfazed.recipe import Recipe, weight_decay_of
from unfazed.run import Exhibit
from unfazed.target import outputs_of
from unfazed.verb.kinds import Baseline, Design, Kind, lasting, opinion, sampled
from unfazed.verb.prepare import Prepared

WIDTH = 128  # of the bag's vectors, at most
RATES = {"adamw": 0.0025, "sgd": 0.3}  # the bag's terms are weighed for steps of Adam: with sgd it lags behind
SAMPLED_IDS = 20_000_000  # from which the weights of terms are counted
PIECES = 48  # of a text that are weighed: neighbouring words go together in a long one
SHOWN = 1200  # characters of a text
BUCKETS = 1024  # that subwords are counted in, as features
_WORD = re.compile(r"\s*(?:[\u2e80-\u9fff]{1,2}|[^\s\u2e80-\u9fff]{1,32})\s*")  # scripts without spaces by the pair


def design(prepared: Prepared, recipe: Recipe, device: torch.device) -> Design:
    """The bag for all texts; convolutions beside it where there is time for them."""
    rows = torch.from_numpy(prepared.table.rows("train"))
    ids = float(prepared.examples.length[rows].sum())
    recipe = lasting(recipe, len(rows), default_batch_size(len(rows)), default_epochs(len(rows))).resolved(
        learning_rate=RATES[recipe.optimizer], weight_decay=weight_decay_of(recipe), label_smoothing=0.0
    )
    predicted = outputs_of(prepared.table, recipe.loss)
    vocabulary = FIRST + len(cast(TextPreprocessor, prepared.preprocessor).vocabulary)
    width = min(WIDTH, predicted)
    encoders = default_encoders(ids * recipe.epochs, device.type == "cuda")
    model = TextNet(predicted, vocabulary, default_buckets(ids, width), width, encoders, recipe.dropout)
    sampled = rows[torch.randperm(len(rows))[: max(1, SAMPLED_IDS // prepared.examples.x.shape[-1])]]
    sample = prepared.examples.batch(sampled)
    model.initialise(sample.x, sample.length)
    words = f"bag of words and their pairs{('', ', convolutional encoder', ', 2 convolutional encoders')[encoders]}"
    return Design(recipe, model, words, f"on {vocabulary - FIRST:,} subwords ({prepared.fitting})")


def default_epochs(rows: int) -> int:
    """Passes over `rows` training rows: a quarter of the data gets twice the passes, half of the steps."""
    return round(min(40, max(4, 10 * math.sqrt(5000 / rows))))


def default_batch_size(rows: int) -> int:
    """Examples per step for `rows` training rows."""
    return 128 if rows >= 20_000 else 64 if rows >= 1000 else 16


def baselines(prepared: Prepared, asked: NDArray[np.int64], seed: int) -> Iterator[Baseline]:
    """What TF-IDF with one linear layer can do, on the same texts."""
    y, train = prepared.examples.y.numpy(), prepared.table.rows("train")
    rows = train[drawn(prepared.table.y()[train] >= 0, FITTED_ROWS, seed)]
    inputs = prepared.table.frame["input"]
    texts, wanted = inputs[rows].to_list(), inputs[asked].to_list()
    if prepared.scale is not None:
        yield Baseline("linear", "TF-IDF with ridge regression", len(rows), tfidf_numbers(texts, y[rows])(wanted))
    else:
        sets = prepared.table.task == "multilabel"
        model = tfidf_sets(texts, y[rows]) if sets else tfidf_model(texts, y[rows], len(prepared.table.classes))
        yield Baseline("linear", "TF-IDF with logistic regression", len(rows), model(wanted))


def exhibits(prepared: Prepared, model: nn.Module, rows: Sequence[int]) -> dict[int, Exhibit]:
    """The texts in pieces, each with the surprise that leaving it out adds; whole where numbers are predicted."""
    inputs = prepared.table.frame["input"]
    if prepared.scale is not None:
        return {row: Exhibit(words=[(inputs[row][:SHOWN], 0.0)]) for row in rows}
    return {row: Exhibit(words=weighed(inputs[row], prepared, model)) for row in rows}


def weighed(text: str, prepared: Prepared, model: nn.Module) -> list[tuple[str, float]]:
    """The pieces of a text in order, and how many bits less probable its predicted class is without each (occlusion).

    Source: Zeiler and Fergus 2014, arXiv:1311.2901, on words: Li et al. 2016, arXiv:1612.08220.
    """
    parts, rest = pieces(text[:SHOWN]), text[SHOWN:]
    without = ["".join(parts[:number] + parts[number + 1 :]) + rest for number in range(len(parts))]
    x = np.stack([_encoded(one, prepared) for one in (text, *without)])
    size = evaluation_batch(next(model.parameters()).device, x.shape[1:])
    batches = (one_batch(part, length(part)) for part in np.split(x, range(size, len(x), size)))
    logs = np.log2(np.maximum(outputs(model, batches).probs, 1e-9))
    predicted = logs[0].argmax()
    weights = logs[0, predicted] - logs[1:, predicted]
    shown = [(part, round(float(weight), 4)) for part, weight in zip(parts, weights, strict=True)]
    return [*shown, ("…", 0.0)] if rest else shown


def pieces(text: str) -> list[str]:
    """The words of a text with the white space around them, up to 48 of them; of a longer text so many stretches."""
    words = _WORD.findall(text)
    together = max(1, -(-len(words) // PIECES))
    return ["".join(words[start : start + together]) for start in range(0, len(words), together)]


def _encoded(text: str, prepared: Prepared) -> NDArray[np.int32]:
    """A text that may have lost its only word."""
    try:
        return encode(read(text), prepared.preprocessor)  # type: ignore[arg-type]
    except InputError:
        return np.zeros(prepared.preprocessor.shape, np.int32)


def features(prepared: Prepared, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """How often subwords occur, in 1,024 buckets, of unit length."""
    counts = np.zeros((len(rows), BUCKETS), np.float32)
    ids = prepared.x(rows)
    present = ids != PADDING
    np.add.at(counts, (np.nonzero(present)[0], ids[present] % BUCKETS), 1.0)
    return np.asarray(counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1.0))


def second_opinion(prepared: Prepared, seed: int) -> NDArray[np.float32]:
    """Ridge regression on TF-IDF."""
    inputs = prepared.table.frame["input"]
    terms = tfidf_features(inputs[sampled(prepared, ROWS, seed)].to_list(), len(prepared.table.classes))
    return opinion(prepared, out_of_fold, lambda rows: terms(inputs[rows].to_list()), seed)


KIND = Kind(design, baselines, exhibits, features, second_opinion)
