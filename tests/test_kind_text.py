"""What a report shows of a text: pieces, and how much each weighs."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from unfazed.modality.text import FIRST, encode, fit
from unfazed.model.texts import TextNet
from unfazed.recipe import Recipe
from unfazed.verb.kinds.text import PIECES, SHOWN, pieces, weighed

PREPARED: Any = SimpleNamespace(preprocessor=fit(["this offer is free", "this meeting is late"] * 20, Recipe()))


@pytest.fixture
def model() -> TextNet:
    """Knows that "free" is a word of the second class, and nothing else."""
    known = TextNet(2, FIRST + len(PREPARED.preprocessor.vocabulary), 64, 4, 0, 0.0).eval()
    with torch.no_grad():
        known.bag.vectors.zero_()
        terms, _ = known.bag.terms(torch.from_numpy(encode("free", PREPARED.preprocessor))[None])
        known.bag.vectors[terms[0, 0]] = 1.0
        layer = known.head.get_submodule("layers.0")
        layer.weight.copy_(torch.tensor([[-2.0], [2.0]]).expand(2, 4))
        layer.bias.zero_()
    return known


def test_the_word_that_decides_weighs_most(model: TextNet) -> None:
    weights = weighed("this offer is free today", PREPARED, model)
    assert "".join(piece for piece, _ in weights) == "this offer is free today"
    heaviest = max(weights, key=lambda pair: pair[1])
    assert heaviest[0].strip() == "free"
    assert heaviest[1] > 0.5
    assert all(weight <= 0 for piece, weight in weights if piece != heaviest[0]), "the others only dilute it"


def test_what_stands_behind_the_shown_part_still_counts(model: TextNet) -> None:
    long = "x" + " " * SHOWN + "free"
    weights = weighed(long, PREPARED, model)
    assert weights[-1] == ("…", 0.0)
    assert weights[0][1] < 0, "the word out of sight decides, and the one in sight only dilutes it"


def test_a_text_of_one_word_can_lose_it(model: TextNet) -> None:
    (piece, weight), = weighed("free", PREPARED, model)
    assert piece == "free" and weight > 0.9


@pytest.mark.parametrize(
    "text", ["", "one", "two words", " spaced \n out ", "word " * 1000, "没有空格的句子", "ไม่มีช่องว่าง" * 20, "x" * 5000]
)
def test_pieces_are_the_text_and_not_too_many(text: str) -> None:
    found = pieces(text)
    assert "".join(found) == text
    assert len(found) <= PIECES


def test_a_sentence_without_spaces_has_pieces() -> None:
    assert len(pieces("没有空格的句子")) == 4


def test_weights_are_finite_numbers_of_python(model: TextNet) -> None:
    assert all(type(weight) is float and np.isfinite(weight) for _, weight in weighed("a b c", PREPARED, model))
