"""How long `import unfazed` takes beside `import torch`: `python -m benchmarks.import_time`; writes import_time.md."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

REPEATS = 9


def seconds(statement: str) -> float:
    """Wall time of a fresh interpreter that runs `statement`."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - started


def main() -> None:
    """Time each in turn, subtract the bare interpreter, write the table."""
    statements = ("pass", "import unfazed", "import torch")
    rows = [[seconds(statement) for statement in statements] for _ in range(REPEATS + 1)]
    bare, ours, torch = (statistics.median(column) for column in zip(*rows[1:], strict=True))
    text = (
        "# Import time\n\n"
        f"Fresh interpreters in turn, median of {REPEATS}, less the bare interpreter's {1000 * bare:.0f} ms.\n\n"
        "| | |\n|---|---|\n"
        f"| `import unfazed` | {1000 * (ours - bare):.1f} ms |\n| `import torch` | {1000 * (torch - bare):.0f} ms |\n\n"
        f"Ratio {(ours - bare) / (torch - bare):.4f}. Target: under 0.1.\n"
    )
    (Path(__file__).parent / "import_time.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
