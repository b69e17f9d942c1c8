"""Thumbnails as data URIs, within a budget: a page is sent by mail."""

import base64
import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from PIL import Image

BUDGET = 2_000_000  # bytes of all data URIs in a page
HEAVY = 5_000  # a thumbnail above this is turned into a JPEG
SMALL = 48  # pixels: below it, enlarging must not blur
SIGNATURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


class Picture(NamedTuple):
    """A thumbnail ready for an `img` element."""

    source: str
    small: bool


def pictures(thumbnails: Mapping[int, bytes], rows: Iterable[int]) -> dict[int, Picture]:
    """Pictures of the rows that have a thumbnail, in order, until the budget is spent; damaged ones are left out."""
    found: dict[int, Picture] = {}
    spent = 0
    for row in rows:
        picture = _picture(thumbnails.get(row, b"")) if row not in found else None
        if picture and spent + len(picture.source) <= BUDGET:
            found[row] = picture
            spent += len(picture.source)
    return found


def _picture(data: bytes) -> Picture | None:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=["PNG", "JPEG"]) as image:
            image.load()
            small = max(image.size) < SMALL
            if len(data) > HEAVY:
                data = min(data, _jpeg(image), key=len)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # what Pillow raises for damaged files
        return None
    kind = next(kind for signature, kind in SIGNATURES.items() if data.startswith(signature))
    return Picture(f"data:{kind};base64,{base64.b64encode(data).decode()}", small)


def _jpeg(image: "Image.Image") -> bytes:
    image = image.convert("RGB")
    image.thumbnail((96, 96))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=78)
    return out.getvalue()
