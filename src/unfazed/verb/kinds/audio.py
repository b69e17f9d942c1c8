"""Sound: a residual convnet on log-mel spectrograms, a linear model on their bands beside it, spectrograms to see.

Axis letters: n rows asked for, K classes, M mel bands, F frames of time.
"""

import math
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import cast

import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray
from torch import nn

from unfazed.analysis.baselines import ROWS, drawn, feature_model, feature_numbers, standardisation
from unfazed.analysis.mel import band_statistics, bands_of
from unfazed.analysis.one_vs_rest import feature_sets
from unfazed.modality.audio import AUTO_RATE, AudioPreprocessor
from unfazed.model.sounds import SoundNet, default_width
from unfazed.recipe import Recipe, weight_decay_of
from unfazed.report.spectrogram import picture
from unfazed.run import Exhibit
from unfazed.target import outputs_of
from unfazed.verb.kinds import (
    Baseline,
    Design,
    Kind,
    convnet_batch_size,
    convnet_epochs,
    lasting,
    opinion_on_waves,
    sampled,
)
from unfazed.verb.prepare import Prepared

SAMPLED_ROWS = 1000  # training recordings that each band's mean and deviation are taken from, at most
SAMPLED = 10_000_000  # samples of them together: 20 minutes at 8,000 a second
SCORED = 64  # rows that a baseline reads at once
EPOCHS = 7  # over 9,000 training recordings
AUTO_WINDOW = 4.0  # seconds
PLAYED = 10.0  # seconds of a recording that a report holds
SMALL_SOUND = 10_000  # bytes up to which it is kept as it is; beyond, it is compressed
MP3_RATES = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


def design(prepared: Prepared, recipe: Recipe, device: torch.device) -> Design:
    """A convnet as wide as the data allow, hearing whole recordings, or windows of long ones."""
    rows = torch.from_numpy(prepared.table.rows("train"))
    rate, samples = _rate(prepared), prepared.preprocessor.shape[0]
    recipe = lasting(recipe, len(rows), convnet_batch_size(len(rows)), convnet_epochs(len(rows), EPOCHS)).resolved(
        learning_rate=0.01,
        weight_decay=weight_decay_of(recipe),
        label_smoothing=0.1,
        sample_rate=rate,
        window=default_window(samples / rate),
        width=default_width(len(rows)),
    )
    model = SoundNet(
        outputs_of(prepared.table, recipe.loss), rate, recipe.window, recipe.width, recipe.dropout, recipe.augmentation
    )
    count = max(16, min(SAMPLED_ROWS, SAMPLED // samples))
    sample = prepared.examples.batch(rows[torch.randperm(len(rows))[:count]])
    model.initialise(sample.x, sample.length)
    details = f"on log-mel spectrograms of {prepared.fitting}"
    if samples > model.window:
        details += f", {recipe.window:g} s heard at once"
    return Design(recipe, model, "residual convnet", details)


def default_window(seconds: float) -> float:
    """Seconds heard at once, of recordings that are kept up to `seconds`; a hundredth more, so that none is cut."""
    return min(AUTO_WINDOW, math.ceil(100 * seconds) / 100)


def baselines(prepared: Prepared, asked: NDArray[np.int64], seed: int) -> Iterator[Baseline]:
    """What one layer on each band's mean and deviation can do, fitted to some of the training rows."""
    y, train = prepared.examples.y.numpy(), prepared.table.rows("train")
    rows = train[drawn(prepared.table.y()[train] >= 0, ROWS, seed)]
    if prepared.scale is not None:
        model = feature_numbers(_statistics(prepared, rows), y[rows])
    elif prepared.table.task == "multilabel":
        model = feature_sets(_statistics(prepared, rows), y[rows])
    else:
        model = feature_model(_statistics(prepared, rows), y[rows], len(prepared.table.classes))
    probs = model(_statistics(prepared, asked))
    yield Baseline("linear", "a linear model on the loudness of each band", len(rows), probs)


def _statistics(prepared: Prepared, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Features [n, 2 M]."""
    rate = _rate(prepared)
    batches = (prepared.examples.batch(part) for part in torch.split(torch.from_numpy(rows), SCORED))
    return np.concatenate(
        [band_statistics(batch.x.cpu().numpy(), batch.length.cpu().numpy(), rate, bands_of(rate)) for batch in batches]
    )


def exhibits(prepared: Prepared, model: nn.Module, rows: Sequence[int]) -> dict[int, Exhibit]:
    """A spectrogram and a player of each recording, as the network hears it: at its rate, up to 10 s."""
    rate = _rate(prepared)
    found = {}
    for row in rows:
        batch = prepared.examples.batch(torch.tensor([row]))
        samples = batch.x[0, : int(batch.length)].cpu().numpy()[: round(PLAYED * rate)]
        found[row] = Exhibit(image=picture(samples, rate), sound=playable(samples, rate))
    return found


def _rate(prepared: Prepared) -> int:
    return cast(AudioPreprocessor, prepared.preprocessor).sample_rate


def playable(samples: NDArray[np.int16], rate: int) -> bytes:
    """Samples [T] as a file that browsers play: a WAV where that is small, else an MP3."""
    buffer = BytesIO()
    if samples.nbytes <= SMALL_SOUND:
        soundfile.write(buffer, samples, rate, format="WAV", subtype="PCM_16")
        return buffer.getvalue()
    if rate not in MP3_RATES:
        samples, rate = soxr.resample(samples, rate, AUTO_RATE), AUTO_RATE
    soundfile.write(buffer, samples, rate, format="MP3", subtype="MPEG_LAYER_III")
    return buffer.getvalue()


def second_opinion(prepared: Prepared, seed: int) -> NDArray[np.float32]:
    """Ridge regression on waves over each band's mean and deviation."""
    standard = standardisation(_statistics(prepared, sampled(prepared, SAMPLED_ROWS, seed)))
    return opinion_on_waves(prepared, lambda rows: standard(_statistics(prepared, rows)), seed)


KIND = Kind(design, baselines, exhibits, _statistics, second_opinion)
