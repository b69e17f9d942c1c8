"""Sound: any recording in a common format, to mono 16-bit samples at one rate.

Axis letters: T samples, C channels.
Decoding is the attack surface of a server, so the formats are a closed list, the size is checked before a sample is
decoded, and whatever a decoder raises becomes an `InputError` with a short reason.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from unfazed.errors import InputError, RunError, SourceError
from unfazed.modality import Modality, cause, described_by
from unfazed.reading import file_bytes
from unfazed.recipe import AUTO, Recipe
from unfazed.source import SourceOptions, listed_paths
from unfazed.source import find as find_source
from unfazed.table import Table

EXTENSIONS = frozenset({".flac", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wave"})
MAX_SAMPLES = 100_000_000  # of all channels together: 19 minutes of a compact disc
MAX_CHANNELS = 64
SLOWEST, FASTEST = 1_000, 768_000  # sample rates of recordings; less is no sound
AUTO_RATE = 16_000  # faster recordings are resampled to this unless asked otherwise
HIGHEST_RATE = 48_000
MAX_SECONDS = 30.0  # kept of a recording
PADDING = -32_768  # no sample has this value
_MANY_MEDIANS = 4  # a recording longer than so many usual ones is an exception, which does not set the length for all
_FORMATS = frozenset({"FLAC", "MP3", "OGG", "RF64", "WAV", "WAVEX"})
_SIGNATURES = (  # of these formats, and no others
    rb"(RIFF|RIFX|RF64)....WAVE",
    rb"fLaC",
    rb"OggS",
    rb"\xff[\xe2-\xff]",  # the first eleven bits of an MPEG frame
)
_TAG = re.compile(rb"ID3..(.)([\0-\x7f]{4})", re.DOTALL)  # titles and covers, before the sound
_MANY_TAGS = 4  # of one file; each is cut off by a copy
_UNKNOWN = 2**63 - 1  # samples, where a header says nothing of them
_LENGTH_TAGS = (b"Xing", b"Info", b"VBRI")  # in the first frame of an MP3 that says how long it is
_FIRST_FRAME = 200  # bytes that they begin within
_BLOCK = 1 << 20  # samples that are decoded at once
_CANCELLED = 1e-3  # share of the channels' power that their mean keeps; below it they are in opposite phase


class Recording(NamedTuple):
    """One recording, read but not yet prepared."""

    samples: NDArray[np.float32]  # [T] mono, within -1..1
    rate: int  # samples a second


@dataclass(frozen=True)
class AudioPreprocessor:
    """How every recording becomes samples of one rate and one length.

    sample_rate: a second. samples: T, longer recordings are cut to it and shorter ones padded.
    """

    sample_rate: int
    samples: int

    @property
    def shape(self) -> tuple[int]:
        """Of one encoded recording, [T]."""
        return (self.samples,)

    @property
    def dtype(self) -> str:
        """Of one encoded recording."""
        return "int16"

    def to_json(self) -> str:
        """The preprocessor as JSON text."""
        return json.dumps({"format": 1, "modality": "audio", **asdict(self)}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "AudioPreprocessor":
        """The preprocessor that `to_json` wrote.

        Raises:
            RunError: damaged, of another modality or format, or out of range: the text may come from a stranger.
        """
        values = described_by(text, "audio", "audio")
        given = values.get("sample_rate"), values.get("samples")
        rate, samples = (value if type(value) is int else 0 for value in given)
        if not SLOWEST <= rate <= HIGHEST_RATE or not 1 <= samples <= MAX_SECONDS * rate:
            raise RunError(f"the preprocessor is damaged: sample_rate {given[0]!r}, samples {given[1]!r}")
        return cls(rate, samples)


def find(source: Any, options: SourceOptions | None = None) -> Table:
    """The recordings of a folder, a table file or a frame, with their labels; raises SourceError."""
    return find_source(source, options or SourceOptions(), EXTENSIONS)


def read(source: str | Path | bytes | Recording | tuple[NDArray[Any], int]) -> Recording:
    """One recording as mono samples within -1..1, at its own rate.

    From memory: samples `[T]` or `[T, C]` with their rate. Integers are scaled by the range of their type; floats above
    1, as some programs write them, are scaled down as a whole; what is not a finite number is silence.

    Raises:
        InputError: it cannot be used; the message is the reason.
    """
    if isinstance(source, tuple):
        return _from_array(*source) if len(source) == 2 else _refused(source)
    if not isinstance(source, bytes | str | Path):
        return _refused(source)
    with _opened(source if isinstance(source, bytes) else file_bytes(source)) as file:
        samples = _decoded(file)
        if len(samples) < file.frames and not file.guessed:
            raise InputError(f"truncated {file.format}: {len(samples):,} of {file.frames:,} samples are there")
        return _mono(samples, file.samplerate)


def inspect(data: bytes) -> tuple[int, int]:
    """Sample rate and samples that a file's bytes promise, from the header alone where it says how many there are.

    Of an MP3 that does not say it, they are estimated from its size.

    Raises:
        InputError: it cannot be used, as far as can be seen without decoding.
    """
    with _opened(data) as file:
        return file.samplerate, len(_decoded(file)) if file.frames == _UNKNOWN else file.frames


def fit(facts: Sequence[tuple[int, int]], recipe: Recipe, columns: Sequence[str] = ()) -> AudioPreprocessor:
    """The rate and length that suit the training recordings, from their (sample rate, samples).

    Rate, where "auto": the commonest, at most 16,000. Length: the longest, but at most 30 s and no more than four times
    the median or the 99th percentile, whichever is more.

    Raises:
        SourceError: there are no recordings.
    """
    if not facts:
        raise SourceError("there is no readable recording to train on")
    commonest = Counter(rate for rate, _ in facts).most_common(1)[0][0]
    rate = min(commonest, AUTO_RATE) if recipe.sample_rate == AUTO else recipe.sample_rate
    seconds = np.array([count / its_rate for its_rate, count in facts])
    usual = max(_MANY_MEDIANS * np.median(seconds), np.percentile(seconds, 99))
    return AudioPreprocessor(rate, max(1, round(min(seconds.max(), usual, MAX_SECONDS) * rate)))


def fitting(facts: Sequence[tuple[int, int]], preprocessor: AudioPreprocessor) -> str:
    """The rate of the recordings, and how many are cut, in words."""
    rate, seconds = preprocessor.sample_rate, preprocessor.samples / preprocessor.sample_rate
    longer = sum(count / its_rate > seconds + 1 / rate for its_rate, count in facts)
    resampled = "" if all(its_rate == rate for its_rate, _ in facts) else ", resampled"
    cut = f", the loudest {seconds:.3g} s of {longer:,} longer ones" if longer else ""
    return f"{rate:,} samples a second{resampled}{cut}"


def encode(raw: Recording, preprocessor: AudioPreprocessor) -> NDArray[np.int16]:
    """The recording as int16 `[T]`, resampled, its mean taken off, the end filled with -32,768.

    Of a recording longer than T the loudest stretch is kept. Samples of 16 bits at this rate stay as they are, but for
    the mean.
    """
    wanted = -(-preprocessor.samples * raw.rate // preprocessor.sample_rate)
    samples = _loudest(raw.samples, wanted).astype(np.float64)
    samples -= samples.mean()
    if raw.rate != preprocessor.sample_rate:
        samples = soxr.resample(samples, raw.rate, preprocessor.sample_rate, quality="HQ")
    kept = samples[: preprocessor.samples] if len(samples) else np.zeros(1)
    encoded = np.full(preprocessor.samples, PADDING, np.int16)
    encoded[: len(kept)] = np.rint(kept * -PADDING).clip(PADDING + 1, -PADDING - 1)
    return encoded


def length(x: NDArray[np.int16]) -> NDArray[np.int64]:
    """How many samples of each encoded recording [n, T] are not padding: [n]."""
    return np.asarray((x != PADDING).sum(axis=-1), dtype=np.int64)


class _Stream(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is read from its beginning to its end, without seeking: for that its length would have to be known.

    guessed: `frames` is no promise, but what the decoder thinks.
    """

    guessed = False

    def seekable(self) -> bool:
        return False


def _decoded(file: _Stream) -> NDArray[np.float32]:
    """All samples [T, C] that there are."""
    parts: list[NDArray[np.float32]] = [np.empty((0, file.channels), np.float32)]
    most, count = MAX_SAMPLES // file.channels, 0
    while len(part := file.read(min(file.frames, max(1, _BLOCK // file.channels)), dtype="float32", always_2d=True)):
        parts.append(part)
        count += len(part)
        if count > most:
            raise _too_long(f"more than {most:,}", file.channels)
    if not count:
        raise InputError("no sound: a header without samples")
    return np.concatenate(parts)


def _refused(source: object) -> Recording:
    raise InputError(f"a recording is a path, bytes, or (samples, sample rate), not {type(source).__name__}")


@contextmanager
def _opened(data: bytes) -> Iterator[_Stream]:
    """The file behind the bytes, its header checked; whatever the decoder raises as an `InputError`."""
    sound = _without_tags(data)
    if not any(re.match(start, sound, re.DOTALL) for start in _SIGNATURES):
        raise InputError(f"not WAV, FLAC, OGG or MP3: starts with {sound[:12]!r}" if sound else "empty file")
    try:
        with _Stream(BytesIO(sound)) as file:
            says = file.format != "MP3" or any(tag in sound[:_FIRST_FRAME] for tag in _LENGTH_TAGS)
            file.guessed = file.frames == _UNKNOWN or not says
            _check(file)
            yield file
    except InputError:
        raise
    except MemoryError as error:
        raise InputError("not enough memory to decode it") from error
    except Exception as error:  # the decoder's own errors, and whatever its bindings make of nonsense
        raise InputError(f"damaged, or of a kind that is not supported: {cause(error)}") from error


def _without_tags(data: bytes) -> bytes:
    for _ in range(_MANY_TAGS):
        tag = _TAG.match(data)
        if tag is None:
            break
        size = sum(byte << 7 * place for place, byte in enumerate(reversed(tag[2])))
        footer = 10 * bool(tag[1][0] & 0x10)
        data = data[10 + size + footer :].lstrip(b"\0")
    return data


def _too_long(count: str, channels: int) -> InputError:
    return InputError(
        f"too long to decode: {count} samples of {channels} channels are over {MAX_SAMPLES / 1e6:.0f} million"
    )


def _check(file: _Stream) -> None:
    """Raise InputError for what is not to be decoded."""
    if file.format not in _FORMATS:
        raise InputError(f"{file.format} is not among the formats that are read")
    if file.frames * file.channels > MAX_SAMPLES and not file.guessed:
        raise _too_long(f"{file.frames:,}", file.channels)
    _check_sizes(file.frames, file.channels, file.samplerate)


def _check_sizes(frames: int, channels: int, rate: int) -> None:
    if frames < 1:
        raise InputError("no sound: a header without samples")
    if not 1 <= channels <= MAX_CHANNELS:
        raise InputError(f"{channels:,} channels: 1 to {MAX_CHANNELS} are read")
    if not SLOWEST <= rate <= FASTEST:
        raise InputError(f"a sample rate of {rate:,} a second: {SLOWEST:,} to {FASTEST:,} are read")


def _from_array(samples: Any, rate: Any) -> Recording:
    if not isinstance(samples, np.ndarray) or samples.ndim not in (1, 2) or samples.dtype.kind not in "iuf":
        raise InputError("samples are an array of numbers, [T] or [T, C]")
    if not isinstance(rate, int | np.integer) or isinstance(rate, bool):
        raise InputError(f"a sample rate is a whole number, not {rate!r:.40}")
    channels = samples[:, None] if samples.ndim == 1 else samples
    if channels.size > MAX_SAMPLES:
        raise InputError(f"too long: {channels.size:,} samples are over {MAX_SAMPLES / 1e6:.0f} million")
    _check_sizes(len(channels), channels.shape[1], int(rate))
    if channels.dtype.kind in "iu":
        bounds = np.iinfo(channels.dtype)
        middle = (bounds.max + bounds.min + 1) // 2
        channels = (channels.astype(np.float64) - middle) / (bounds.max - middle + 1)
    return _mono(channels.astype(np.float32), int(rate))


def _mono(channels: NDArray[np.float32], rate: int) -> Recording:
    """The mean of the channels; the loudest one where they cancel."""
    finite = np.isfinite(channels)
    if not finite.all():
        if not finite.any():
            raise InputError("no sample is a finite number")
        channels = np.where(finite, channels, np.float32(0))
    peak = max(channels.max(), -channels.min())
    if peak > 1:
        channels = channels / peak
    samples = channels.mean(axis=1)
    if channels.shape[1] > 1:
        power = np.square(channels).mean(axis=0)
        if np.square(samples).mean() < _CANCELLED * power.mean():
            samples = channels[:, power.argmax()].copy()
    return Recording(samples, rate)


def _loudest(samples: NDArray[np.float32], wanted: int) -> NDArray[np.float32]:
    """The stretch of `wanted` samples with the most power, to a hundredth of it; the earliest of several."""
    if len(samples) <= wanted:
        return samples
    step = max(1, wanted // 100)
    parts = samples[: len(samples) // step * step].reshape(-1, step)
    power = np.concatenate([[0.0], np.cumsum(np.einsum("ij,ij->i", parts, parts), dtype=np.float64)])
    count = wanted // step
    start = min(step * int(np.argmax(power[count:] - power[:-count])), len(samples) - wanted)
    return samples[start : start + wanted]


MODALITY = Modality(
    name="audio",
    items="recordings",
    decoder=f"libsndfile {soundfile.__libsndfile_version__}, soxr {soxr.__version__}, streams 2",  # to their ends
    extensions=EXTENSIONS,
    values=False,
    find=find,
    listed=listed_paths,
    load=file_bytes,
    read=read,
    inspect=inspect,
    fit=fit,
    encode=encode,
    length=length,
    fitting=fitting,
    augment=None,
    shrink=None,
    preprocessor=AudioPreprocessor,
)
