"""Sound from one end to the other: trained, reported, predicted; and what a report shows of a recording."""

from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
import soundfile
import trained
from conformance.sounds import hostile, saved, tone
from PIL import Image

import unfazed
from unfazed.errors import RecipeError
from unfazed.report.spectrogram import PICTURE, picture
from unfazed.run import Run
from unfazed.verb.kinds.audio import default_window, playable

SETTINGS = {"epochs": 6, "width": 8, "batch_size": 8, "learning_rate": 0.02, "augmentation": 0.1, "progress": False}


def pitched(folder: Path, each: int = 20) -> Path:
    """High and low tones of a tenth to one second, one of them stereo, one faster, and a file that is none."""
    draw = np.random.default_rng(0)
    for name, lowest in (("low", 150), ("high", 1500)):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            rate = 16_000 if number == 0 else 8000
            time = np.arange(int(draw.uniform(0.1, 1) * rate)) / rate
            sound = 0.3 * np.sin(2 * np.pi * lowest * draw.uniform(1, 2) * time)
            sound += 0.01 * draw.standard_normal(len(time))
            channels = np.stack([sound, sound], axis=1) if number == 1 else sound
            (folder / name / f"{number:02}.wav").write_bytes(saved(channels, rate))
    (folder / "low" / "broken.flac").write_bytes(hostile()["FLAC cut at 50%"])
    return folder


@cache
def run() -> Run:
    folder = Path(mkdtemp(prefix="unfazed-test-"))
    return unfazed.train(pitched(folder / "tones"), out=folder / "run", **SETTINGS)


def test_sound_is_trained_on_without_a_word_about_its_kind() -> None:
    assert run().report["test"]["accuracy"]["value"] >= 0.75
    assert run().recipe.modality == "audio" and run().recipe.sample_rate == 8000
    assert run().model["family"] == "sounds-1"
    assert [row["id"] for row in run().problems()] == ["low/broken.flac"]
    assert run().report["baselines"]["linear"]["words"] == "a linear model on the loudness of each band"


def test_a_simple_model_says_what_each_recording_is() -> None:
    assert trained.has_a_second_opinion(run(), 0.8)


def test_a_run_repeats_bit_for_bit(tmp_path: Path) -> None:
    again = unfazed.train(run().origin["source"], out=tmp_path / "again", **SETTINGS)
    for name, array in run().dynamics().items():
        assert np.array_equal(array, again.dynamics()[name], equal_nan=array.dtype.kind == "f"), name


def test_files_and_samples_in_memory_are_predicted_alike() -> None:
    path = Path(run().origin["source"]) / "high" / "00.wav"
    samples, rate = soundfile.read(path, dtype="int16")
    predicted = unfazed.Predictor.open(run()).predict([path, str(path), (samples, rate), b"nothing", samples])
    assert predicted.labels == ["high"] * 3 + [None] * 2
    np.testing.assert_allclose(predicted.probs[1:3], predicted.probs[[0, 0]], atol=1e-5)
    assert predicted.problems[3] == "not WAV, FLAC, OGG or MP3: starts with b'nothing'"


def test_what_is_predicted_does_not_depend_on_its_neighbours() -> None:
    predictor = unfazed.Predictor.open(run())
    paths = sorted(Path(run().origin["source"]).glob("*/*.wav"))
    alone = np.concatenate([predictor.predict([path]).probs for path in paths[:6]])
    np.testing.assert_allclose(predictor.predict(paths).probs[:6], alone, atol=1e-5)


def test_the_report_shows_and_plays_what_surprises() -> None:
    exhibits = run().exhibits()
    rows = {row["row"] for part in run().report["surprising"].values() for row in part}
    assert rows and rows <= exhibits.keys()
    assert all(one.image and one.sound for one in exhibits.values())
    page = (run().path / "report.html").read_text()
    assert "media-src data:" in page
    assert all(f'<audio src="data:audio/{kind};' in page for kind in ("wav", "mpeg"))


def test_a_window_shorter_than_the_recordings(tmp_path: Path) -> None:
    short = unfazed.train(run().origin["source"], out=tmp_path / "run", window=0.2, **SETTINGS)
    assert short.model["arguments"]["window"] == 0.2
    assert short.report["test"]["accuracy"]["value"] >= 0.6


def test_settings_of_other_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="image_size is for image data"):
        unfazed.train(run().origin["source"], out=tmp_path / "run", image_size=32, **SETTINGS)


def test_a_window_holds_every_short_recording_whole() -> None:
    for samples in (1, 100, 7999, 8000, 8001, 31_999):
        assert round(default_window(samples / 8000) * 8000) >= samples
    assert default_window(30.0) == 4.0


def test_the_picture_shows_pitch_upwards_and_time_to_the_right() -> None:
    time = np.arange(8000) / 8000
    sound = np.where(time < 0.5, 0.5, 0) * np.sin(2 * np.pi * 300 * time)
    with Image.open(BytesIO(picture(np.rint(32_767 * sound).astype(np.int16), 8000))) as image:
        assert image.size == PICTURE
        light = np.asarray(image.convert("L"), dtype=float)
    half = PICTURE[0] // 2
    assert light[half:, : half - 8].max() > 150 and light[: half - 8].max() < 100 and light[:, half + 8 :].max() < 60


@pytest.mark.parametrize("rate", [1000, 8000, 9999, 16_000, 48_000])
@pytest.mark.parametrize("seconds", [0.001, 0.5, 10])
def test_what_is_played_is_the_recording(rate: int, seconds: float) -> None:
    samples = np.rint(32_767 * tone(0, int(rate * seconds), rate)).astype(np.int16)
    file = playable(samples, rate)
    played, its_rate = soundfile.read(BytesIO(file))
    assert abs(len(played) / its_rate - len(samples) / rate) < 0.15
    assert len(file) < 12_000 + 5_000 * seconds * max(1, rate / 16_000)


@pytest.mark.parametrize("samples", [np.zeros(1, np.int16), np.zeros(5000, np.int16)])
def test_silence_can_be_shown(samples: np.ndarray) -> None:
    assert picture(samples, 8000) and playable(samples, 8000)
