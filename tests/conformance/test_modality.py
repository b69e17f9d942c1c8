"""Every modality passes the same suite."""

from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.images import hostile, noise, odd, saved
from conformance.modality import CHECKS, Specimen, class_folders
from conformance.texts import hostile as hostile_texts
from conformance.texts import odd as odd_texts
from unfazed.modality.image import MODALITY as IMAGE
from unfazed.modality.text import MODALITY as TEXT
from unfazed.recipe import Recipe

SPECIMENS = [
    Specimen(
        modality=IMAGE,
        suffix=".png",
        good=lambda number: saved(noise(number, 30 + number, 40)),
        source=class_folders(".png", lambda number: saved(noise(number, 30 + number, 40))),
        inspected=lambda raw: raw.shape[:2],
        settings=(Recipe(), Recipe(image_size=8), Recipe(image_size=17), Recipe(image_size=64)),
        odd=odd(),
        hostile=hostile(),
        damaged_json=tuple(
            f'{{"format": 1, "modality": "image", "image_size": {size}, "aspect": {aspect}}}'
            for size, aspect in [
                ("0", '"crop"'), ("-8", '"crop"'), ("1e9", '"crop"'), ("true", '"crop"'), ('"8"', '"crop"'),
                ("null", '"crop"'), ("100000", '"crop"'), ("32", '"stretch"'), ("32", "null"), ("32", "[]"),
            ]
        ),
    ),
    Specimen(
        modality=TEXT,
        suffix=".txt",
        good=lambda number: f"The {number}th text is about {'ants' if number % 2 else 'bees'}.".encode(),
        source=class_folders(".txt", lambda number: f"The {number}th text.".encode()),
        inspected=lambda raw: raw,
        odd=odd_texts(),
        hostile=hostile_texts(),
        damaged_json=tuple(
            f'{{"format": 1, "modality": "text", "tokens": {tokens}, "merges": {merges}, "columns": []}}'
            for tokens, merges in [
                ("0", "[]"), ("-8", "[]"), ("1e9", "[]"), ("true", "[]"), ('"8"', "[]"), ("null", "[]"),
                ("8", "null"), ("8", '"a b"'), ("8", "[1]"), ("8", '["nothing here"]'), ("8", '["ab"]'),
            ]
        ),
    ),
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("specimen", SPECIMENS, ids=lambda specimen: specimen.modality.name)
def test_modality(specimen: Specimen, check: Callable[[Specimen, Path], None], tmp_path: Path) -> None:
    check(specimen, tmp_path)
