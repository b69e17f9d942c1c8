"""The command about what limits a run."""

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from unfazed.console import console_of_output, print_whole


def diagnose(
    run: Path, /, *, json_: Annotated[bool, Parameter(name="--json", negative="", help="Print JSON.")] = False
) -> None:
    """Tell what limits a run: underfitting, overfitting, labels, data, a leak, a broken set-up; and one thing to do.

    Parameters
    ----------
    run
        The run folder.
    """
    from unfazed.report.diagnosed import listing
    from unfazed.verb.diagnose import diagnose as diagnosed

    found, console = diagnosed(run), console_of_output()
    if json_:
        console.print(json.dumps(found), soft_wrap=True, markup=False)
    else:
        print_whole(console, listing(found, run))
