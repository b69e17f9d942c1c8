"""What inputs are called in a list in a terminal: files by their names, texts and rows by their beginnings."""

import os
from collections.abc import Sequence

from unfazed.table import in_brief

FILES = ("image", "audio")  # kinds whose inputs are files
LONGEST = 60  # letters of a text or a row


def said_inputs(inputs: Sequence[str], modality: str) -> list[str]:
    """Files without the folder that all are in; the beginning of each text or row, in one line."""
    if modality not in FILES:
        return [_in_one_line(text) for text in inputs]
    folder = _common(inputs)
    return [name.removeprefix(folder) for name in inputs]


def _common(names: Sequence[str]) -> str:
    """The folder that all files are in, with its separator; empty where there is none."""
    try:
        folder = os.path.commonpath([os.path.dirname(name) for name in names])  # noqa: PTH120
    except ValueError:  # some absolute, some not
        return ""
    return folder + os.sep if folder.strip(os.sep) else ""


def _in_one_line(text: str) -> str:
    said = " ".join(in_brief(text).split())
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"
