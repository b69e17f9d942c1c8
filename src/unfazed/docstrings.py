"""The docstrings of Python's standard library, by the area that they belong to: real English on every machine.

They are found by parsing source files; nothing is imported. Which ones there are differs a little from one version of
Python to the next.
"""

import ast
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

from unfazed.errors import SourceError

AREAS = {  # of modules that no distribution of Python leaves out
    "code": (
        "ast codeop compileall copy copyreg dataclasses dis enum functools importlib inspect keyword lib2to3 linecache "
        "modulefinder opcode pkgutil py_compile pyclbr pydoc reprlib runpy site symtable sysconfig tabnanny token "
        "tokenize traceback types typing venv weakref zipapp"
    ),
    "concurrency": (
        "_threading_local asyncio concurrent contextlib multiprocessing queue sched signal subprocess threading"
    ),
    "data formats": (
        "base64 codecs configparser csv encodings html json pickle pickletools plistlib quopri string stringprep "
        "struct textwrap tomllib xml"
    ),
    "files": (
        "_pyio bz2 dbm filecmp fileinput fnmatch genericpath glob gzip io lzma ntpath os pathlib posixpath pty shelve "
        "shutil stat tarfile tempfile zipfile zipimport"
    ),
    "interfaces": (
        "_pyrepl argparse cmd code curses getopt getpass gettext locale logging optparse rlcompleter warnings"
    ),
    "maths": (
        "_pydatetime _pydecimal _strptime bisect calendar collections colorsys datetime decimal fractions graphlib "
        "hashlib heapq numbers random secrets statistics uuid zoneinfo"
    ),
    "net": (
        "cgi email ftplib http imaplib ipaddress mailbox mimetypes netrc nntplib poplib selectors smtplib socket "
        "socketserver ssl telnetlib urllib webbrowser wsgiref xmlrpc"
    ),
    "testing": "bdb cProfile doctest pdb profile pstats timeit trace tracemalloc unittest",
}
SHORTEST = 40  # characters: "Return the name." could be anywhere
_NOT_OURS = {"test", "tests", "idle_test", "_vendor", "pgen2"}


def write_docstrings(folder: Path) -> None:
    """Write each docstring as a file in the folder of its area.

    Raises:
        SourceError: this Python comes without the source of its library.
    """
    known: set[str] = set()
    for area, modules in AREAS.items():
        place = folder / area
        place.mkdir()
        for name, text in (pair for module in modules.split() for pair in _docstrings(module)):
            if len(text) >= SHORTEST and text not in known:
                known.add(text)
                (place / f"{len(known):04} {name[:100]}.txt").write_text(text, encoding="utf-8")
        if not any(place.iterdir()):
            raise SourceError(f"this Python has no source of its standard library in {_library()}: use another sample")


def _library() -> Path:
    return Path(sysconfig.get_path("stdlib"))


def _docstrings(module: str) -> Iterator[tuple[str, str]]:
    """Name and docstring of everything in a module or package that has one."""
    root = _library()
    for path in sorted([root / f"{module}.py", *(root / module).rglob("*.py")]):
        inside = path.relative_to(root).with_suffix("").parts
        if path.is_file() and not _NOT_OURS.intersection(inside):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                tree = ast.parse(path.read_text(encoding="utf-8", errors="replace"))
            yield from _documented(tree, ".".join(part for part in inside if part != "__init__"))


def _documented(node: ast.AST, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        text = ast.get_docstring(node)
        if text:
            yield name, text
        for child in node.body:
            yield from _documented(child, f"{name}.{getattr(child, 'name', '')}")
