"""What `unfazed cache` says of the decoded inputs that are kept."""

import time
from datetime import UTC, datetime
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from unfazed.cache import LIMIT_VARIABLE, kept_bytes, limit, stores, stores_folder
from unfazed.report.words import ITEMS, count, printable, seconds, size


def facts() -> dict[str, Any]:
    """What is kept, for programs."""
    kept = stores()
    return {
        "folder": str(stores_folder()),
        "limit": limit(),
        "bytes": kept_bytes(),
        "stores": [
            {
                "name": one.path.name,
                "modality": one.modality,
                "shape": list(one.shape),
                "records": one.records,
                "bytes": one.bytes,
                "used": datetime.fromtimestamp(one.used, UTC).isoformat(timespec="seconds"),
            }
            for one in kept
        ],
    }


def listing(told: dict[str, Any]) -> Group:
    """The same for people: a line a store, the one used last first."""
    said = [Text(f"{size(told['freed'])} freed")] if "freed" in told else []
    rows = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3, 0, 0))
    for one in sorted(told["stores"], key=lambda one: str(one["used"]), reverse=True):
        items = count(one["records"], ITEMS.get(one["modality"], "records"))
        ago = max(0.0, time.time() - datetime.fromisoformat(one["used"]).timestamp())
        shape = " × ".join(str(length) for length in one["shape"])
        rows.add_row(f"  {items}", f"of {shape}", size(one["bytes"]), f"used {seconds(round(ago))} ago")
    total = f"{size(told['bytes'])} of at most {size(told['limit'])} ({LIMIT_VARIABLE}) in {told['folder']}"
    remove = [Text("remove them with: unfazed cache --clear", style="dim")] if told["stores"] else []
    return Group(*said, *([rows] if told["stores"] else []), Text(printable(total)), *remove)
