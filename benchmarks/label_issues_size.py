"""What an audit of labels costs, by the number of rows: `python -m benchmarks.label_issues_size [ROWS …]`.

Synthetic arrays of K = 10 classes and embeddings of D = 64, a fifth of the labels wrong; the second opinion, by waves
over the embeddings, is counted in. Each size is a process of its
own, so that its peak of memory is its own; the arrays themselves are counted in it. Processor seconds, one thread.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from unfazed.analysis.label_issues import label_issues
from unfazed.analysis.random_features import COMPARED, fourier_features
from unfazed.analysis.ridge import Labels, leave_one_out

CLASSES, WIDTH = 10, 64
SIZES = (10_000, 100_000, 1_000_000)
TABLE = Path(__file__).parent / "label_issues_size.md"


def measured(rows: int) -> dict[str, float]:
    """Seconds and megabytes of an audit of `rows` rows, and what it found."""
    generator = np.random.default_rng(0)
    true = generator.integers(0, CLASSES, rows)
    wrong = generator.random(rows) < 0.2
    y = np.where(wrong, generator.integers(0, CLASSES, rows), true)
    centres = generator.normal(size=(CLASSES, WIDTH))
    embeddings = (centres[true] + generator.normal(size=(rows, WIDTH), scale=1.5)).astype(np.float16)
    probs = generator.dirichlet(np.ones(CLASSES), rows).astype(np.float32) * 0.3
    probs[np.arange(rows), true] += 0.7
    split = generator.choice(3, rows, p=[0.7, 0.1, 0.2])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started = time.process_time()
    waves = fourier_features(embeddings[:COMPARED].astype(np.float32), 0)
    labels = Labels(rows, np.arange(rows), lambda chosen: np.eye(CLASSES, dtype=np.float32)[y[chosen]])
    simple = leave_one_out(lambda chosen: waves(embeddings[chosen].astype(np.float32)), labels, 0).astype(np.float16)
    opinion = time.process_time() - started
    found = label_issues(y, probs, embeddings, split, simple)
    seconds = time.process_time() - started
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rows": rows, "opinion": opinion, "seconds": seconds, "before": before, "peak": after,
            "wrong": int((y != true).sum()), "count": found.count.value}  # fmt: skip


def main(sizes: list[int]) -> None:
    """Measure each size and write the table."""
    lines = ["# What an audit of labels costs", "", str(__doc__).split("\n\n")[1].replace("\n", " "), "",
             "| rows | processor seconds | of these the second opinion | memory before, MB | peak, MB | wrong labels "
             "| estimated |", "|---|---|---|---|---|---|---|"]  # fmt: skip
    for size in sizes:
        out = subprocess.run([sys.executable, __file__, "one", str(size)], check=True, capture_output=True, text=True)
        cell = json.loads(out.stdout)
        shown = "| {rows:,} | {seconds:.1f} | {opinion:.1f} | {before:,.0f} | {peak:,.0f} | {wrong:,} | {count:,.0f} |"
        lines.append(shown.format(**cell))
        TABLE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        print(json.dumps(measured(int(sys.argv[2]))))
    else:
        main([int(size) for size in sys.argv[1:]] or list(SIZES))
