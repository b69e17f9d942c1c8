"""Image files nobody wants to meet, made in memory."""

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HEIGHT, WIDTH = 40, 60
_SAVED = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")


def noise(seed: int = 0, height: int = HEIGHT, width: int = WIDTH) -> Image.Image:
    """An RGB image that compresses badly, so that a cut hits pixels."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def saved(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    """The image as the bytes of a file."""
    file = BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def png(width: int, height: int, depth: int, colour: int, rows: bytes = b"") -> bytes:
    """A PNG put together by hand: header and pixels need not agree."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def deep(colour: int, pixel: bytes) -> bytes:
    """A 16-bit PNG of one colour."""
    return png(WIDTH, HEIGHT, 16, colour, (b"\0" + pixel * WIDTH) * HEIGHT)


def halves(horizontal: bool = False) -> Image.Image:
    """Light at the top (or left), dark elsewhere, and one corner grey: no two orientations look the same."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    pixels[: HEIGHT // 2] = 250
    pixels[:8, :8] = 120
    return Image.fromarray(pixels.transpose(1, 0, 2) if horizontal else pixels)


def turned(orientation: int, form: str) -> bytes:
    """`halves` with an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(halves(), form, exif=exif, **({"quality": 95} if form == "JPEG" else {}))


def floats(values: NDArray[np.float32]) -> bytes:
    """A TIFF of 32-bit floats."""
    return saved(Image.fromarray(values.astype(np.float32)), "TIFF")


def odd() -> dict[str, bytes]:
    """Unusual images that can be used."""
    colour = noise()
    ramp = np.linspace(0, 1, HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)
    frames = [Image.new("RGB", (WIDTH, HEIGHT), name) for name in ("red", "blue")]
    clear = Image.fromarray(np.dstack([np.asarray(colour), np.full((HEIGHT, WIDTH), 90, dtype=np.uint8)]))
    return {
        **{form: saved(colour, form) for form in _SAVED},
        "grayscale": saved(colour.convert("L")),
        "bilevel": saved(colour.convert("1")),
        "gray with alpha": saved(clear.convert("LA")),
        "colour with alpha": saved(clear),
        "palette": saved(colour.quantize(16)),
        "palette with alpha": saved(clear.quantize(16)),
        "palette, transparency as bytes": saved(colour.quantize(4), transparency=bytes([0, 128, 255, 255])),
        "gray, one colour transparent": saved(colour.convert("L"), transparency=7),
        "CMYK JPEG": saved(colour.convert("CMYK"), "JPEG"),
        "CMYK TIFF": saved(colour.convert("CMYK"), "TIFF"),
        "YCbCr TIFF": saved(colour.convert("YCbCr"), "TIFF"),
        "16-bit gray PNG": saved(Image.fromarray(np.full((HEIGHT, WIDTH), 40_000, dtype=np.uint16))),
        "16-bit gray TIFF": saved(Image.fromarray(np.full((HEIGHT, WIDTH), 40_000, dtype=np.uint16)), "TIFF"),
        "16-bit colour PNG": deep(2, b"\x80\x00\x40\x00\xff\xff"),
        "16-bit gray with alpha": deep(4, b"\x80\x00\xff\xff"),
        "32-bit TIFF": saved(Image.fromarray(np.full((HEIGHT, WIDTH), 70_000, dtype=np.int32)), "TIFF"),
        "float TIFF": floats(ramp),
        "negative float TIFF": floats(ramp - 5),
        "float TIFF with nan": floats(np.where(ramp > 0.5, np.nan, ramp)),
        "animated GIF": saved(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "animated PNG": saved(frames[0], "PNG", save_all=True, append_images=frames[1:]),
        "two pages": saved(frames[0], "TIFF", save_all=True, append_images=frames[1:]),
        "EXIF rotation": turned(6, "JPEG"),
        "EXIF garbage": saved(colour, "JPEG", exif=b"Exif\0\0" + b"garbage" * 5),
        "one pixel": saved(Image.new("RGB", (1, 1))),
        "tall": saved(Image.new("L", (1, 20_000))),
        "wide": saved(Image.new("L", (20_000, 1))),
    }


def hostile() -> dict[str, bytes]:
    """Files called images that cannot be used."""
    cut = {f"{form} cut at {share:.0%}": data[: int(len(data) * share)]
           for form in _SAVED for data in [saved(noise(), form)] for share in (0.1, 0.5, 0.95)}
    broken = bytearray(saved(noise()))
    broken[len(broken) // 2] ^= 0xFF
    whole = saved(noise())
    samples = struct.pack("<HHI", 277, 3, 1)  # the start of the TIFF entry SamplesPerPixel
    long_text = _chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * 20_000_000))
    return {
        **cut,
        "empty": b"",
        "text": b"hello, I am a cat",
        "web page": b"<!doctype html><title>404</title>",
        "text that starts like a bitmap": b"BMW is a car",
        "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        "pickle": b"\x80\x04\x95\x05\x00",
        "zip": b"PK\x03\x04" + bytes(40),
        **{f"only a signature {number}": data for number, data in enumerate(
            [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\0", b"MM\0*", b"P6 ", b"RIFF\0\0\0\0WEBP",
             b"\0\0\0\x20ftypavif"])},
        "flipped byte": bytes(broken),
        "bomb over every limit": png(50_000, 50_000, 8, 2),
        "bomb over our limit": png(11_000, 11_000, 8, 2),
        "PPM bomb": b"P6 100000 100000 255\n",
        "GIF bomb": struct.pack("<6sHH4sHHHH2s", b"GIF89a", 65000, 65000, b"\0\0\0,", 0, 0, 65000, 65000, b"\0\x08"),
        "text bomb": whole[:33] + long_text + whole[33:],
        "more samples than a pixel has": saved(noise(), "TIFF").replace(samples + b"\3", samples + b"\x99"),
        "no width": png(0, 10, 8, 2),
        "fewer pixels than it says": png(64, 64, 8, 2, b"\0\1\2\3"),
        "only nan": floats(np.full((HEIGHT, WIDTH), np.nan, dtype=np.float32)),
    }


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
