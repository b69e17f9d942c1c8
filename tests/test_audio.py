"""What each kind of recording becomes, and the samples made of it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conformance.sounds import RATE, SAMPLES, headless, hostile, odd, saved, tone, wav
from hypothesis import given, settings
from hypothesis import strategies as st

from unfazed.errors import InputError, RunError, SourceError
from unfazed.modality import audio as module
from unfazed.modality.audio import PADDING, AudioPreprocessor, Recording, encode, fit, inspect, length, read
from unfazed.recipe import Recipe


def recording(count: int, rate: int = RATE, number: int = 0) -> Recording:
    return Recording(tone(number, count, rate).astype(np.float32), rate)


def test_importing_audio_does_not_load_torch() -> None:
    code = "import sys, unfazed.modality.audio; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", odd())
def test_odd_recordings_are_read_whole(name: str) -> None:
    data = odd()[name]
    rate, count = inspect(data)
    raw = read(data)
    assert (raw.rate, len(raw.samples)) == (rate, count)
    assert raw.samples.dtype == np.float32 and raw.samples.ndim == 1
    assert np.isfinite(raw.samples).all() and np.abs(raw.samples).max() <= 1


@pytest.mark.parametrize("name", hostile())
def test_hostile_files_are_refused_with_a_reason_in_one_line(name: str) -> None:
    with pytest.raises(InputError) as caught:
        read(hostile()[name])
    assert 0 < len(str(caught.value)) <= 160 and "\n" not in str(caught.value)
    assert "BytesIO" not in str(caught.value)


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "MP3"])
def test_cut_and_broken_files_never_raise_anything_else(form: str) -> None:
    data = saved(tone(0, 16_000, 16_000), 16_000, form)
    draw = np.random.default_rng(0)
    for _ in range(60):
        broken = bytearray(data[: int(draw.integers(1, len(data) + 1))])
        for place in draw.integers(0, min(len(broken), 400), 4):
            broken[place] = draw.integers(256)
        for use in (read, inspect):
            try:
                use(bytes(broken))
            except InputError as error:
                assert 0 < len(str(error)) <= 160 and "\n" not in str(error)


@pytest.mark.parametrize(
    "subtype, bits", [("PCM_U8", 8), ("PCM_16", 16), ("PCM_24", 24), ("PCM_32", 24), ("FLOAT", 24)]
)
def test_every_depth_is_the_same_sound(subtype: str, bits: int) -> None:
    assert np.abs(read(saved(tone(), subtype=subtype)).samples - tone()).max() < 2.0 ** (2 - bits)


def test_channels_become_their_mean() -> None:
    left, right = tone(0), tone(1)
    found = read(saved(np.stack([left, right], axis=1), subtype="FLOAT")).samples
    np.testing.assert_allclose(found, (left + right) / 2, atol=1e-6)


def test_channels_that_cancel_are_not_silence() -> None:
    found = read(saved(np.stack([0.5 * tone(), -0.5 * tone()], axis=1), subtype="FLOAT")).samples
    np.testing.assert_allclose(np.abs(found), np.abs(0.5 * tone()), atol=1e-6)


def test_floats_above_one_are_scaled_as_a_whole() -> None:
    found = read(saved(30_000 * tone(), subtype="FLOAT")).samples
    np.testing.assert_allclose(found, tone() / np.abs(tone()).max(), atol=1e-5)


def test_what_is_not_a_number_is_silence() -> None:
    found = read(odd()["floats with nan"]).samples
    assert (found[100:200] == 0).all() and (found[:100] != 0).any()


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.uint8, np.float32, np.float64])
def test_arrays_are_scaled_by_their_type(kind: type) -> None:
    wave = np.sin(np.arange(500) / 9) * 0.9
    scaled = {np.int16: wave * 32768, np.int32: wave * 2**31, np.uint8: wave * 128 + 128}.get(kind, wave)
    found = read((scaled.astype(kind), 8000))
    assert found.rate == 8000
    assert np.abs(found.samples - wave).max() < (0.02 if kind is np.uint8 else 1e-4)


@pytest.mark.parametrize(
    "source",
    [
        np.zeros(10), (np.zeros(10),), (np.zeros((2, 3, 4)), 8000), (np.zeros(10), 8000.5), (np.zeros(10), True),
        (np.zeros(10), 10), (np.zeros(0), 8000), (np.zeros((3, 0)), 8000), (np.zeros((10, 100)), 8000),
        (np.array(["a"]), 8000), ([0.1, 0.2], 8000), (np.full(10, np.nan), 8000), 7, None, {}, (8000, np.zeros(10)),
    ],
)  # fmt: skip
def test_what_is_no_recording_is_refused(source: object) -> None:
    with pytest.raises(InputError):
        read(source)  # type: ignore[arg-type]


def test_a_recording_too_long_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(self: object, *args: object, **options: object) -> None:
        raise AssertionError("decoded")

    data = saved(tone())
    monkeypatch.setattr(module, "MAX_SAMPLES", SAMPLES - 1)
    monkeypatch.setattr("soundfile.SoundFile.read", decoded)
    with pytest.raises(InputError, match="too long"):
        read(data)


def test_a_stream_that_does_not_say_its_length_is_refused_where_it_becomes_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_SAMPLES", SAMPLES - 1)
    for use in (read, inspect):
        with pytest.raises(InputError, match="too long to decode: more than 2,399 samples of 1 channels"):
            use(odd()["streamed FLAC"])


def test_an_mp3_that_does_not_say_its_length_is_read_as_far_as_it_goes() -> None:
    data = headless()
    assert inspect(data)[1] > 300_000, "an estimate, from the bit rate at its beginning"
    assert 160_000 <= len(read(data).samples) < 163_000


def test_no_format_but_those_promised_reaches_a_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*args: object) -> None:
        raise AssertionError("opened")

    others = [saved(tone(), form=form) for form in ("AIFF", "AU", "CAF", "VOC", "W64")]
    monkeypatch.setattr("soundfile.SoundFile.__init__", opened)
    for other in others:
        for data in (other, b"ID3\x04\0\0\0\0\0\0" + other):
            with pytest.raises(InputError, match="not WAV, FLAC, OGG or MP3"):
                read(data)


@pytest.mark.parametrize("error", [OSError("x"), ValueError(""), RuntimeError("x"), MemoryError(), IndexError()])
def test_whatever_a_decoder_raises_is_a_reason(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object, *args: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("soundfile.SoundFile.read", fail)
    with pytest.raises(InputError):
        read(saved(tone()))


@pytest.mark.parametrize(
    "facts, expected",
    [
        ([(8000, 4000)] * 5, (8000, 4000)),
        ([(44_100, 44_100)] * 3 + [(8000, 8000)], (16_000, 16_000)),  # the commonest, at most 16,000
        ([(8000, 4000)] * 3 + [(44_100, 44_100)], (8000, 8000)),
        ([(8000, 8000)] * 200 + [(8000, 80_000)], (8000, 32_000)),  # one in two hundred does not set the length
        ([(8000, 8000)] * 20 + [(8000, 80_000)] * 2, (8000, 80_000)),
        ([(8000, 8_000_000)] * 3, (8000, 240_000)),  # 30 seconds
        ([(96_000, 1)], (16_000, 1)),
    ],
)
def test_the_rate_and_length_that_suit(facts: list[tuple[int, int]], expected: tuple[int, int]) -> None:
    preprocessor = fit(facts, Recipe())
    assert (preprocessor.sample_rate, preprocessor.samples) == expected


def test_a_rate_that_was_asked_for() -> None:
    assert fit([(8000, 8000)], Recipe(sample_rate=12_000)) == AudioPreprocessor(12_000, 12_000)


def test_there_must_be_a_recording() -> None:
    with pytest.raises(SourceError, match="no readable recording"):
        fit([], Recipe())


def test_sixteen_bits_stay_as_they_are_but_for_the_mean() -> None:
    samples = np.array([100, -100, 3000, -3000, 32_000, -32_000], np.int16)
    encoded = encode(read((samples, 8000)), AudioPreprocessor(8000, 8))
    assert encoded.tolist() == [*samples.tolist(), PADDING, PADDING]


def test_an_offset_is_taken_off() -> None:
    plain, offset = (encode(read(saved(0.4 * tone() + by, subtype="FLOAT")), AudioPreprocessor(RATE, SAMPLES))
                     for by in (0.0, 0.5))  # fmt: skip
    assert np.abs(plain.astype(int) - offset).max() <= 1


def test_resampling_keeps_the_pitch_and_filters_what_would_fold() -> None:
    time = np.arange(44_100) / 44_100
    low, high = np.sin(2 * np.pi * 1000 * time), np.sin(2 * np.pi * 9000 * time)
    encoded = encode(Recording((0.4 * low + 0.4 * high).astype(np.float32), 44_100), AudioPreprocessor(16_000, 16_000))
    spectrum = np.abs(np.fft.rfft(encoded / 32_768)) / 8000
    assert abs(spectrum[1000] - 0.4) < 0.01
    assert spectrum[1100:].max() < 0.01  # 9,000 Hz would come back at 7,000


def test_the_loudest_stretch_of_a_long_recording_is_kept() -> None:
    sound = np.zeros(RATE * 20, np.float32)
    sound[RATE * 12 : RATE * 13] = tone(0, RATE)
    encoded = encode(Recording(sound, RATE), AudioPreprocessor(RATE, RATE))
    assert np.abs(encoded.astype(int) - np.rint(32_768 * (tone(0, RATE) - tone(0, RATE).mean()))).max() <= 1


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 3000), st.integers(2, 3000), st.integers(0, 2999))
def test_a_click_is_within_the_stretch_that_is_kept(count: int, wanted: int, place: int) -> None:
    sound = np.zeros(count, np.float32)
    sound[place % count] = 1
    kept = encode(Recording(sound, RATE), AudioPreprocessor(RATE, wanted))
    assert length(kept[None])[0] == min(count, wanted)
    tail = max(1, wanted // 100)  # what is left over at the end is not looked at
    assert place % count >= count - tail or kept.max() > 0


def test_a_loud_sample_is_not_taken_for_padding() -> None:
    encoded = encode(Recording(np.tile(np.float32([1, -1]), 50), RATE), AudioPreprocessor(RATE, 100))
    assert (encoded != PADDING).all() and encoded.min() == PADDING + 1


def test_silence_is_silence() -> None:
    for samples in (np.zeros(100), np.full(100, 0.7)):
        assert (encode(Recording(samples.astype(np.float32), RATE), AudioPreprocessor(RATE, 100)) == 0).all()


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 5000), st.sampled_from([1000, 8000, 11_025, 44_100, 768_000]), st.integers(1, 3000))
def test_every_recording_becomes_the_same_shape(count: int, rate: int, samples: int) -> None:
    preprocessor = AudioPreprocessor(8000, samples)
    encoded = encode(recording(count, rate), preprocessor)
    assert (encoded.shape, encoded.dtype) == (preprocessor.shape, preprocessor.dtype)
    inside = int(length(encoded[None])[0])
    assert 1 <= inside <= samples and abs(inside - min(samples, count * 8000 / rate)) <= 2
    assert (encoded[:inside] != PADDING).all() and (encoded[inside:] == PADDING).all()


def test_the_preprocessor_survives_json_and_refuses_anything_else() -> None:
    preprocessor = AudioPreprocessor(16_000, 12_345)
    assert AudioPreprocessor.from_json(preprocessor.to_json()) == preprocessor
    for values in ('"sample_rate": 16000', '"sample_rate": 16000, "samples": 0', '"sample_rate": 1, "samples": 10',
                   '"sample_rate": 16000, "samples": 1e3', '"sample_rate": true, "samples": 10',
                   '"sample_rate": 16000, "samples": 9000000', '"sample_rate": "8000", "samples": 10'):  # fmt: skip
        with pytest.raises(RunError):
            AudioPreprocessor.from_json(f'{{"format": 1, "modality": "audio", {values}}}')


def test_files_and_bytes_are_read_alike(tmp_path: Path) -> None:
    path = tmp_path / "über 猫.wav"
    path.write_bytes(wav(np.arange(100, dtype="<i2").tobytes()))
    found = [read(source).samples for source in (path, str(path), path.read_bytes())]
    assert all(np.array_equal(found[0], other) for other in found[1:]) and len(found[0]) == 100
