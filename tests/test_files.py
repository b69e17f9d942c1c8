"""Files that users name, and files of a run: what is written where."""

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from unfazed.errors import UsageError
from unfazed.files import STANDARD_OUTPUT, expanded, write_bytes, write_out

needs_fifos = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")


def test_what_a_link_leads_to_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "list.csv").write_text("old")
    (tmp_path / "second").symlink_to("real/list.csv")
    (tmp_path / "first").symlink_to(tmp_path / "second")
    reader = (tmp_path / "real" / "list.csv").open()
    write_out(tmp_path / "first", b"new")
    assert (tmp_path / "first").is_symlink() and (tmp_path / "second").is_symlink()
    assert (tmp_path / "real" / "list.csv").read_text() == "new"
    assert reader.read() == "old"  # replaced, not written over
    assert [one.name for one in (tmp_path / "real").iterdir()] == ["list.csv"]


def test_a_link_to_nothing_makes_the_file_that_it_names(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("new.csv")
    write_out(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "new.csv").read_bytes() == b"new"


@needs_fifos
@pytest.mark.parametrize("through", ["itself", "a link"])
def test_a_fifo_is_written_to_and_stays_one(tmp_path: Path, through: str) -> None:
    fifo, link, heard = tmp_path / "fifo", tmp_path / "link", []
    os.mkfifo(fifo)
    link.symlink_to(fifo)
    reader = threading.Thread(target=lambda: heard.append(fifo.read_bytes()), daemon=True)
    reader.start()
    write_out(fifo if through == "itself" else link, b"new" * 100_000)
    reader.join(10)
    assert heard == [b"new" * 100_000] and fifo.is_fifo() and link.is_symlink()


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="this system has no /dev/fd")
@pytest.mark.parametrize("name", ["/dev/fd/{}", "a link"])
def test_an_open_file_is_gone_on_with_where_it_is(tmp_path: Path, name: str) -> None:
    with (tmp_path / "file").open("wb", buffering=0) as file:
        file.write(b"before, ")
        path = Path(name.format(file.fileno()))
        if name == "a link":
            path = tmp_path / "link"
            path.symlink_to(f"/dev/fd/{file.fileno()}")
        write_out(path, b"new")
        file.write(b", after")
    assert (tmp_path / "file").read_bytes() == b"before, new, after"


def test_the_standard_output_is_gone_on_with_where_it_is(tmp_path: Path) -> None:
    say = f"print('before'); write_out(Path({str(STANDARD_OUTPUT)!r}), b'new, '); print('after')"
    code = f"from pathlib import Path; from unfazed.files import write_out; {say}"
    with (tmp_path / "file").open("wb") as file:
        subprocess.run([sys.executable, "-c", code], stdout=file, check=True)
    assert (tmp_path / "file").read_text().split() == ["before", "new,", "after"]


@pytest.mark.parametrize("name", ["nowhere/list.csv", "folder", "round"])
def test_where_nothing_can_be_written_it_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(UsageError, match="cannot write"):
        write_out(tmp_path / name, b"new")
    assert {one.name for one in tmp_path.iterdir()} == {"folder", "round"}


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_folder_that_may_not_be_written_to_is_named(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(number, "not allowed")

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(UsageError, match=rf"^cannot write {tmp_path}/x: not allowed\. {tmp_path} has to be writable"):
        write_bytes(tmp_path / "x", b"new")


@pytest.mark.parametrize(
    ("name", "path"),
    [("~/photos", "HOME/photos"), ("~", "HOME"), ("~photos3", "~photos3"), ("~root/x", "~root/x"), ("a/~", "a/~")],
)
def test_only_the_tilde_alone_is_the_home_folder(
    name: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded(name) == expanded(Path(name)) == Path(path.replace("HOME", str(tmp_path)))


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no such permissions")
@pytest.mark.parametrize(("before", "after"), [(None, 0o640), (0o600, 0o600), (0o664, 0o664), (0o444, 0o444)])
def test_a_file_keeps_its_permissions_and_a_new_one_has_the_usual(
    tmp_path: Path, before: int | None, after: int
) -> None:
    if before is not None:
        (tmp_path / "list.csv").touch()
        (tmp_path / "list.csv").chmod(before)
    usual = os.umask(0o027)
    try:
        write_out(tmp_path / "list.csv", b"new")
    finally:
        os.umask(usual)
    assert stat.S_IMODE((tmp_path / "list.csv").stat().st_mode) == after


def test_a_link_within_a_run_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("old")
    (tmp_path / "report.html").symlink_to("precious")
    write_bytes(tmp_path / "report.html", b"new")
    assert (tmp_path / "precious").read_text() == "old" and not (tmp_path / "report.html").is_symlink()
