"""Images: anything a camera, a scanner or a stranger may call an image, to uint8 RGB and to squares of one size.

Axis letters: H height, W width, S side of the encoded square.
Decoding is the attack surface of a server, so the formats are a closed list, the size is checked before a pixel is
decoded, and whatever a decoder raises becomes an `InputError` with a short reason.
"""

import json
import logging
import re
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL import __version__ as pillow_version

from unfazed.errors import InputError, RunError, SourceError
from unfazed.modality import Modality, cause, described_by, whole
from unfazed.modality.pixels import to_bytes
from unfazed.reading import file_bytes
from unfazed.recipe import AUTO, Recipe
from unfazed.source import SourceOptions, listed_paths
from unfazed.source import find as find_source
from unfazed.source_folder import CONVERT
from unfazed.table import Table

if TYPE_CHECKING:
    import torch

    from unfazed.modality.image_augment import Flip

Raw = NDArray[np.uint8]  # [H, W, 3]
EXTENSIONS = frozenset({
    ".avif", ".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm",
    ".tif", ".tiff", ".webp",
})
MAX_PIXELS = 100_000_000
AUTO_SIZE = 128  # larger images are shrunk to this unless asked otherwise
SMALLEST, LARGEST = 8, 1024
_PADDING = 127
_DARK = 32  # an eighth of the range
_MAX_CROP_ASPECT = 1.5
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)
_PNG_METADATA = (b"eXIf", b"Raw profile type", b"XML:com.adobe.xmp")  # where a PNG may keep an orientation
_SIGNATURES = (  # of the formats that are decoded, and no others
    (rb"\x89PNG\r\n\x1a\n", "PNG"),
    (rb"\xff\xd8\xff", "JPEG"),
    (rb"GIF8[79]a", "GIF"),
    (rb"BM", "BMP"),
    (rb"RIFF....WEBP", "WEBP"),
    (rb"II[*+]\0|MM\0[*+]", "TIFF"),
    (rb"P[1-6fF]\s", "PPM"),
    (rb"....ftypavi[fs]", "AVIF"),
)
_PHOTOS = (  # of `source_folder.PHOTOS` those that are told by how they begin
    (rb"....ftyp(?:he[ivx][a-z]|m[is]f1)", ".heic"),
    (rb"....ftypcrx ", ".cr3"),
    (rb"IIR[OS]", ".orf"),
    (rb"IIU\0", ".rw2"),
    (rb"8BPS", ".psd"),
    (rb"\s*(?:<\?xml[^>]*>\s*)?<svg\b", ".svg"),
)


class _Thread(threading.local):
    """Whether this thread is decoding for us."""

    decoding = False


class _WhileDecoding(type):
    """Makes a category of warnings out of a moment: every warning belongs to it while this thread decodes."""

    def __subclasscheck__(cls, subclass: type) -> bool:
        return _thread.decoding


class _DecodingWarning(Warning, metaclass=_WhileDecoding):
    pass


# Pillow warns of damaged metadata and of sizes that are checked here: a line on the screen per file helps nobody.
# The filter silences the thread that decodes, while it does; what the user does with Pillow warns as ever.
# (`warnings.catch_warnings` swaps the filters of the whole process, and many threads decode at once.)
_thread = _Thread()
warnings.simplefilter("ignore", _DecodingWarning)
logging.getLogger("PIL").addHandler(logging.NullHandler())  # Pillow logs what it cannot decode before it raises


@dataclass(frozen=True)
class ImagePreprocessor:
    """How every image becomes a square.

    image_size: side S in pixels. aspect: "crop" takes the centre square, "pad" fits the whole image on grey.
    """

    image_size: int
    aspect: Literal["crop", "pad"]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one encoded image, [3, S, S]."""
        return 3, self.image_size, self.image_size

    @property
    def dtype(self) -> str:
        """Of its pixels."""
        return "uint8"

    def to_json(self) -> str:
        """The preprocessor as JSON text."""
        return json.dumps({"format": 1, "modality": "image", **asdict(self)}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "ImagePreprocessor":
        """The preprocessor that `to_json` wrote.

        Raises:
            RunError: damaged, of another modality or format, or out of range: the text may come from a stranger.
        """
        values = described_by(text, "image", "images")
        size, aspect = values.get("image_size"), values.get("aspect")
        if not isinstance(size, int) or not SMALLEST <= size <= LARGEST or aspect not in ("crop", "pad"):
            raise RunError(f"the preprocessor is damaged: image_size {size!r}, aspect {aspect!r}")
        return cls(size, aspect)


def find(source: Any, options: SourceOptions | None = None) -> Table:
    """The images of a folder, a table file or a frame, with their labels; raises SourceError."""
    return find_source(source, options or SourceOptions(), EXTENSIONS)


def read(source: str | Path | bytes | Image.Image | NDArray[Any]) -> Raw:
    """One image as uint8 RGB [H, W, 3]: its first frame, upright, over white, deep pixels scaled to 8 bits.

    Arrays are [H, W] or [H, W, 1..4] of uint8, uint16, bool, or floats (see `to_bytes`).

    Raises:
        InputError: it cannot be used; the message is the reason.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        with _reasons("image"):
            return _rgb(source)
    if not isinstance(source, bytes | str | Path):
        raise InputError(f"an image is a path, bytes, a Pillow image or an array, not {type(source).__name__}")
    return _decode(source if isinstance(source, bytes) else file_bytes(source))


def inspect(data: bytes) -> tuple[int, int]:
    """Height and width that `read` would find in a file's bytes, from the header alone where it tells.

    Raises:
        InputError: it cannot be used, as far as can be seen without decoding the pixels.
    """
    form = _form(data)
    if form == "TIFF" or (form == "PNG" and any(mark in data for mark in _PNG_METADATA)):
        height, width = _decode(data).shape[:2]  # how it is turned stands behind the pixels, or changes with them
        return height, width
    with _reasons(form), Image.open(BytesIO(data), formats=(form,)) as image:
        width, height = _checked_size(image)
        return (width, height) if _orientation(image) in _SIDEWAYS else (height, width)


def fit(sizes: Sequence[tuple[int, int]], recipe: Recipe, columns: Sequence[str] = ()) -> ImagePreprocessor:
    """The square that suits the training images, from their sizes (height, width).

    Crop where the median aspect ratio is 1.5 or less, else pad. An image_size of "auto" is the median shorter side
    (longer, where padded), at most 128 and at least 8; as it is where all images have it, else rounded up to a multiple
    of 4.

    Raises:
        SourceError: there are no sizes.
    """
    if not sizes:
        raise SourceError("there is no readable image to train on")
    pairs = np.array(sizes, dtype=np.int64)
    shorter, longer = pairs.min(axis=1), pairs.max(axis=1)
    aspect: Literal["crop", "pad"] = "crop" if np.median(longer / shorter) <= _MAX_CROP_ASPECT else "pad"
    auto = recipe.image_size == AUTO
    return ImagePreprocessor(_auto_size(shorter if aspect == "crop" else longer) if auto else recipe.image_size, aspect)


def fitting(sizes: Sequence[tuple[int, int]], preprocessor: ImagePreprocessor) -> str:
    """Whether images are resized, and cut or padded, in words."""
    if all(size == (preprocessor.image_size, preprocessor.image_size) for size in map(tuple, sizes)):
        return "as they are"
    return {"crop": "the centre square, resized", "pad": "resized whole, padded"}[preprocessor.aspect]


def encode(raw: Raw, preprocessor: ImagePreprocessor) -> NDArray[np.uint8]:
    """The image as uint8 [3, S, S], resized with antialiasing in integer arithmetic: the same on every machine."""
    height, width = raw.shape[:2]
    side = preprocessor.image_size
    if (height, width) == (side, side):
        square = raw
    elif preprocessor.aspect == "crop":
        square = _cropped(raw, side)
    else:
        square = _padded(raw, side)
    return np.ascontiguousarray(square.transpose(2, 0, 1))


def notices(x: NDArray[np.uint8], y: NDArray[Any], preprocessor: ImagePreprocessor) -> list[str]:
    """Whether training images [n, 3, S, S] are so dark that they have few shades, as 12 bits in files of 16 have."""
    if preprocessor.aspect == "pad":  # with a grey that is none of theirs; they are in the middle
        middle = slice(3 * preprocessor.image_size // 8, 5 * preprocessor.image_size // 8)
        x = x[:, :, middle, middle]
    brightest = int(x.max(initial=0))
    if brightest >= _DARK:
        return []
    return [f"no pixel of {len(x):,} training images looked at is brighter than {brightest} of 255, which leaves "
            f"{brightest + 1} shades. If they hold 12 bits in files of 16, scale them to the whole range first"]


def augment(x: "torch.Tensor", generator: "torch.Generator", recipe: Recipe) -> "torch.Tensor":
    """See `image_augment.augment`; loaded on first use, so that reading images never loads torch."""
    from unfazed.modality.image_augment import augment as augmented

    return augmented(x, generator, recipe.augmentation, cast("Flip", recipe.flip))


def shrink(x: "torch.Tensor", scale: float) -> "torch.Tensor":
    """See `image_augment.shrink`."""
    from unfazed.modality.image_augment import shrink as shrunk

    return shrunk(x, scale)


def _auto_size(sides: NDArray[np.int64]) -> int:
    median = int(np.median(sides))
    if SMALLEST <= median <= AUTO_SIZE and (sides == median).all():
        return median
    return int(np.clip(-(-median // 4) * 4, SMALLEST, AUTO_SIZE))


def _cropped(raw: Raw, side: int) -> Raw:
    height, width = raw.shape[:2]
    shorter = min(height, width)
    left, top = (width - shorter) // 2, (height - shorter) // 2
    square = raw[top : top + shorter, left : left + shorter]
    return square if shorter == side else _resized(square, side, side)


def _padded(raw: Raw, side: int) -> Raw:
    height, width = raw.shape[:2]
    scale = side / max(height, width)
    inner_height, inner_width = max(round(height * scale), 1), max(round(width * scale), 1)
    top, left = (side - inner_height) // 2, (side - inner_width) // 2
    square = np.full((side, side, 3), _PADDING, dtype=np.uint8)
    square[top : top + inner_height, left : left + inner_width] = _resized(raw, inner_height, inner_width)
    return square


def _resized(raw: Raw, height: int, width: int) -> Raw:
    image = Image.fromarray(np.ascontiguousarray(raw))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))


def _form(data: bytes) -> str:
    if not data:
        raise InputError("empty file")
    if form := _first(_SIGNATURES, data):
        return form
    if photo := _first(_PHOTOS, data):
        raise InputError(f"a {photo} photo cannot be read: {CONVERT.format('it')}")
    raise InputError(f"not an image: starts with {data[:12]!r}")


def _first(signatures: Sequence[tuple[bytes, str]], data: bytes) -> str | None:
    return next((name for start, name in signatures if re.match(start, data, re.DOTALL)), None)


def _decode(data: bytes) -> Raw:
    form = _form(data)
    with _reasons(form), Image.open(BytesIO(data), formats=(form,)) as image:
        return _rgb(image)


@contextmanager
def _reasons(form: str) -> Iterator[None]:
    """Whatever a decoder raises as an `InputError`, and what it warns of not at all."""
    _thread.decoding = True
    try:
        yield
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError(f"too large to decode: over {MAX_PIXELS / 1e6:.0f} megapixels") from error
    except MemoryError as error:
        raise InputError("not enough memory to decode it") from error
    except UnidentifiedImageError as error:
        raise InputError(f"damaged {form}, or of a kind that is not supported") from error
    except Exception as error:  # decoders raise whatever they meet: struct.error, SyntaxError, IndexError, …
        cut = "truncated" in str(error).casefold()
        raise InputError(f"truncated {form}" if cut else f"damaged {form}: {cause(error)}") from error
    finally:
        _thread.decoding = False


def _checked_size(image: Image.Image) -> tuple[int, int]:
    """Width and height as stored, before a pixel is decoded."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(f"too large to decode: {width} x {height} is over {MAX_PIXELS / 1e6:.0f} megapixels")
    if width * height == 0:
        raise InputError(f"no pixels: {width} x {height}")
    return width, height


def _rgb(image: Image.Image) -> Raw:
    _checked_size(image)
    image.load()
    turn = _UPRIGHT.get(_orientation(image))
    image = image.transpose(turn) if turn is not None else image
    if image.mode.startswith(("I", "F")):
        return _from_array(np.asarray(image))
    if image.has_transparency_data:
        return np.asarray(_over_white(image))
    return np.asarray(image.convert("RGB"))


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:  # damaged metadata says nothing about the pixels
        return 1


def _over_white(image: Image.Image) -> Image.Image:
    colour = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", colour.size, "white"), colour).convert("RGB")


def _from_array(array: NDArray[Any]) -> Raw:
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 2, 3, 4) or 0 in array.shape:
        raise InputError(f"an image is [H, W] or [H, W, 1..4], got an array of shape {list(array.shape)}")
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise InputError(f"too large: {array.shape[1]} x {array.shape[0]} is over {MAX_PIXELS / 1e6:.0f} megapixels")
    pixels = to_bytes(array)
    channels = pixels.shape[2]
    if channels in (2, 4):
        return np.asarray(_over_white(Image.fromarray(pixels, "LA" if channels == 2 else "RGBA")))
    return np.repeat(pixels, 3, axis=2) if channels == 1 else pixels.copy()


MODALITY = Modality(
    name="image",
    items="images",
    decoder=f"Pillow {pillow_version}, pixels 2",  # 2: floats a little above their range
    extensions=EXTENSIONS,
    values=False,
    find=find,
    listed=listed_paths,
    load=file_bytes,
    read=read,
    inspect=inspect,
    fit=fit,
    encode=encode,
    length=whole,
    fitting=fitting,
    augment=augment,
    shrink=shrink,
    preprocessor=ImagePreprocessor,
    notices=notices,
)
