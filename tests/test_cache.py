"""Decoded once: what is kept, what a kill leaves, what is never believed, and who has to go."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
import trained
from conformance.images import noise, saved

from unfazed import cache, loader, reading, seen
from unfazed.cache import Encoding, Memory, Store, opened
from unfazed.cli import main
from unfazed.errors import CacheError, SourceError, UsageError
from unfazed.modality import tabular, text
from unfazed.modality.image import MODALITY
from unfazed.recipe import Recipe
from unfazed.report.events import Advance, Finished, Found, Notice
from unfazed.run import Run
from unfazed.source import SourceOptions
from unfazed.verb import encode, plan
from unfazed.verb.prepare import Prepared, prepare
from unfazed.verb.train import resumed_events, separated, training_events

ENCODING = Encoding("image", "a decoder", "{}", (3, 4, 4))


@pytest.fixture(autouse=True)
def a_cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def contents(first: int, count: int) -> np.ndarray:
    return cache.digests([f"{number:064x}" for number in range(first, first + count)])


def records(first: int, count: int, encoding: Encoding = ENCODING) -> np.ndarray:
    numbers = np.arange(first, first + count, dtype=np.uint8)
    return np.broadcast_to(numbers[:, None, None, None], (count, *encoding.shape)).copy()


def filled(count: int, encoding: Encoding = ENCODING) -> Store:
    store = Store.open(encoding)
    store.append(contents(0, count), records(0, count, encoding))
    return store


def assert_holds(store: Store | Memory, count: int) -> None:
    slots = store.slots(contents(0, count + 3))
    assert (slots[:count] >= 0).all() and (slots[count:] == -1).all()
    assert np.array_equal(store.records()[slots[:count]], records(0, count))


def pictures(folder: Path, count: int = 40, damaged: int = 0) -> Path:
    """Two classes of small noise; the last of each are cut short behind their header."""
    for number in range(count):
        path = folder / f"class {number % 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        data = saved(noise(number, 12, 10))
        path.write_bytes(data[: len(data) // 2] if number >= count - damaged else data)
    return folder


def prepared(source: Path, mode: encode.Cache = "disk") -> tuple[list[object], Prepared]:
    *events, last = prepare(source, SourceOptions(), Recipe(), MODALITY, mode)
    assert isinstance(last, Prepared)
    return events, last


def decoded(events: list[object]) -> int:
    return sum(isinstance(event, Advance) and event.stage == "decoding" for event in events)


def arrays(found: Prepared) -> torch.Tensor:
    return found.examples.batch(torch.arange(len(found.table))).x


def test_a_store_gives_back_what_it_was_given_to_the_next_process_too() -> None:
    store = filled(5)
    assert_holds(store, 5)
    store.append(contents(5, 2), records(5, 2))
    assert_holds(store, 7)
    assert_holds(Store.open(ENCODING), 7)
    memory = Memory(ENCODING, 7)
    memory.append(contents(0, 7), records(0, 7))
    assert_holds(memory, 7)


def test_another_preprocessor_decoder_or_shape_is_another_store() -> None:
    filled(3)
    for other in ({"preprocessor": "{1}"}, {"decoder": "b"}, {"shape": (3, 8, 2)}, {"modality": "text"}):
        assert len(Store.open(ENCODING._replace(**other))) == 0


@pytest.mark.parametrize("left", [{"records.bin": 7}, {"records.bin": 100}, {"records.bin": 96, "index.bin": 5},
                                  {"index.bin": 64}])  # fmt: skip
def test_what_a_killed_writer_left_does_not_count(left: dict[str, int]) -> None:
    """Bytes of a record that was not finished, of a record without its digest, of half a digest."""
    store = filled(4)
    for name, count in left.items():
        with (store.folder / name).open("ab") as file:
            file.write(b"\xee" * count)
    again = Store.open(ENCODING)
    assert_holds(again, 4)
    again.append(contents(4, 3), records(4, 3))
    assert_holds(Store.open(ENCODING), 7)


@pytest.mark.parametrize("name", ["records.bin", "index.bin"])
def test_a_file_that_was_cut_costs_what_it_held_and_no_more(name: str) -> None:
    store = filled(6)
    path = store.folder / name
    os.truncate(path, path.stat().st_size // 2)
    again = Store.open(ENCODING)
    assert_holds(again, 3)
    again.append(contents(3, 2), records(3, 2))
    assert_holds(Store.open(ENCODING), 5)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 99}', "[" * 100_000, None])
def test_a_damaged_or_foreign_store_is_made_anew(text: str | None) -> None:
    store = filled(4)
    path = store.folder / "store.json"
    path.unlink() if text is None else path.write_text(text)
    assert cache.stores() == []
    assert len(Store.open(ENCODING)) == 0
    assert_holds(filled(3), 3)
    assert [path.name for path in cache.stores_folder().iterdir()] == [ENCODING.key]


def test_the_folder_is_for_its_owner_alone() -> None:
    store = filled(1)
    modes = [path.stat().st_mode & 0o077 for path in (store.folder, store.folder.parent)]
    assert modes == [0, 0]


def test_a_store_that_is_removed_still_serves_who_has_it() -> None:
    store = filled(4)
    mapped = store.records()
    assert cache.clear() > 4 * 48
    assert cache.stores() == []
    assert np.array_equal(mapped, records(0, 4))
    store.append(contents(4, 1), records(4, 1))
    assert_holds(store, 5)


def test_two_that_begin_one_store_at_once_begin_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One is held up where it has found no store; locks of files separate threads as they do processes."""
    ended, remove = threading.Event(), cache.remove
    other = threading.Thread(target=lambda: (filled(3), ended.set()))

    def held_up(path: Path) -> bool:
        if threading.current_thread() is not other:
            other.start()
            ended.wait(0.5)
        return remove(path)

    monkeypatch.setattr(cache, "remove", held_up)
    Store.open(ENCODING)
    other.join()
    assert_holds(Store.open(ENCODING), 3)


def test_the_stores_used_longest_ago_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    encodings = [ENCODING._replace(preprocessor=str(number)) for number in range(3)]
    for age, encoding in enumerate(encodings):
        store = filled(20, encoding)
        os.utime(store.folder / "store.json", (1000 + age, 1000 + age))
    each = cache.stores()[0].bytes
    monkeypatch.setenv("UNFAZED_CACHE_LIMIT", str(3 * each + 100))
    opened(ENCODING, contents(0, 15)).append(contents(0, 15), records(0, 15))
    kept = {one.path.name for one in cache.stores()}
    assert kept == {ENCODING.key, encodings[1].key, encodings[2].key}
    assert sum(one.bytes for one in cache.stores()) <= cache.limit()


def test_a_store_full_of_other_data_is_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    filled(100)
    monkeypatch.setenv("UNFAZED_CACHE_LIMIT", "9 kB")
    store = opened(ENCODING, contents(90, 60))
    assert len(store) == 0
    with pytest.raises(CacheError, match=r"take 12 kB, more than the 9 kB that the cache may: set UNFAZED_CACHE_LIMIT"):
        opened(ENCODING, contents(0, 150))


def test_a_short_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**12, 10**12, 0))  # type: ignore[attr-defined]
    said = r"take 800 bytes, and .* has 0 bytes free, of which 1 GB are left to others: free some space, or set XDG_"
    with pytest.raises(CacheError, match=said):
        opened(ENCODING, contents(0, 10))


@pytest.mark.parametrize(("text", "size"), [("", 20 * 10**9), ("7", 7), ("1.5GB", 1_500_000_000), ("20 kb", 20_000)])
def test_limits_are_sizes(text: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNFAZED_CACHE_LIMIT", text)
    assert cache.limit() == size
    monkeypatch.setenv("UNFAZED_CACHE_LIMIT", "plenty")
    with pytest.raises(UsageError, match="50GB"):
        cache.limit()


def test_cold_warm_memory_and_none_prepare_the_same(tmp_path: Path) -> None:
    source = pictures(tmp_path / "source", damaged=3)
    shutil.copy(source / "class 0" / "0.png", source / "class 0" / "copy.png")
    (events, cold), (again, warm), (_, held), (_, bare) = (
        prepared(source), prepared(source), prepared(source, "memory"), prepared(source, "none")
    )  # fmt: skip
    assert decoded(events) == 40 and decoded(again) == 3  # the damaged ones are looked at again
    assert len(cache.stores()) == 1 and cache.stores()[0].records == 37
    assert len(cold.problems) == 3 and all("truncated" in reason for _, _, reason in cold.problems)
    for other in (warm, held, bare):
        assert other.table.frame.equals(cold.table.frame) and other.table.notes == cold.table.notes
        assert other.problems == cold.problems and other.fingerprint == cold.fingerprint
        assert other.preprocessor == cold.preprocessor and other.fitting == cold.fitting
        assert torch.equal(arrays(other), arrays(cold))
    direct = [MODALITY.encode(MODALITY.read(path), cold.preprocessor) for path in cold.table.frame["input"]]
    assert np.array_equal(np.stack(direct), arrays(cold).numpy())


def test_a_second_run_decodes_nothing_and_one_more_file_is_one_more(tmp_path: Path) -> None:
    source = pictures(tmp_path / "source")
    prepared(source)
    assert decoded(prepared(source)[0]) == 0
    (source / "class 1" / "new.png").write_bytes(saved(noise(99, 12, 10)))
    assert decoded(prepared(source)[0]) == 1


def test_a_second_run_opens_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "TICK", 0.0)  # the files are younger than a clock can tell
    source = pictures(tmp_path / "source")
    expected = arrays(prepared(source)[1])
    monkeypatch.setattr(reading, "file_bytes", full_disk)
    monkeypatch.setitem(globals(), "MODALITY", MODALITY._replace(load=full_disk))
    assert torch.equal(arrays(prepared(source)[1]), expected)


def test_nothing_is_written_unless_the_disk_is_asked_for(tmp_path: Path) -> None:
    for mode in ("memory", "none"):
        prepared(pictures(tmp_path / "source"), mode)  # type: ignore[arg-type]
    assert not cache.stores_folder().exists()


@pytest.mark.parametrize("trouble", ["limit", "file in its way", "full", "full from the first file on"])
def test_a_cache_that_cannot_be_had_is_said_once_and_memory_serves(
    tmp_path: Path, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = pictures(tmp_path / "source")
    expected = arrays(prepared(source, "memory")[1])
    if trouble == "limit":
        cache.clear()
        monkeypatch.setenv("UNFAZED_CACHE_LIMIT", "1 kB")
    elif trouble == "full":
        monkeypatch.setattr(cache, "_extend", full_disk)
    elif trouble == "full from the first file on":
        monkeypatch.setattr(os, "fsync", full_disk)
    else:
        (tmp_path / "cache").write_text("a file")
    events, found = prepared(source)
    said = [event.text for event in events if isinstance(event, Notice)]
    assert len(said) == 1 and said[0].endswith("This run keeps them in memory")
    assert trouble == "full" or cache.stores() == []
    assert torch.equal(arrays(found), expected)


def full_disk(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_where_nothing_fits_there_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = pictures(tmp_path / "source")
    monkeypatch.setattr(cache, "memory", lambda: 1000)
    with pytest.raises(CacheError, match="more than half of the memory"):
        prepared(source, "memory")
    monkeypatch.setenv("UNFAZED_CACHE_LIMIT", "1 kB")
    with pytest.raises(CacheError, match=r"UNFAZED_CACHE_LIMIT.*Memory is no way out.*--cache none"):
        prepared(source)
    with pytest.raises(UsageError, match='Did you mean "disk"'):
        prepared(source, "disc")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [text, tabular])
def test_texts_and_rows_go_to_the_disk_only_where_memory_is_short_and_nowhere_if_asked(
    kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = ["the sea is wide", "bread and flour", "a ship on the sea", "flour and water"] * 10
    sizes = [0.5 * (row % 9) for row in range(40)]
    frame = pl.DataFrame({"said": values, "size": sizes, "label": ["sea", "bread"] * 20})
    options = SourceOptions(target="label", input="said" if kind is text else "size")

    def kept(mode: encode.Cache) -> tuple[Prepared, int]:
        *_, last = prepare(frame, options, Recipe(), kind.MODALITY, mode)
        assert isinstance(last, Prepared)
        return last, len(cache.stores())

    held, stores = kept("disk")
    assert stores == 0
    bare, stores = kept("none")
    assert stores == 0 and isinstance(bare.examples.x, encode.Undecoded)
    monkeypatch.setattr(cache, "memory", lambda: 10)
    with pytest.raises(CacheError, match="--cache disk.*--cache none"):
        kept("memory")
    stored, stores = kept("disk")
    assert stores == 1
    for other in (bare, stored, kept("none")[0]):
        assert torch.equal(arrays(other), arrays(held)) and torch.equal(other.examples.length, held.examples.length)
        assert other.table.frame.equals(held.table.frame) and other.problems == held.problems


@pytest.mark.parametrize("mode", ["disk", "none"])
def test_a_file_that_changes_meanwhile_is_never_taken_for_another(
    tmp_path: Path, mode: encode.Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = pictures(tmp_path / "source")
    events = prepare(source, SourceOptions(), Recipe(), MODALITY, mode)
    with pytest.raises(SourceError, match="is the source changing"):
        for event in events:
            if isinstance(event, Advance) and (event.stage, event.done) == ("reading", 40):
                for path in source.rglob("*.png"):
                    path.write_bytes(saved(noise(1000, 12, 10)))
            if isinstance(event, Prepared):
                arrays(event)


DYING = """
import os, signal, sys
from pathlib import Path
from unfazed import cache
from unfazed.modality.image import MODALITY
from unfazed.recipe import Recipe
from unfazed.source import SourceOptions
from unfazed.verb import encode
from unfazed.verb.prepare import prepare

encode.CHUNK, written, extend = 4, [0], cache._extend
def dying(file, end, data):
    written[0] += 1
    if written[0] == int(sys.argv[2]):
        extend(file, end, data[:2])
        os.kill(os.getpid(), signal.SIGKILL)
    extend(file, end, data)
cache._extend = dying
list(prepare(Path(sys.argv[1]), SourceOptions(), Recipe(), MODALITY))
"""


@pytest.mark.parametrize("write", [1, 7, 10])
def test_a_kill_costs_no_more_than_what_was_not_written(tmp_path: Path, write: int) -> None:
    """Odd writes are records, even ones are digests: in the midst of either the process dies."""
    source = pictures(tmp_path / "source")
    expected = arrays(prepared(source, "memory")[1])
    died = subprocess.run([sys.executable, "-c", DYING, str(source), str(write)], check=False, timeout=60)
    assert died.returncode == -signal.SIGKILL
    events, found = prepared(source)
    whole = 4 * ((write - 1) // 2) + (2 if write % 2 == 0 else 0)
    assert decoded(events) == 40 - whole
    assert torch.equal(arrays(found), expected)


def run(out: Path, mode: encode.Cache, shuffle: str = "auto") -> Iterator[object]:
    settings = {**trained.SETTINGS, "epochs": 2, "shuffle": shuffle}
    return training_events(trained.source(), *separated(settings, None), out, mode)


def assert_same(one: Run, other: Run) -> None:
    assert all(torch.equal(weight, other.weights()[name]) for name, weight in one.weights().items())
    assert np.array_equal(one.dynamics()["losses"], other.dynamics()["losses"], equal_nan=True)
    assert np.array_equal(one.scores()["probs"], other.scores()["probs"])
    assert one.measurements["baselines"] == other.measurements["baselines"]


def test_training_is_the_same_bit_for_bit_wherever_examples_are_kept(tmp_path: Path) -> None:
    modes: tuple[encode.Cache, ...] = ("disk", "memory", "none")
    whole = {mode: list(run(tmp_path / mode, mode))[-1].run for mode in modes}  # type: ignore[attr-defined]
    assert_same(whole["disk"], whole["memory"])
    assert_same(whole["disk"], whole["none"])
    stopped = run(tmp_path / "stopped", "memory")
    next(event for event in stopped if isinstance(event, Found))
    next(stopped)
    *_, last = resumed_events(tmp_path / "stopped", cache="none")
    assert isinstance(last, Finished)
    assert_same(whole["disk"], last.run)


def test_data_larger_than_half_of_the_memory_is_shuffled_in_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "memory", lambda: 2 * 300 * 192 - 1)
    monkeypatch.setattr(loader, "BLOCK_BYTES", 5 * 192)
    chosen = list(run(tmp_path / "chosen", "disk"))[-1].run  # type: ignore[attr-defined]
    asked = list(run(tmp_path / "asked", "none", "blocks"))[-1].run  # type: ignore[attr-defined]
    assert chosen.recipe.shuffle == "blocks"
    assert_same(chosen, asked)
    monkeypatch.undo()
    full = list(run(tmp_path / "full", "memory"))[-1].run  # type: ignore[attr-defined]
    assert full.recipe.shuffle == "full"
    assert not np.array_equal(full.dynamics()["losses"], chosen.dynamics()["losses"], equal_nan=True)


def test_neighbours_in_the_array_lie_in_the_order_they_are_read(tmp_path: Path) -> None:
    found = prepared(pictures(tmp_path / "source"))[1]
    rows = encode.neighbours(found.table, found.table.rows("train"))
    assert sorted(rows) == sorted(found.table.rows("train"))
    assert found.examples.slot is not None
    assert (found.examples.slot[torch.from_numpy(rows)].diff() > 0).all()
    assert (np.diff(found.table.y()[rows]) != 0).mean() > 0.2  # though folders come class by class


def test_the_memory_a_process_may_use_is_what_its_limit_says() -> None:
    code = (
        "import resource; from unfazed.device import memory; assert memory() > 2 * 10**9;"
        "resource.setrlimit(resource.RLIMIT_DATA, (10**9, 10**9)); assert memory() == 10**9"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_two_processes_may_fill_one_store_at_once(tmp_path: Path) -> None:
    source = pictures(tmp_path / "source", 200)
    code = DYING.replace("sys.argv[2]", "-1")
    both = [subprocess.Popen([sys.executable, "-c", code, str(source)]) for _ in range(2)]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    events, found = prepared(source)
    assert decoded(events) == 0
    assert torch.equal(arrays(found), arrays(prepared(source, "memory")[1]))


def test_the_command_lists_and_clears(capsys: pytest.CaptureFixture[str]) -> None:
    filled(5)
    with pytest.raises(SystemExit, match="0"):
        main(["cache"])
    said = capsys.readouterr().out
    assert "5 images" in said and "of 3 × 4 × 4" in said and "used" in said and "20.0 GB" in said
    with pytest.raises(SystemExit, match="0"):
        main(["cache", "--clear", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["freed"] > 5 * 48 and told["stores"] == [] and told["bytes"] == 0
    with pytest.raises(SystemExit, match="0"):
        main(["cache", "--clear"])
    assert "0 bytes freed" in capsys.readouterr().out
