"""What each kind of image becomes, and the squares made of them."""

import os
import struct
import subprocess
import sys
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from conformance.images import HEIGHT, WIDTH, deep, floats, hostile, noise, odd, png, saved, turned
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from unfazed.errors import InputError, SourceError
from unfazed.modality import image as module
from unfazed.modality.image import ImagePreprocessor, encode, fit, inspect, read
from unfazed.reading import file_bytes
from unfazed.recipe import Recipe


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_rotation_is_applied(orientation: int, form: str) -> None:
    data = turned(orientation, form)
    with Image.open(BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    assert np.array_equal(read(data), expected)
    assert read(data).shape[:2] == ((HEIGHT, WIDTH) if orientation < 5 else (WIDTH, HEIGHT))


def test_damaged_metadata_says_nothing_about_the_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: object) -> None:
        raise SyntaxError("not a TIFF file")

    monkeypatch.setattr(Image.Image, "getexif", broken)
    assert read(saved(noise())).shape == (HEIGHT, WIDTH, 3)


def test_transparency_lies_over_white() -> None:
    pixels = np.zeros((2, 3, 4), dtype=np.uint8)
    pixels[0] = [255, 0, 0, 255]
    image = Image.fromarray(pixels)
    palette = image.quantize(4)
    for data in (saved(image), saved(image, "WEBP", lossless=True), saved(palette)):
        assert read(data)[0].tolist() == [[255, 0, 0]] * 3
        assert read(data)[1].tolist() == [[255, 255, 255]] * 3
    half = read(saved(Image.new("LA", (1, 1), (0, 128))))
    assert half.tolist() == [[[127, 127, 127]]]
    keyed = saved(Image.new("RGB", (1, 1), (7, 8, 9)), transparency=(7, 8, 9))
    assert read(keyed).tolist() == [[[255, 255, 255]]]


@pytest.mark.parametrize("form", ["GIF", "PNG", "TIFF", "WEBP"])
def test_the_first_frame_counts(form: str) -> None:
    frames = [Image.new("RGB", (9, 7), name) for name in ("red", "blue", "lime")]
    red = read(saved(frames[0], form, save_all=True, append_images=frames[1:]))
    assert red.shape == (7, 9, 3)
    assert np.abs(red.astype(int) - [255, 0, 0]).max() <= 3


@pytest.mark.parametrize("value, expected", [(0, 0), (200, 1), (257, 1), (40_000, 156), (65_535, 255)])
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_16_bits_are_scaled_to_8(value: int, expected: int, form: str) -> None:
    data = saved(Image.fromarray(np.full((4, 5), value, dtype=np.uint16)), form)
    assert np.unique(read(data)).tolist() == [expected]


def test_16_bits_in_colour_and_big_endian() -> None:
    assert read(deep(2, b"\x80\x00\x40\x00\xff\xff"))[0, 0].tolist() == [128, 64, 255]
    big = Image.frombytes("I;16B", (2, 1), b"\x80\x00\xff\xff")
    assert read(saved(big, "TIFF"))[0, :, 0].tolist() == [128, 255]


@pytest.mark.parametrize(
    "low, high, expected",
    [(0.0, 1.0, (0, 255)), (0.0, 0.5, (0, 128)), (0.0, 255.0, (0, 255)), (0.0, 100.0, (0, 100)),
     (0.0, 65_535.0, (0, 255)), (0.25, 0.5, (64, 128)), (-0.01, 0.5, (0, 128)), (-10.0, 200.0, (0, 200)),
     (0.5, 1 + 1e-6, (128, 255)), (0.5, 1.05, (128, 255)), (100.0, 260.0, (100, 255)), (0.0, 1.2, (0, 1)),
     (-5.0, 5.0, (0, 255)), (0.0, 1e9, (0, 255)), (3e9, 3e9, (0, 0))],
)
def test_floats_are_scaled_by_the_range_they_are_in(low: float, high: float, expected: tuple[int, int]) -> None:
    pixels = read(floats(np.array([[low, high]], dtype=np.float32)))
    assert (pixels.min(), pixels.max()) == expected


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.uint32])
@pytest.mark.parametrize("value, expected", [(0, 0), (200, 1), (257, 1), (30_000, 117)])
def test_integers_are_scaled_by_their_type(kind: type[np.integer], value: int, expected: int) -> None:
    """Dark and bright images of one source stay apart: what else is in an image changes nothing."""
    assert np.unique(read(np.full((2, 2), value, dtype=kind))).tolist() == [expected]
    assert read(np.array([[value, 32_767]], dtype=kind))[0, 0, 0] == expected
    assert read(np.array([[value, -3, 50]], dtype=np.int32))[0, 0, 0] == expected


def test_deep_tiffs_of_one_source_are_scaled_alike() -> None:
    dark, bright = (saved(Image.fromarray(np.full((4, 5), value, dtype=np.int32)), "TIFF") for value in (200, 40_000))
    assert (read(dark).max(), read(bright).max()) == (1, 156)


def test_integers_of_python_are_what_they_look_like() -> None:
    assert read(np.array([[0, 200]]))[0, :, 0].tolist() == [0, 200]
    assert read(np.array([[0, 40_000]]))[0, :, 0].tolist() == [0, 156]


def test_numbers_that_are_none() -> None:
    strange = np.array([[np.nan, np.inf, -np.inf, 1.0, 0.0]], dtype=np.float32)
    assert read(strange)[0, :, 0].tolist() == [0, 255, 0, 255, 0]
    assert read(np.array([[1e30, np.inf]]))[0, :, 0].tolist() == [0, 255]
    with pytest.raises(InputError, match="finite"):
        read(np.full((2, 2), np.nan))


def test_cmyk_keeps_its_colours() -> None:
    orange = Image.new("RGB", (8, 8), (200, 100, 50)).convert("CMYK")
    for form in ("JPEG", "TIFF"):
        assert np.abs(read(saved(orange, form)).astype(int) - [200, 100, 50]).max() <= 3


def test_gray_among_colour_has_three_equal_channels() -> None:
    raw = read(saved(noise().convert("L")))
    assert raw.shape == (HEIGHT, WIDTH, 3)
    assert (raw == raw[:, :, :1]).all()


def test_memory_and_disk_agree(tmp_path: Path) -> None:
    image = noise()
    image.save(tmp_path / "a.png")
    expected = np.asarray(image)
    for source in (tmp_path / "a.png", image, expected, expected.astype(np.uint8)):
        assert np.array_equal(read(source), expected)
    assert np.array_equal(read(expected[:, :, 0]), np.repeat(expected[:, :, :1], 3, axis=2))


def test_arrays_are_copied_and_checked() -> None:
    array = np.asarray(noise()).copy()
    raw = read(array)
    array[:] = 0
    assert raw.any()
    for shape in [(0, 4, 3), (4,), (4, 4, 5), (2, 4, 4, 3)]:
        with pytest.raises(InputError, match="shape"):
            read(np.zeros(shape, dtype=np.uint8))
    with pytest.raises(InputError, match="not numbers"):
        read(np.full((4, 4), "x"))
    assert read(np.eye(2, dtype=bool))[:, :, 0].tolist() == [[255, 0], [0, 255]]


def test_a_pillow_image_that_is_used_up_is_one_bad_input(tmp_path: Path) -> None:
    noise().save(tmp_path / "a.png")
    image = Image.open(tmp_path / "a.png")
    image.close()
    with pytest.raises(InputError):
        read(image)


@pytest.mark.parametrize(
    "name, reason",
    [
        ("PNG cut at 50%", "^truncated PNG$"),
        ("JPEG cut at 50%", "^truncated JPEG$"),
        ("empty", "^empty file$"),
        ("text", "^not an image: starts with b'hello, I am"),
        ("web page", "not an image"),
        ("EPS", "not an image"),
        ("bomb over every limit", "too large to decode"),
        ("bomb over our limit", "11000 x 11000 is over 100 megapixels"),
        ("flipped byte", "damaged PNG: "),
    ],
)
def test_reasons(name: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read(hostile()[name])


@pytest.mark.parametrize("start, kind", [
    (b"\0\0\0\x18ftypheic", "heic"), (b"\0\0\0\x18ftypmif1", "heic"), (b"\0\0\0\x18ftypcrx ", "cr3"),
    (b"8BPS\0\1", "psd"), (b'<?xml version="1.0"?>\n<svg width="9">', "svg"), (b"<svg>", "svg"),
])  # fmt: skip
def test_photos_that_nothing_reads_are_to_be_converted_as_training_says(start: bytes, kind: str) -> None:
    with pytest.raises(InputError, match=rf"^a \.{kind} photo cannot be read: convert it to JPEG or PNG first$"):
        read(start + bytes(200))


@pytest.mark.filterwarnings("default")
def test_nothing_is_written_to_the_screen(capfd: pytest.CaptureFixture[str]) -> None:
    code = (
        "from conformance.images import hostile, odd\nfrom unfazed.modality.image import read\n"
        "from unfazed.errors import InputError\n"
        "for data in [*odd().values(), *hostile().values()]:\n try: read(data)\n except InputError: pass"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": _path()})
    assert capfd.readouterr() == ("", "")


def test_what_the_user_does_with_pillow_warns_as_ever() -> None:
    """After importing Unfazed, and even while another thread reads."""
    code = (
        "import threading, warnings\nfrom io import BytesIO\nfrom PIL import Image\n"
        "from conformance.images import png\nfrom unfazed.modality import image as module\n"
        "warned = []\nwarnings.showwarning = lambda message, category, *rest: warned.append(category)\n"
        "def own(): Image.open(BytesIO(png(11_000, 11_000, 8, 2)))\n"
        "own()\nassert len(warned) == 1, warned\n"
        "with module._reasons('PNG'):\n"
        "    own()\n    assert len(warned) == 1, warned\n"
        "    other = threading.Thread(target=own)\n    other.start()\n    other.join()\n"
        "    assert len(warned) == 2, warned\n"
        "own()\nassert len(warned) == 3, warned\n"
    )
    subprocess.run([sys.executable, "-W", "always", "-c", code], check=True, env={**os.environ, "PYTHONPATH": _path()})


def test_a_bomb_is_refused_before_a_pixel_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(self: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decoded)
    with pytest.raises(InputError, match="too large"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read(png(11_000, 11_000, 8, 2))


def test_the_largest_image_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PIXELS", HEIGHT * WIDTH)
    assert read(saved(noise())).shape == (HEIGHT, WIDTH, 3)
    for source in (saved(noise(0, HEIGHT, WIDTH + 1)), noise(0, HEIGHT + 1), np.asarray(noise(0, HEIGHT + 1))):
        with pytest.raises(InputError, match="too large"):
            read(source)


@pytest.mark.parametrize(
    "error",
    [OSError("x"), SyntaxError("x"), ValueError(""), struct.error("x"), IndexError(), MemoryError(), KeyError("x"),
     RecursionError(), ZeroDivisionError()],
)
def test_whatever_a_decoder_raises_is_a_reason(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object) -> None:
        raise error

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(InputError):
        read(saved(noise()))


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.png").write_bytes(saved(noise()))
    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(InputError, match=r"^permission denied$"):
        file_bytes(tmp_path / "a.png")


def test_names_in_any_script_and_of_any_length(tmp_path: Path) -> None:
    for name in ("über 猫 🐈.png", "a'b\"c.png", "new\nline.png", "n" * 240 + ".png"):
        (tmp_path / name).write_bytes(saved(noise()))
        assert read(tmp_path / name).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(
    "sizes, expected",
    [
        ([(32, 32)] * 5, (32, "crop")),
        ([(8, 8)] * 5, (8, "crop")),
        ([(50, 60)] * 5, (50, "crop")),  # all agree: as they are
        ([(50, 60)] * 5 + [(51, 60)], (52, "crop")),  # not all: a multiple of 4
        ([(128, 128)] * 3, (128, "crop")),
        ([(240, 320), (300, 300), (500, 375)], (128, "crop")),
        ([(5, 5)] * 3, (8, "crop")),
        ([(1, 1)], (8, "crop")),
        ([(20, 30)] * 3, (20, "crop")),
        ([(20, 31)] * 3, (31, "pad")),
        ([(28, 100)] * 3, (100, "pad")),
        ([(1, 20_000)], (128, "pad")),
        ([(64, 64)] * 3 + [(10, 1000)], (64, "crop")),
    ],
)
def test_the_square_that_suits(sizes: list[tuple[int, int]], expected: tuple[int, str]) -> None:
    preprocessor = fit(sizes, Recipe())
    assert (preprocessor.image_size, preprocessor.aspect) == expected


def test_a_size_that_was_asked_for() -> None:
    assert fit([(30, 30)], Recipe(image_size=48)).image_size == 48


def test_there_must_be_an_image() -> None:
    with pytest.raises(SourceError, match="no readable image"):
        fit([], Recipe())


def test_native_images_are_not_touched() -> None:
    raw = np.asarray(noise(0, 32, 32))
    assert np.array_equal(encode(raw, ImagePreprocessor(32, "crop")), raw.transpose(2, 0, 1))
    wide = np.asarray(noise(0, 32, 40))
    assert np.array_equal(encode(wide, ImagePreprocessor(32, "crop")), wide[:, 4:36].transpose(2, 0, 1))


def test_shrinking_is_antialiased() -> None:
    board = np.indices((64, 64)).sum(axis=0) % 2 * 255
    raw = np.repeat(board[:, :, None], 3, axis=2).astype(np.uint8)
    inside = encode(raw, ImagePreprocessor(16, "crop"))[:, 2:-2, 2:-2]
    assert np.abs(inside.astype(int) - 127).max() <= 2  # without it: black and white spots


def test_padding_keeps_the_whole_image_in_the_middle() -> None:
    raw = np.full((10, 40, 3), 250, dtype=np.uint8)
    square = encode(raw, ImagePreprocessor(20, "pad"))
    assert (square[:, 8:12] > 240).all() or (square[:, 7:12] > 240).all()
    assert (square[:, :6] == 127).all() and (square[:, 14:] == 127).all()
    assert (square[:, 9, [0, -1]] > 240).all()


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(8, 40), st.sampled_from(["crop", "pad"]))
def test_every_size_becomes_the_same_square(height: int, width: int, side: int, aspect: str) -> None:
    raw = np.full((height, width, 3), 200, dtype=np.uint8)
    square = encode(raw, ImagePreprocessor(side, aspect))  # type: ignore[arg-type]
    assert (square.shape, square.dtype) == ((3, side, side), np.uint8)
    assert (square == 200).any() and set(np.unique(square)) <= {127, 200}


def test_augment_is_the_one_of_image_augment() -> None:
    torch = pytest.importorskip("torch")
    x = torch.randint(256, (4, 3, 8, 8), dtype=torch.uint8)
    same = module.MODALITY.augment(x, torch.Generator().manual_seed(0), Recipe(augmentation=0.0, flip="none"))
    assert torch.equal(same, x)


def test_every_odd_image_is_tried() -> None:
    assert len(odd()) >= 25 and len(hostile()) >= 35


def _path() -> str:
    here = Path(__file__).parent
    return f"{here}:{here.parent / 'src'}"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(10))
def test_the_size_is_known_before_decoding_however_an_image_is_turned(form: str, orientation: int) -> None:
    data = turned(orientation, form)
    assert inspect(data) == read(data).shape[:2]
