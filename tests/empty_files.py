"""Folders for tests that ask where files lie, and not what is in them."""

from pathlib import Path


def write(root: Path, *names: str) -> Path:
    """Empty files under `root`, and the folders they need; `root`."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root
