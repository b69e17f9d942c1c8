"""Every table, one after the other: `python -m benchmarks [DATA [PYTHON]]`.

DATA is a folder as benchmarks/README.md describes it; without it only what needs no data set is run. PYTHON is the
interpreter of an environment with the rivals; without it they are left out. Each benchmark goes on where it was
stopped; one that fails does not keep the others from running.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SCRATCH = Path(__file__).parent / "cells" / "diagnosis"  # runs that are diagnosed
ALONE = ("step", "recording", "import_time", "flat_memory", "label_issues_size")
OF_DATA = ("accuracy", "kinds", "certainty", "query", "more_data", "learning_rates", "label_issues")  # the longest last
OF_RIVALS = ("rivals", "kinds_rivals")


def commands(data: str | None = None, rivals: str | None = None) -> Iterator[list[str]]:
    """The name of each benchmark that can be run with what there is, and its arguments."""
    yield from ([name] for name in ALONE)
    if data is not None:
        yield from ([name, data] for name in OF_DATA)
        yield ["diagnosis", data, str(SCRATCH)]
        if rivals is not None:
            yield from ([name, data, rivals] for name in OF_RIVALS)


def main(arguments: list[str]) -> int:
    """Run them all; 1 if one of them failed."""
    failed = []
    for name, *others in commands(*arguments[:2]):
        print(f"benchmarks.{name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *others]).returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
