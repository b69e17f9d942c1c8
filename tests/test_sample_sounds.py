"""The synthetic sounds."""

from pathlib import Path

import numpy as np

from unfazed.modality.audio import read
from unfazed.sample_sounds import EACH, KINDS, RATE, sounds
from unfazed.samples import sample


def test_they_are_the_same_every_time_and_all_different() -> None:
    first, second = (list(sounds()) for _ in range(2))
    assert all(np.array_equal(one[2], other[2]) for one, other in zip(first, second, strict=True))
    assert len({samples.tobytes() for _, _, samples in first}) == EACH * len(KINDS)
    assert [(kind, number) for kind, number, _ in first] == [(kind, number) for kind in KINDS for number in range(EACH)]


def test_they_are_short_recordings_of_any_loudness() -> None:
    every = [samples for _, _, samples in sounds()]
    lengths, peaks = [len(samples) for samples in every], [np.abs(samples.astype(int)).max() for samples in every]
    assert 0.2 * RATE < min(lengths) < 0.4 * RATE and 1.1 * RATE < max(lengths) < 1.5 * RATE
    assert min(peaks) < 2000 and 20_000 < max(peaks) <= 32_767


def test_the_sample_is_files_of_these(tmp_path: Path) -> None:
    folder = sample("synthetic-sounds", tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == sorted(KINDS)
    assert len(list(folder.glob("*/*.wav"))) == EACH * len(KINDS)
    raw = read(folder / "bell" / "000.wav")
    assert raw.rate == RATE and np.array_equal(np.rint(raw.samples * 32_768), next(sounds())[2])
