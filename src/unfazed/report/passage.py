"""A text with the words coloured that carried a decision."""

import math
from collections.abc import Sequence

from unfazed.report.markup import Html, tag

LEVELS = 4
FAINTEST = 0.3  # bits: where no piece weighs as much, none gets the strongest colour


def passage(pieces: Sequence[tuple[str, float]]) -> Html:
    """A paragraph of pieces, coloured by their weights in bits: + speaks for the predicted class, - against it.

    Colours are relative to the strongest piece of the text, which has the deepest one unless it weighs next to nothing.
    """
    strongest = max([FAINTEST, *(abs(weight) for _, weight in pieces if math.isfinite(weight))])
    return tag("p", *(_piece(text, weight, strongest) for text, weight in pieces), class_="passage", dir="auto")


def _piece(text: str, weight: float, strongest: float) -> Html | str:
    level = round(LEVELS * abs(weight) / strongest) if math.isfinite(weight) else 0
    word = text.rstrip()
    if not level or not word:
        return text
    style = f"{'for' if weight > 0 else 'against'}-{level}"
    mark = tag("mark", word, class_=style, title=f"{weight:+.2f} bits".replace("-", "−"))
    return Html(mark + text[len(word) :]) if text[len(word) :].isspace() else mark
