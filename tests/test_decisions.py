"""What people decide is on the disk before anybody hears of it, and nobody overwrites anybody."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from unfazed.errors import RunError, UsageError
from unfazed.web.decisions import ConflictError, Decision, Decisions

ROWS = 50


def draft(row: int, action: str = "keep", based_on: int = 0, **changes: Any) -> Decision:
    fields = {"corrected": "dog" if action == "relabel" else "", "who": "ada", "why": "", "session": "a", **changes}
    return Decision(0, row, action, when="", based_on=based_on, **fields)


def test_decisions_outlive_the_process(tmp_path: Path) -> None:
    first = Decisions(tmp_path, ROWS)
    said = [first.decide(draft(3)), first.decide(draft(4, "relabel", why="löwe")), first.decide(draft(3, "drop", 1))]
    again = Decisions(tmp_path, ROWS)
    assert again.lines == said
    assert {row: one.action for row, one in again.standing().items()} == {3: "drop", 4: "relabel"}


def test_a_decision_on_an_old_state_is_refused_and_the_other_one_shown(tmp_path: Path) -> None:
    here, there = Decisions(tmp_path, ROWS), Decisions(tmp_path, ROWS)  # two servers on one run
    here.decide(draft(3, "drop"))
    with pytest.raises(ConflictError) as refused:
        there.decide(draft(3, "keep", who="bo"))
    assert refused.value.current is not None and refused.value.current.who == "ada"
    there.decide(draft(3, "keep", based_on=refused.value.number, who="bo"))
    here.refresh()
    assert [(one.who, one.action) for one in here.lines] == [("ada", "drop"), ("bo", "keep")]


def test_undo_goes_back_step_by_step_and_only_over_ones_own(tmp_path: Path) -> None:
    decisions = Decisions(tmp_path, ROWS)
    decisions.decide(draft(3, "keep"))
    decisions.decide(draft(3, "drop", based_on=1))
    decisions.decide(draft(7, "unsure", session="b"))  # another browser, where the same name was left standing
    decisions.undo("ada", "a")
    assert decisions.standing()[3].action == "keep"
    decisions.undo("ada", "a")
    assert set(decisions.standing()) == {7}
    assert decisions.undo("ada", "a") is None
    assert Decisions(tmp_path, ROWS).standing() == decisions.standing()


def test_undo_passes_over_what_somebody_else_has_overruled(tmp_path: Path) -> None:
    decisions = Decisions(tmp_path, ROWS)
    decisions.decide(draft(2, "keep"))
    decisions.decide(draft(3, "keep"))
    decisions.decide(draft(3, "drop", based_on=2, who="bo", session="b"))
    undone = decisions.undo("ada", "a")
    assert undone is not None and undone.row == 2
    assert decisions.undo("ada", "a") is None
    assert {row: one.who for row, one in decisions.standing().items()} == {3: "bo"}
    decisions.undo("bo", "b")
    assert decisions.standing()[3].who == "ada", "what stood before holds again"
    assert decisions.undo("ada", "a") is not None and not decisions.standing()


def test_what_was_undone_is_a_line_too_and_later_decisions_are_based_on_it(tmp_path: Path) -> None:
    decisions = Decisions(tmp_path, ROWS)
    decisions.decide(draft(3))
    undone = decisions.undo("ada", "a")
    assert undone is not None and decisions.snapshot(3) == (None, undone.number) == (None, 2)
    with pytest.raises(ConflictError):
        decisions.decide(draft(3, based_on=1))
    assert decisions.decide(draft(3, based_on=2)).number == 3


def test_half_a_line_of_a_killed_process_is_dropped(tmp_path: Path) -> None:
    decisions = Decisions(tmp_path, ROWS)
    decisions.decide(draft(3))
    with decisions.path.open("ab") as file:
        file.write(b'{"number": 2, "row": 4, "acti')
    again = Decisions(tmp_path, ROWS)
    assert set(again.standing()) == {3}
    again.decide(draft(5))
    lines = decisions.path.read_text().splitlines()
    assert [json.loads(line)["row"] for line in lines] == [3, 5]


@pytest.mark.parametrize("change", ["emptied", "cut", "another"])
def test_a_file_that_is_not_the_one_that_was_read_is_left_as_it_is(change: str, tmp_path: Path) -> None:
    decisions = Decisions(tmp_path, ROWS)
    for row in range(3):
        decisions.decide(draft(row))
    lines = decisions.path.read_bytes().splitlines(keepends=True)
    decisions.path.unlink()
    if change == "another":
        other = Decisions(tmp_path, ROWS)
        for row in range(10, 15):
            other.decide(draft(row, who="bo"))
    else:
        decisions.path.write_bytes(b"" if change == "emptied" else lines[0])
    there = decisions.path.read_bytes()
    for act in (lambda: decisions.decide(draft(7)), lambda: decisions.undo("ada", "a"), decisions.refresh):
        with pytest.raises(RunError, match="start the review again"):
            act()
    assert decisions.path.read_bytes() == there and 7 not in decisions.standing()
    assert Decisions(tmp_path, ROWS).decide(draft(20)).number == there.count(b"\n") + 1


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    decisions = Decisions(tmp_path, ROWS)
    decisions.decide(draft(3))
    decisions.path.unlink()
    with pytest.raises(RunError, match="start the review again"):
        decisions.refresh()


def test_whoever_only_reads_needs_no_right_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def refusing(path: Any, flags: int, *others: int) -> int:
        if flags & (os.O_RDWR | os.O_WRONLY | os.O_CREAT):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return opened(path, flags, *others)

    Decisions(tmp_path / "some", ROWS).decide(draft(3))
    monkeypatch.setattr(os, "open", refusing)
    assert set(Decisions(tmp_path / "some", ROWS).standing()) == {3}
    assert Decisions(tmp_path / "none", ROWS).standing() == {} and not (tmp_path / "none").exists()
    with pytest.raises(UsageError, match="cannot write"):
        Decisions(tmp_path / "some", ROWS).begin()


@pytest.mark.parametrize(
    "change",
    [{"row": ROWS}, {"row": -1}, {"action": "burn"}, {"number": 7}, {"who": 3}, {"session": 3}, {"extra": 1},
     {"row": True}],
)  # fmt: skip
def test_a_damaged_line_is_named(change: dict[str, Any], tmp_path: Path) -> None:
    decisions = Decisions(tmp_path, ROWS)
    decisions.decide(draft(3))
    line = json.loads(decisions.path.read_text()) | change
    decisions.path.write_text(json.dumps(line) + "\n")
    with pytest.raises(RunError, match="line 1, is damaged"):
        Decisions(tmp_path, ROWS)


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links are told apart by the system")
def test_a_link_in_a_strangers_run_leads_nowhere(tmp_path: Path) -> None:
    outside, run = tmp_path / "notes.txt", tmp_path / "run"
    outside.write_text("without an end of line")
    (run / "review").mkdir(parents=True)
    (run / "review" / "decisions.jsonl").symlink_to(outside)
    (tmp_path / "linked").symlink_to(run / "review")
    for folder in (run / "review", tmp_path / "linked"):
        with pytest.raises(UsageError):
            Decisions(folder, ROWS).decide(draft(3))
    assert outside.read_text() == "without an end of line"


DECIDING = """
import sys
from pathlib import Path
from unfazed.web.decisions import Decision, Decisions
decisions = Decisions(Path(sys.argv[1]), 10**6)
for row in range(10**6):
    decisions.decide(Decision(0, row, "relabel", "a label of some length " * 4, sys.argv[2], "", "", 0, "a"))
    sys.stdout.write(f"{row}\\n"); sys.stdout.flush()
"""


def test_nothing_that_was_confirmed_is_lost_by_a_kill(tmp_path: Path) -> None:
    for attempt in range(3):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        arguments = [sys.executable, "-c", DECIDING, str(folder), "ada"]
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        confirmed = [process.stdout.readline() for _ in range(10 * attempt + 5)]
        os.kill(process.pid, signal.SIGKILL)
        confirmed += process.stdout.readlines()
        process.wait()
        last = int([line for line in confirmed if line.endswith("\n")][-1])
        assert len(Decisions(folder, 10**6).standing()) >= last + 1
