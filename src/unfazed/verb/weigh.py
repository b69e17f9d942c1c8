"""Which words, or values, mattered to a run's model: for examples that its report does not show.

Axis letters: N rows of the table.
"""

from collections.abc import Callable

import torch

from unfazed.batch import Examples
from unfazed.predictor import Predictor
from unfazed.run import Exhibit, Run
from unfazed.split import Duplicates
from unfazed.table import Table
from unfazed.verb.encode import Undecoded
from unfazed.verb.kinds import kind
from unfazed.verb.prepare import Prepared


def weighing(run: Run, table: Table) -> Callable[[int], Exhibit]:
    """What the report would show of a row, as a function; `table` holds the rows of the run, and perhaps others.

    Raises:
        RunError: the model is missing or damaged.
    """
    predictor = Predictor.open(run)
    n, preprocessor = len(table), predictor.preprocessor
    x = Undecoded(table, predictor.modality, preprocessor)
    nothing = torch.zeros(n, dtype=torch.int64)
    examples = Examples(x, torch.full((n,), x.shape[-1]), nothing, torch.ones(n))
    prepared = Prepared(
        predictor.modality, table, examples, preprocessor, [], Duplicates(0, 0, 0), "", predictor.scale, "", [], [], {}
    )
    exhibits = kind(predictor.modality.name).exhibits
    return lambda row: exhibits(prepared, predictor.model, [row])[row]
