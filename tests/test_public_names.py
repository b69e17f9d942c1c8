"""What `import unfazed` offers, in a fresh process each: other tests have imported everything already."""

import subprocess
import sys

import pytest


def fresh(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_errors_are_there_without_an_import_of_their_own() -> None:
    assert fresh("import unfazed; print(unfazed.errors.UnfazedWarning.__name__)") == "UnfazedWarning\n"
    assert fresh("import sys, unfazed; print('unfazed.errors' in sys.modules)") == "False\n"


def test_every_name_that_is_listed_is_there() -> None:
    fresh("import unfazed\nfor name in unfazed.__all__: getattr(unfazed, name)\nfrom unfazed import *")


@pytest.mark.parametrize("name", ["error", "Train", "verbs"])
def test_other_names_are_refused(name: str) -> None:
    assert "no attribute" in fresh(f"import unfazed\ntry: unfazed.{name}\nexcept AttributeError as error: print(error)")
