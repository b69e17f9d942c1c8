"""The shape of the package, as tests: imports go down, functions stay short, the light half never loads torch."""

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import unfazed

ROOT = Path(__file__).parent.parent / "src" / "unfazed"
LAYERS = [  # a part may import only from lines below its own; siblings do not import one another
    {"__main__"},
    {"cli", "estimator"},
    {"cli_labels"},
    {"cli_flags", "cli_diagnose"},
    {"web"},
    {"verb"},
    {"report"},
    {"predictor", "checkpoint"},
    {"certainty", "items"},
    {"loop", "run", "outputs"},
    {"schedule", "loader", "sharding"},
    {"model", "criterion", "cache"},
    {"modality", "samples", "target"},
    {"sample_sounds"},
    {"seen"},
    {"reading", "split", "corrections", "labelled", "source", "source_values", "source_hub"},
    {"source_table", "spelling"},
    {"source_folder", "source_labels", "source_times", "wrong_lines"},
    {"csv_files"},
    {"console", "decoding", "docstrings", "table", "recipe", "analysis", "batch", "device", "processes"},
    {"blanks", "dates", "files", "label_sets", "numerals", "memory"},
    {"errors"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
FILES = sorted(ROOT.rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef


def part(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").parts[0]


def imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)


def functions() -> Iterator[tuple[str, Function]]:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, Function):
                yield f"{path.relative_to(ROOT)}:{node.name}", node


def lines_of_code(function: Function) -> int:
    """Lines of the body that hold code: neither the docstring nor blank."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return len({line for node in body for child in ast.walk(node) if (line := getattr(child, "lineno", None))})


def test_every_part_has_a_place() -> None:
    assert {part(path) for path in FILES} - {"__init__"} == set(LEVEL)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down(path: Path) -> None:
    mine = part(path)
    if mine == "__init__":
        return
    for line, module in imports(path):
        theirs = module.split(".")[1] if module.startswith("unfazed.") else mine
        if theirs != mine:
            assert LEVEL[theirs] > LEVEL[mine], f"{path}:{line}: `{mine}` may not import `{theirs}`"


def test_analysis_reads_no_files_and_knows_no_model() -> None:
    forbidden = {"torch", "pathlib", "polars", "os", "io"}
    for path in (ROOT / "analysis").glob("*.py"):
        assert not forbidden & {module.split(".")[0] for _, module in imports(path)}, path


def test_functions_are_short() -> None:
    lengths = {name: lines_of_code(function) for name, function in functions()}
    over = {name: length for name, length in lengths.items() if length > 60}
    assert not over
    assert statistics.median(lengths.values()) <= 10
    assert sum(length <= 30 for length in lengths.values()) >= 0.9 * len(lengths)


def test_files_are_short() -> None:
    assert {str(path): n for path in FILES if (n := len(path.read_text().splitlines())) > 400} == {}


def test_parameters_are_few() -> None:
    """Six at most; a public verb's are those of its command line, each a flag of its own."""
    many = {
        name: count
        for name, function in functions()
        if (count := len(function.args.posonlyargs + function.args.args + function.args.kwonlyargs)) > 6
        and not name.startswith(("cli.py", "cli_labels.py"))
        and name.split(":")[1] not in unfazed.__all__
        and {"self"} != {function.args.args[0].arg if function.args.args else ""}
    }
    assert many == {}


def test_public_functions_and_modules_are_documented() -> None:
    bare = [
        f"{path.name}:{function.name}"
        for path in FILES
        for function in outermost(ast.parse(path.read_text()))
        if not function.name.startswith("_") and ast.get_docstring(function) is None and not is_stub(function)
    ]
    bare += [str(path) for path in FILES if ast.get_docstring(ast.parse(path.read_text())) is None]
    assert bare == []


def outermost(node: ast.Module | ast.ClassDef) -> Iterator[Function]:
    """Functions and methods of public classes; those within functions are nobody's interface."""
    for child in node.body:
        if isinstance(child, Function):
            yield child
        elif isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from outermost(child)


def is_stub(function: Function) -> bool:
    """A method of a protocol, whose class says what it is for."""
    statement = function.body[0]
    return (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and statement.value.value is ...
    )


def test_nothing_prints_but_the_command_line() -> None:
    for path in FILES:
        if path.name != "cli.py":
            calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
            assert not [call.lineno for call in calls if getattr(call.func, "id", "") == "print"], path


@pytest.mark.parametrize(
    "statement",
    [
        "import unfazed",
        "import unfazed.cli",
        "import unfazed.report.page, unfazed.report.comparison, unfazed.report.label_issues",
        "import unfazed.modality.image",
        "import unfazed.web.open, unfazed.report.spectrogram",
        "from unfazed.cli import app; app('--help', result_action='return_value')",
        "from unfazed.cli import app; app(['train', '--help'], result_action='return_value')",
        "from unfazed import Run",
    ],
)
def test_the_light_half_never_loads_torch(statement: str) -> None:
    check = f"{statement}\nimport sys\nassert 'torch' not in sys.modules, 'torch was imported'"
    subprocess.run([sys.executable, "-c", check], check=True, capture_output=True, text=True, timeout=60)


def test_importing_the_package_loads_nothing_but_itself() -> None:
    check = (
        "import sys; before = set(sys.modules); import unfazed; "
        "print(sorted({name for name in set(sys.modules) - before "
        "if name.split('.')[0] not in sys.stdlib_module_names}))"
    )
    loaded = subprocess.run([sys.executable, "-c", check], check=True, capture_output=True, text=True, timeout=60)
    assert loaded.stdout.strip() == "['unfazed']"
