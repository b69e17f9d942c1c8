"""Tables beside their benchmarks, which must not lose rows to a machine that has not measured all of them."""

from collections.abc import Iterable
from pathlib import Path

from unfazed.files import replacing

HERE = Path(__file__).parent
CELLS = HERE / "cells"


def publish(name: str, text: str, cells: Iterable[Path]) -> None:
    """Write the table once all of its `cells` are there; until then beside them, and the one that stands here stays."""
    CELLS.mkdir(exist_ok=True)
    missing = sum(not cell.exists() for cell in cells)
    with replacing((CELLS if missing else HERE) / name) as new:
        new.write_text(text)
    if missing:
        print(f"{missing} cells are missing; those there are: benchmarks/cells/{name}", flush=True)
