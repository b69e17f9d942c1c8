"""Sound files nobody wants to meet, made in memory."""

import struct
from io import BytesIO
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE, SAMPLES = 8000, 2400


def tone(number: int = 0, samples: int = SAMPLES, rate: int = RATE) -> NDArray[np.float64]:
    """A tone in some noise, so that it compresses badly; another for each number."""
    draw = np.random.default_rng(number)
    time = np.arange(samples) / rate
    return 0.4 * np.sin(2 * np.pi * (200 + 90 * number) * time) + 0.05 * draw.standard_normal(samples)


def saved(samples: NDArray[Any], rate: int = RATE, form: str = "WAV", subtype: str | None = None) -> bytes:
    """The samples [T] or [T, C] as the bytes of a file."""
    file = BytesIO()
    soundfile.write(file, samples, rate, subtype, format=form)
    return file.getvalue()


def wav(data: bytes, rate: int = RATE, channels: int = 1, bits: int = 16, size: int | None = None) -> bytes:
    """A WAV put together by hand: header and data need not agree."""
    width = channels * bits // 8
    form = struct.pack("<HHIIHH", 1, channels, rate, (rate * width) & 0xFFFFFFFF, width & 0xFFFF, bits)
    size = len(data) if size is None else size
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", min(len(body) - len(data) + size, 0xFFFFFFFF)) + body


def tagged(data: bytes) -> bytes:
    """A file behind an ID3 tag with a cover."""
    size = 300
    return b"ID3\x04\0\0" + bytes([0, 0, size >> 7, size & 127]) + b"APIC" + bytes(size - 4) + data


def streamed(flac: bytes) -> bytes:
    """A FLAC whose header does not say how many samples there are, as a program writes it to a pipe."""
    data = bytearray(flac)
    data[21:26] = bytes([data[21] & 0xF0, 0, 0, 0, 0])  # 36 bits of STREAMINFO
    return bytes(data)


def headless(quiet: int = 80_000) -> bytes:
    """An MP3 of changing bit rate, low at its beginning, without the frame that says how long it is."""
    file = BytesIO()
    sound = np.concatenate([np.zeros(quiet), tone(0, quiet, 16_000)])
    soundfile.write(file, sound, 16_000, format="MP3", bitrate_mode="VARIABLE", compression_level=0.2)
    data = file.getvalue()
    return data[data.index(data[:2], 4) :]


def odd() -> dict[str, bytes]:
    """Unusual recordings that can be used."""
    sound = tone()
    stereo = np.stack([sound, tone(1)], axis=1)
    whole = saved(sound)
    nan = sound.copy()
    nan[100:200] = np.nan
    return {
        **{f"WAV {subtype}": saved(sound, subtype=subtype) for subtype in (
            "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM",
            "GSM610")},
        **{f"FLAC {subtype}": saved(sound, form="FLAC", subtype=subtype) for subtype in ("PCM_S8", "PCM_16", "PCM_24")},
        **{f"at {rate} Hz": saved(tone(0, rate // 4, rate), rate) for rate in (1000, 11_025, 44_100, 192_000)},
        "Ogg Vorbis": saved(sound, form="OGG", subtype="VORBIS"),
        "Ogg Opus": saved(sound, form="OGG", subtype="OPUS"),
        "MP3": saved(tone(0, 16_000, 16_000), 16_000, "MP3"),
        "MP3 with a cover": tagged(saved(tone(0, 16_000, 16_000), 16_000, "MP3")),
        "FLAC with an ID3 tag": tagged(saved(sound, form="FLAC")),
        "streamed FLAC": streamed(saved(sound, form="FLAC")),
        "extensible WAV": saved(stereo, form="WAVEX"),
        "64-bit WAV": saved(sound, form="RF64"),
        "stereo": saved(stereo),
        "stereo FLAC": saved(stereo, form="FLAC"),
        "stereo MP3": saved(np.tile(stereo, (8, 1)), 16_000, "MP3"),
        "opposite phase": saved(np.stack([sound, -sound], axis=1)),
        "six channels": saved(np.repeat(sound[:, None], 6, axis=1)),
        "silence": saved(np.zeros(SAMPLES)),
        "one sample": saved(np.array([0.5])),
        "two samples at 96 kHz": saved(np.array([0.5, -0.5]), 96_000),
        "offset": saved(0.5 * sound + 0.4),
        "only an offset": saved(np.full(SAMPLES, 0.7)),
        "clipped": saved(np.sign(sound)),
        "floats above one": saved(30_000 * sound, subtype="FLOAT"),
        "floats with nan": saved(nan, subtype="FLOAT"),
        "floats with infinity": saved(np.where(np.isnan(nan), np.inf, sound), subtype="FLOAT"),
        "data cut short": whole[: len(whole) // 2],
        "written to a pipe": wav(whole[44:], size=0xFFFFFFFF),
        "bytes behind the end": whole + b"LIST\x08\0\0\0INFOIART",
    }


def hostile() -> dict[str, bytes]:
    """Files called recordings that cannot be used."""
    flac, vorbis = saved(tone(), form="FLAC"), saved(tone(), form="OGG", subtype="VORBIS")
    long = bytearray(flac)
    long[21:26] = bytes([long[21] | 0x0F, 255, 255, 255, 255])  # 36 bits of STREAMINFO: how many samples there are
    return {
        "empty": b"",
        "text": b"hello, I am a dog",
        "web page": b"<!doctype html><title>404</title>",
        "pickle": b"\x80\x04\x95\x05\x00",
        "zip": b"PK\x03\x04" + bytes(40),
        "film": b"RIFF\x40\0\0\0AVI LIST" + bytes(52),
        "picture": b"RIFF\x40\0\0\0WEBPVP8 " + bytes(52),
        "MIDI": b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk",
        "AIFF": saved(tone(), form="AIFF"),
        "AU": saved(tone(), form="AU"),
        "header without data": wav(b""),
        "header alone": wav(b"")[:44],
        "half a header": wav(b"")[:20],
        **{f"only a signature {number}": data for number, data in enumerate(
            [b"RIFF\0\0\0\0WAVE", b"RF64\xff\xff\xff\xffWAVE", b"fLaC", b"OggS", b"\xff\xfb\x90\x00", b"ID3"])},
        "only a tag": tagged(b""),
        "a tag without end": b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + bytes(40),
        "noise that starts like an MP3": b"\xff\xfb" + np.random.default_rng(0).bytes(4000),
        "FLAC cut at 10%": flac[: len(flac) // 10],
        "FLAC cut at 50%": flac[: len(flac) // 2],
        "streamed FLAC cut at 50%": streamed(flac)[: len(flac) // 2],
        "FLAC that says it is 600 hours": bytes(long),
        "Vorbis cut in its header": vorbis[: len(vorbis) // 10],
        "no rate": wav(bytes(100), rate=0),
        "a rate of 50": wav(bytes(100), rate=50),
        "a rate of four billion": wav(bytes(100), rate=4_000_000_000),
        "no channels": wav(bytes(100), channels=0),
        "65,000 channels": wav(bytes(400_000), channels=65_000),
        "no bits": wav(bytes(100), bits=0),
        "99 bits": wav(bytes(100), bits=99),
        "only nan": saved(np.full(SAMPLES, np.nan), subtype="FLOAT"),
    }
