"""A row of a table as a figure: its columns, their values, and how much each speaks for what was predicted."""

import re
from collections.abc import Sequence

from unfazed.report.markup import Html, tag

SHOWN = 8  # columns of the greatest weight; the page holds many rows
FEW = 4  # likewise, where a dozen rows stand together
LONGEST = 40  # letters of a value
DIGITS = 12  # letters of a number that is shown as it is
_DECIMALS = re.compile(r"-?[0-9]{1,9}\.[0-9]{1,30}")


def row_figure(values: Sequence[tuple[str, str, float]], most_shown: int = SHOWN) -> Html:
    """A small table of (column, value, weight): a positive one speaks for the predicted class, or for a higher number.

    The columns keep their order; of many only those of the greatest weight are shown.
    """
    least = sorted((abs(weight) for _, _, weight in values), reverse=True)[:most_shown][-1] if values else 0.0
    kept = [value for value in values if abs(value[2]) >= least][:most_shown]
    most = max((abs(weight) for _, _, weight in kept), default=0.0) or 1.0
    left_out = len(values) - len(kept)
    more = tag("tr", tag("td", f"{left_out:,} more of less weight", colspan=3, class_="soft")) if left_out else None
    lines = [_line(name, value, weight, most) for name, value, weight in kept]
    return tag("table", tag("tbody", *lines, more), class_="row-values")


def _line(name: str, value: str, weight: float, most: float) -> Html:
    side = "for" if weight > 0 else "against"
    length = round(abs(weight) / most, 3)
    rect = tag("rect", x=0 if weight > 0 else -length, y=0, width=length, height=1, class_=side)
    bar = tag("svg", rect, viewBox="-1 0 2 1", preserveAspectRatio="none", aria_hidden="true")
    said = f"{abs(weight):.3g} {side} it"
    return tag(
        "tr",
        tag("th", tag("bdi", _shortened(name)), scope="row", title=name),
        tag("td", tag("bdi", _shortened(_rounded(value))), title=value),
        tag("td", bar, class_="weighed", title=said, aria_label=said),
    )


def _rounded(value: str) -> str:
    """A number of many digits with six of them; anything else as it is."""
    if len(value) <= DIGITS or not _DECIMALS.fullmatch(value):
        return value
    return f"{float(value):.6g}"


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
