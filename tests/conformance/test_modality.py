"""Every modality passes the same suite."""

from collections.abc import Callable
from pathlib import Path

import pytest

from conformance import rows
from conformance.images import hostile, noise, odd, saved
from conformance.modality import CHECKS, Specimen, class_folders
from conformance.sounds import hostile as hostile_sounds
from conformance.sounds import odd as odd_sounds
from conformance.sounds import saved as saved_sound
from conformance.sounds import tone
from conformance.texts import hostile as hostile_texts
from conformance.texts import odd as odd_texts
from unfazed.modality.audio import MODALITY as AUDIO
from unfazed.modality.image import MODALITY as IMAGE
from unfazed.modality.tabular import MODALITY as TABULAR
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
        modality=TABULAR,
        suffix="",
        good=rows.good,
        source=rows.source,
        inspected=lambda raw: raw,
        settings=(Recipe(), Recipe(columns="size=category, seen=text"), Recipe(columns="note=category")),
        odd=rows.odd(),
        hostile=rows.hostile(),
        damaged_json=rows.damaged(TABULAR.fit([rows.row(number) for number in range(4)], Recipe()).to_json()),
    ),
    Specimen(
        modality=AUDIO,
        suffix=".wav",
        good=lambda number: saved_sound(tone(number, 1000 + 100 * number)),
        source=class_folders(".wav", lambda number: saved_sound(tone(number, 1000 + 100 * number))),
        inspected=lambda raw: (raw.rate, len(raw.samples)),
        settings=(Recipe(), Recipe(sample_rate=16_000), Recipe(sample_rate=1_000)),
        odd=odd_sounds(),
        hostile=hostile_sounds(),
        damaged_json=tuple(
            f'{{"format": 1, "modality": "audio", "sample_rate": {rate}, "samples": {samples}}}'
            for rate, samples in [
                ("0", "8000"), ("-8000", "8000"), ("1e9", "8000"), ("true", "8000"), ('"8000"', "8000"),
                ("null", "8000"), ("8000", "0"), ("8000", "-1"), ("8000", "1e3"), ("8000", "99999999"), ("8000", "[]"),
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
