"""The command line: in a process of its own, as users start it, or, many times quicker, within this one."""

import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import NamedTuple
from unittest.mock import patch

import pytest

from unfazed.cli import main


class Done(NamedTuple):
    """What a command said, and its status."""

    returncode: int
    stdout: str
    stderr: str


def within(*arguments: object, **environment: str) -> Done:
    """`unfazed arguments…` within this process: its parsing, its errors and its output, without a new Python."""
    told, errors = StringIO(), StringIO()
    with (
        patch.dict(os.environ, environment),
        redirect_stdout(told),
        redirect_stderr(errors),
        pytest.raises(SystemExit) as ended,
    ):
        main([str(argument) for argument in arguments])
    assert isinstance(ended.value.code, int)
    return Done(ended.value.code, told.getvalue(), errors.getvalue())


def started(*arguments: object, said: str = "") -> subprocess.CompletedProcess[str]:
    """`unfazed arguments…` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "unfazed", *map(str, arguments)],
        input=said,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
