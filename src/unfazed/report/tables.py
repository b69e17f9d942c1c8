"""What all that is told in a terminal is made of: paragraphs, and tables of metrics."""

from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console, ConsoleOptions
from rich.table import Column, Table
from rich.text import Text

from unfazed.report.numbers_verdict import in_bits
from unfazed.report.words import UNKNOWN, figure, narrow, percent

LONG = 10  # characters of an interval's two ends that fit a column beside three others


class Hanging:
    """A paragraph whose first line stands out by two columns from the others; one line where nothing is wrapped."""

    def __init__(self, text: str, style: str = "", indent: int = 0):
        self.text, self.indent = Text(text, style), indent

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        lines = [self.text] if options.no_wrap else self.text.wrap(console, options.max_width - self.indent - 2)
        for row, line in enumerate(lines):
            line.rstrip()
            yield Text(" " * (self.indent + 2 * (row > 0))) + line


def metrics_table(columns: dict[str, dict[str, Any]], measured_on: str = "") -> Table:
    """One row a metric, one column a model, each value with its 95 % interval; over the metrics, `measured_on`."""
    names = [Column(Text(measured_on), no_wrap=True), *(Column(Text(name)) for name in columns)]
    table = Table(*names, box=None, header_style="dim", pad_edge=False, padding=(0, 1, 0, 2))
    sets = any("f1_micro" in metrics for metrics in columns.values())
    for name, said, write in _ROWS_OF_SETS if sets else _ROWS:
        cells = [_cell(metrics[name], write) if metrics.get(name) else "" for metrics in columns.values()]
        if not any(cells):
            continue
        table.add_row(Text(said, no_wrap=True), *cells)
    return table


def _cell(estimate: dict[str, Any], write: Callable[[float | None], str]) -> Text:
    if estimate["value"] is None:
        return Text(UNKNOWN)
    low, high = (write(estimate[end]).removesuffix(" %") for end in ("low", "high"))
    to = " to " if "−" in low + high or len(low + high) > LONG else "–"  # which may be wrapped
    return Text.assemble(write(estimate["value"]), (f" ({low}{to}{high})", "dim"))


def _hundredths(value: float | None) -> str:
    """A number from 0 to 1 that is no share: with three digits its ends would not fit a column."""
    return figure(value, 2)


def _error(value: float | None) -> str:
    """A mean error, whole up to what fits a column beside three others."""
    return narrow(value, large=1e9)


_ROWS: tuple[tuple[str, str, Callable[[float | None], str]], ...] = (
    ("accuracy", "accuracy", percent),
    ("f1_macro", "F1", percent),
    ("precision_macro", "precision", percent),
    ("recall_macro", "recall", percent),
    ("roc_auc", "AUROC", _hundredths),
    ("average_precision", "average precision", _hundredths),
    ("log_loss", "surprise, bits", in_bits),
    ("calibration_error", "miscalibrated", percent),
    ("r2", "R²", figure),
    ("mae", "MAE", _error),
    ("median_absolute_error", "median error", _error),
    ("rmse", "RMSE", _error),
    ("nll", "surprise, bits", in_bits),
    ("nll_difference", "bits saved", in_bits),
    ("coverage_50", "50 % coverage", percent),
    ("coverage_90", "90 % coverage", percent),
)
_ROWS_OF_SETS: tuple[tuple[str, str, Callable[[float | None], str]], ...] = (
    ("f1_micro", "F1 (micro)", percent),
    ("f1_macro", "F1 (macro)", percent),
    ("precision_micro", "precision", percent),
    ("recall_micro", "recall", percent),
    ("subset_accuracy", "exact sets", percent),
    ("hamming_loss", "Hamming loss", percent),
    ("log_loss", "surprise, bits", in_bits),
)
