"""The server of the review page answers its own page, for its own host, and nobody and nothing else."""

import csv
import errno
import http.client
import io
import json
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
import trained
from PIL import Image

from unfazed.corrections import FILE, read_corrections
from unfazed.errors import UsageError
from unfazed.modality.choice import named
from unfazed.predictor import Predictor
from unfazed.run import Run
from unfazed.web.decisions import ConflictError, Decision
from unfazed.web.open import exported, static_file
from unfazed.web.page import static_page
from unfazed.web.review import Review, Wanted
from unfazed.web.server import LONGEST_BODY, ReviewServer, _part


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def told(self) -> Any:
        return json.loads(self.data)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReviewServer]:
    folder = tmp_path_factory.mktemp("review") / "run"
    shutil.copytree(trained.run().path, folder)
    serving = ReviewServer(Review(Run.open(folder)), "127.0.0.1", 0)
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    yield serving
    serving.shutdown()
    serving.server_close()


def request(server: ReviewServer, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
    """`path` without a leading slash is under the token; headers as `Content_Type=…`."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    place = path if path.startswith("/") else f"/{server.token}/{path}"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, place, body, named)
    answer = connection.getresponse()
    found = Answer(answer.status, dict(answer.getheaders()), answer.read())
    connection.close()
    return found


def get(server: ReviewServer, path: str, **headers: str) -> Answer:
    return request(server, "GET", path, **headers)


def post(server: ReviewServer, path: str, said: Any, **headers: str) -> Answer:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return request(server, "POST", path, body, **{"Content_Type": "application/json", **headers})


def decision(server: ReviewServer, row: int, action: str = "keep", **changes: Any) -> dict[str, Any]:
    said = {"row": row, "action": action, "corrected": "", "who": "ada", "why": "", "session": "a"}
    return said | {"based_on": server.review.decisions.snapshot(row)[1], **changes}


def test_the_page_may_load_and_run_nothing_but_its_own(server: ReviewServer) -> None:
    answer = get(server, "")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/html")
    page = answer.data.decode()
    assert "default-src 'none'" in page and "script-src 'sha256-" in page and "unsafe" not in page
    assert "http://" not in page and "https://" not in page
    assert answer.headers["Referrer-Policy"] == "no-referrer" and "frame-ancestors 'none'" in str(answer.headers)
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/start", "/x/start", "//start", "/{}x/start", "/{}/../start", "/%00/"])
def test_without_the_token_nothing_is_told(server: ReviewServer, path: str) -> None:
    wrong = path.format(server.token[:-1] + "!")
    assert get(server, wrong).status == 403
    assert post(server, wrong, decision(server, 0)).status == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[::", "8.8.8.8"])
def test_another_host_is_refused(server: ReviewServer, host: str) -> None:
    assert get(server, "start", Host=host).status == 403


@pytest.mark.parametrize("host", ["localhost:9", "127.0.0.1", "127.0.0.1:8000"])
def test_a_tunnel_to_this_machine_is_not(server: ReviewServer, host: str) -> None:
    assert get(server, "start", Host=host).status == 200


def test_the_worst_come_first_in_pages(server: ReviewServer) -> None:
    first = get(server, "list").told
    assert len(first["items"]) == 60 and first["total"] == len(server.review.table)
    second = get(server, f"list?after={first['items'][-1]['rank']}").told
    both = [item["probability"] for item in first["items"] + second["items"]]
    assert both == sorted(both, reverse=True)
    back = get(server, f"list?before={second['items'][0]['rank']}").told
    assert back["items"] == first["items"]


def test_filters_agree_with_what_is_shown(server: ReviewServer) -> None:
    label, split = server.review.table.classes[1], "validation"
    items = get(server, f"list?split={split}&label={label.replace(' ', '+')}").told["items"]
    assert items and all(item["split"] == split and item["label"] == label for item in items)
    middle = server.review.error_probability[server.review.order[30]]
    surest = get(server, f"list?low={round(middle, 4)}").told["items"]
    assert len(surest) >= 31 and min(item["probability"] for item in surest) == round(middle, 4)
    assert get(server, "list?low=x").status == get(server, "list?state=odd").status == 400
    name = str(server.review.table.frame["id"][5])
    assert name in [item["name"] for item in get(server, f"list?text={name.replace(' ', '+')}").told["items"]]


def test_an_example_comes_with_its_evidence(server: ReviewServer) -> None:
    row = int(server.review.order[0])
    told = get(server, f"example/{row}").told
    assert told["label"] == server.review.table.frame["label"][row]
    assert told["suggested"] in server.review.table.classes
    assert told["label"] in [one["label"] for one in told["candidates"]]
    assert len(told["neighbours"]) >= 5 and row not in [one["row"] for one in told["neighbours"]]
    picture = get(server, told["thing"]["picture"])
    with Image.open(io.BytesIO(picture.data)) as image:
        assert image.size == (8, 8) and picture.headers["Content-Type"] == "image/png"


def test_a_file_that_is_not_the_one_that_was_trained_on_is_not_shown(server: ReviewServer) -> None:
    frame = server.review.table.frame
    path, other = Path(frame["input"][7]), Path(frame["input"][8])
    kept = path.read_bytes()
    try:
        path.write_bytes(other.read_bytes())
        answer = get(server, "picture/7/full")
        assert answer.status == 404 and "changed since" in answer.told["error"]
    finally:
        path.write_bytes(kept)


@pytest.mark.parametrize(
    "path",
    ["../../etc/passwd", "picture/../../etc/passwd", "picture/%2e%2e%2f%2e%2e/full", "example/-1", "example/99999",
     "example/1e3", "example/%D9%A3", "example/" + "9" * 400, "picture/1/huge", "sound/x", "export/other.csv",
     "nothing", "start/", "example/1/2/3/4/5/6/7/8/9"],
)  # fmt: skip
def test_there_is_nothing_else_to_be_had(server: ReviewServer, path: str) -> None:
    assert get(server, path).status in (400, 404)


def test_an_address_that_cannot_be_parsed_is_refused_in_silence(
    server: ReviewServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert get(server, "list?" + "&".join(f"f{number}=1" for number in range(13))).status == 400
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    connection.request("GET", "http://[", headers={"Host": "127.0.0.1"})
    assert connection.getresponse().status == 400
    connection.close()
    assert capsys.readouterr().err == ""


def test_an_empty_label_is_told_as_such(server: ReviewServer) -> None:
    answer = post(server, "decide", decision(server, 30, "relabel", corrected=" "))
    assert answer.status == 400 and answer.told["error"].startswith("the new label is empty")


def test_a_decision_is_on_the_disk_when_it_is_answered(server: ReviewServer) -> None:
    answer = post(server, "decide", decision(server, 11, "relabel", corrected=" digit 3 ", why="see the loop"))
    assert answer.status == 200
    line = json.loads(server.review.decisions.path.read_text().splitlines()[-1])
    assert (line["row"], line["corrected"], line["who"], line["why"]) == (11, "digit 3", "ada", "see the loop")
    assert get(server, "list?state=relabel").told["items"][0]["row"] == 11


def test_the_given_label_as_a_correction_is_keeping_it(server: ReviewServer) -> None:
    label = str(server.review.table.frame["label"][12])
    assert post(server, "decide", decision(server, 12, "relabel", corrected=label)).told["decision"]["action"] == "keep"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EROFS, "Read-only file system", "decisions.jsonl"), "OSError: Read-only file system"),
        (ValueError("Out of range float values"), "ValueError: Out of range float values"),
    ],
)
def test_whatever_else_goes_wrong_is_answered_and_said_without_the_link(
    server: ReviewServer,
    error: Exception,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def failing(*_: Any) -> None:
        raise error

    monkeypatch.setattr(server.review.decisions, "decide", failing)
    answer = post(server, "decide", decision(server, 13))
    assert answer.status == 500 and answer.told == {"error": said}
    assert capsys.readouterr().err == f"unfazed review: {said}\n"


def test_two_reviewers_do_not_overwrite_each_other(server: ReviewServer) -> None:
    seen_by_both = decision(server, 20)
    assert post(server, "decide", seen_by_both | {"action": "drop"}).status == 200
    late = post(server, "decide", seen_by_both | {"who": "bo"})
    assert late.status == 409
    assert (late.told["decision"]["who"], late.told["decision"]["action"]) == ("ada", "drop")
    again = post(server, "decide", seen_by_both | {"session": "b", "based_on": late.told["number"]})  # of one name
    assert again.status == 200
    changes = get(server, f"changes?since={late.told['number']}").told
    assert [row["decision"]["action"] for row in changes["rows"]] == ["keep"]
    assert not {"a", "b"} & set(changes["rows"][0]["decision"].values()), "nobody learns another's session"
    for nobody in ({}, {"session": ""}, {"session": 3}):
        assert post(server, "undo", {"who": "ada", **nobody}).status == 400
    assert post(server, "undo", {"who": "ada", "session": "c"}).told is None, "an equal name is not enough"
    undone = post(server, "undo", {"who": "ada", "session": "b"}).told
    assert (undone["row"], undone["decision"]["action"]) == (20, "drop")


def test_a_decision_is_refused_over_one_that_came_while_the_example_was_being_shown(
    server: ReviewServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Showing reads files: meanwhile somebody else may decide. What is sent is a decision and its own number."""
    review, row = server.review, 45
    shown = review.things.shown

    def slowly(*asked: Any, **how: Any) -> Any:
        if asked[0] == row and review.decisions.snapshot(row)[0] is None:
            review.decide(decision(server, row, "drop", who="bo", session="b"))
        return shown(*asked, **how)

    monkeypatch.setattr(review.things, "shown", slowly)
    seen = review.item(row)
    if seen["decision"] is None:  # then the one that it was seen without must stand in the way
        with pytest.raises(ConflictError):
            review.decide(decision(server, row, "keep", based_on=seen["number"]))
    else:
        assert seen["decision"]["who"] == "bo"
    assert review.decisions.snapshot(row)[0].who == "bo"  # type: ignore[union-attr]


def test_the_answer_to_a_decision_is_based_on_that_decision(
    server: ReviewServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not on one that came right behind it, which the person has not seen."""
    decisions, row, decide = server.review.decisions, 46, server.review.decisions.decide

    def overruled(draft: Decision) -> Decision:
        taken = decide(draft)
        decide(replace(draft, action="drop", who="bo", based_on=taken.number))
        return taken

    monkeypatch.setattr(decisions, "decide", overruled)
    told = server.review.decide(decision(server, row))
    monkeypatch.undo()
    assert told["decision"]["who"] == "ada"
    assert post(server, "decide", decision(server, row, "unsure", based_on=told["number"])).status == 409


@pytest.mark.parametrize(
    "change",
    [{"row": -1}, {"row": 10**9}, {"row": "1"}, {"row": True}, {"action": "burn"}, {"action": ["keep"]},
     {"based_on": None}, {"who": ""}, {"who": "a\nb"}, {"who": "a" * 81}, {"why": "a" * 501},
     {"action": "relabel", "corrected": ""}, {"action": "relabel", "corrected": "a\u202eb"},
     {"action": "relabel", "corrected": "a" * 201}, {"action": "relabel", "corrected": "\ud800"[:0]}],
)  # fmt: skip
def test_nonsense_is_refused_and_not_kept(server: ReviewServer, change: dict[str, Any]) -> None:
    before = len(server.review.decisions.lines)
    assert post(server, "decide", decision(server, 30) | change).status == 400
    assert len(server.review.decisions.lines) == before


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 60_000, b'{"row": NaN}', b'{"row": 1e999}']
)
def test_broken_json_is_one_answer(server: ReviewServer, body: bytes) -> None:
    assert post(server, "decide", body).status == 400


def test_a_form_of_another_page_cannot_decide(server: ReviewServer) -> None:
    said = json.dumps(decision(server, 31)).encode()
    assert request(server, "POST", "decide", said, Content_Type="text/plain").status == 415
    assert post(server, "decide", said, Origin="http://evil.example").status == 403
    assert post(server, "decide", said, Origin="null").status == 403
    host = f"127.0.0.1:{server.server_address[1]}"
    assert post(server, "decide", said, Origin=f"http://{host}", Host=host).status == 200


def test_a_body_is_bounded_before_it_is_read(server: ReviewServer) -> None:
    for headers, status in (
        (f"Content-Length: {LONGEST_BODY + 1}", b"413"),
        (f"Content-Length: {10**30}", b"413"),
        ("Content-Length: -5", b"411"),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", b"411"),
        ("Accept: */*", b"411"),
    ):
        with socket.create_connection(server.server_address[:2], timeout=10) as raw:
            start = f"POST /{server.token}/decide HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            raw.sendall(f"{start}{headers}\r\n\r\n".encode())
            answer = b""
            while part := raw.recv(65536):  # it is closed: nothing that follows is taken for a request
                answer += part
            assert answer.split(b" ")[1] == status


def test_other_methods_and_garbage_are_refused(server: ReviewServer) -> None:
    assert request(server, "PUT", "decide", b"{}").status == 501
    assert request(server, "OPTIONS", "decide").status == 501
    with socket.create_connection(server.server_address[:2], timeout=10) as raw:
        raw.sendall(b"\x16\x03\x01\x02\x00\x01\x00 garbage\r\n\r\n")
        assert b"<script" not in raw.recv(65536)
    assert get(server, "start").status == 200


@pytest.mark.parametrize(
    ("header", "expected"),
    [("bytes=0-1", slice(0, 2)), ("bytes=5-", slice(5, None)), ("bytes=9-3", None), ("bytes=-5", None), ("x", None)],
)
def test_a_part_of_a_sound_is_what_was_asked_for(header: str, expected: slice | None) -> None:
    assert _part(header) == expected


def test_the_export_is_what_training_takes(server: ReviewServer, tmp_path: Path) -> None:
    post(server, "decide", decision(server, 40, "drop", who="bo"))
    answer = get(server, f"export/{FILE}")
    assert "attachment" in answer.headers["Content-Disposition"]
    (tmp_path / FILE).write_bytes(answer.data)
    found = {one.id: one for one in read_corrections(tmp_path / FILE)}
    about = server.review.table.frame.row(40, named=True)
    mine = found[about["id"]]
    assert (mine.action, mine.who, mine.sha256, mine.label) == ("drop", "bo", about["sha256"], about["label"])
    assert Path(mine.run) == server.review.run.path.resolve()
    assert next(csv.reader(io.StringIO(answer.data.decode()))) == [
        "id", "input", "label", "corrected", "action", "who", "when", "why", "sha256", "run"]  # fmt: skip


def test_decisions_about_a_run_with_corrections_are_told_in_the_source_s_terms(tmp_path: Path) -> None:
    """The source still has the first labels: a file of the second review is applied to these."""
    from unfazed.corrections import COLUMNS, Correction, Outcome, kept_lines
    from unfazed.files import as_csv

    folder = tmp_path / "run"
    shutil.copytree(trained.run().path, folder)
    rows = Run.open(folder).table().frame.head(4).iter_rows(named=True)
    earlier = [
        Correction(one["id"], "", "of the source", one["label"], "relabel", "ada", "", "", one["sha256"], "/first")
        for one in rows
    ]
    gone = earlier[0]._replace(id="gone", action="drop", corrected="")
    (folder / FILE).write_text(as_csv(COLUMNS, kept_lines([Outcome(one, "") for one in [*earlier, gone]])))
    review = Review(Run.open(folder))
    for row, action, corrected in ((0, "keep", ""), (1, "relabel", "of the source"), (2, "relabel", "third")):
        review.decide({"row": row, "action": action, "corrected": corrected, "who": "bo", "based_on": 0})
    found = {one.id: (one.label, one.action, one.corrected, one.who) for one in review.corrections()}
    assert found == {
        earlier[0].id: ("of the source", "relabel", earlier[0].corrected, "ada"),
        earlier[1].id: ("of the source", "keep", "of the source", "bo"),
        earlier[2].id: ("of the source", "relabel", "third", "bo"),
        earlier[3].id: ("of the source", "relabel", earlier[3].corrected, "ada"),
        "gone": ("of the source", "drop", "", "ada"),
    }


def with_corrections(folder: Path, *decided: tuple[int, str, dict[str, str]]) -> Run:
    """A copy of a run that was trained with these decisions of ada: row, action, and what else the line says."""
    from unfazed.corrections import COLUMNS, Correction, Outcome, kept_lines
    from unfazed.files import as_csv

    shutil.copytree(trained.run().path, folder)
    frame = Run.open(folder).table().frame
    lines = []
    for row, action, changes in decided:
        about = frame.row(row, named=True)
        corrected = about["label"] if action in ("keep", "relabel") else ""
        stated = Correction(about["id"], "", about["label"], corrected, action, "ada", "2026-01-02", "", "", "")
        lines.append(Outcome(stated._replace(**{"sha256": about["sha256"], **changes}), ""))
    (folder / FILE).write_text(as_csv(COLUMNS, kept_lines(lines)))
    return Run.open(folder)


def test_what_a_run_was_trained_with_is_decided_until_somebody_decides_anew(tmp_path: Path) -> None:
    run = with_corrections(
        tmp_path / "run",
        (0, "keep", {}),
        (1, "relabel", {"label": "of the source"}),
        (2, "unsure", {}),
        (3, "keep", {"sha256": "of another content"}),
        (4, "keep", {"label": "of another time"}),
        (5, "keep", {"id": "gone"}),
    )
    review = Review(run)
    held = {row: review.item(row)["decision"] for row in range(6)}
    assert [held[row] and held[row]["action"] for row in range(6)] == ["keep", "relabel", "unsure", None, None, None]
    assert held[1]["who"] == "ada" and held[1]["was"] == "of the source" and held[1]["earlier"]
    every, n = review.listed(Wanted()), len(review.table)
    assert (every["of"], every["decided"]) == (n, 3) and every["done"] == {"keep": 1, "relabel": 1, "unsure": 1}
    assert review.listed(Wanted(state="open"))["total"] == n - 3
    assert [one["row"] for one in review.listed(Wanted(state="keep"))["items"]] == [0]
    mine = {"who": "bo", "session": "b", "based_on": review.item(0)["number"]}
    assert review.undo({"who": "bo", "session": "b"}) is None, "what others decided before is not taken back"
    assert review.decide({"row": 0, "action": "drop", **mine})["decision"]["who"] == "bo"
    assert review.listed(Wanted(state="keep"))["total"] == 0 and review.listed(Wanted())["decided"] == 3
    assert review.undo({"who": "bo", "session": "b"}) == {"row": 0, "decision": held[0], "number": 2}


def test_keeping_a_label_replaces_that_somebody_was_unsure(tmp_path: Path) -> None:
    review = Review(with_corrections(tmp_path / "run", (0, "unsure", {})))
    review.decide({"row": 0, "action": "keep", "who": "bo", "based_on": 0})
    assert [(one.action, one.who) for one in review.corrections()] == [("keep", "bo")]


def test_probabilities_are_those_that_predict_gives_or_said_to_be_of_early_epochs() -> None:
    """A network's own are too sure or not sure enough, and know the labels that they were trained on by heart."""
    review, table = Review(trained.run()), trained.run().table()
    row, other = int(table.rows("test")[0]), int(table.rows("train")[0])
    predictor = Predictor.open(trained.run())
    assert predictor.temperature != 1
    said = dict(zip(predictor.classes, predictor.predictions([table.frame["input"][row]]).probs[0], strict=True))
    shown = review.example(row)
    assert shown["early"] == 0
    assert {one["label"]: one["probability"] for one in shown["candidates"]} == pytest.approx(said, abs=1e-3)
    dynamics, early = trained.run().dynamics(), review.example(other)
    assert early["early"] == dynamics["window"] > 0
    mean = dict(zip(table.classes, dynamics["window_probs"][other].astype(float), strict=True))
    assert {one["label"]: one["probability"] for one in early["candidates"]} == pytest.approx(mean, abs=1e-3)


def test_the_command_exports_and_says_how_to_train_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from unfazed.cli import main

    folder, file = tmp_path / "a run", tmp_path / FILE
    shutil.copytree(trained.run().path, folder)
    with pytest.raises(SystemExit) as ended:
        main(["review", str(folder), "--export", str(file)])
    assert ended.value.code == 2 and "nothing was decided" in capsys.readouterr().err
    row = {"row": 1, "action": "drop", "corrected": "", "who": "ada", "why": "", "based_on": 0}
    Review(Run.open(folder)).decide(row)
    with pytest.raises(SystemExit) as ended:
        main(["review", str(folder), "--export", str(file)])
    said = capsys.readouterr().out
    assert ended.value.code == 0 and "1 decisions by ada" not in said and "1 decision by ada (1 drop)" in said
    command = f"unfazed train {trained.source()} --recipe '{folder}/recipe.toml' --corrections {file}"
    assert command in said
    assert [one.action for one in read_corrections(file)] == ["drop"]


def test_data_cannot_end_the_block_that_holds_them() -> None:
    page = static_page({"label": "</script><script>alert(1)</script><!--"})
    assert page.count("</script>") == 2 and "<script>alert" not in page and "<!--" not in page.split("</style>")[1]


@pytest.mark.parametrize("flags", [["--limit", "0"], ["--limit", "3000"], ["--export", "x.csv"]])
def test_a_static_page_that_cannot_be_is_refused(flags: list[str], tmp_path: Path) -> None:
    from unfazed.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["review", str(trained.run().path), "--static", str(tmp_path / "page.html"), *flags])
    assert ended.value.code == 2 and not list(tmp_path.iterdir())


def test_a_static_page_and_an_export_leave_nothing_in_the_run(tmp_path: Path) -> None:
    run = shutil.copytree(trained.run().path, tmp_path / "run")
    there = sorted(run.rglob("*"))
    static_file(run, tmp_path / "page.html", 2)
    with pytest.raises(UsageError, match="nothing was decided"):
        exported(run, tmp_path / "corrections.csv")
    assert sorted(run.rglob("*")) == there


def test_the_values_of_a_row_are_searched_not_the_names_of_its_columns() -> None:
    rows = [{"refund": "Yes", "n": 1.5}, {"a": 'he said "refund"', "b": None}, {"a": "", "b: refund\\": "é"}]
    inputs = [json.dumps(row, ensure_ascii=False) for row in rows]
    frame = pl.DataFrame({"id": ["row 1", "row 2", "row 3"], "input": inputs})
    table, things = SimpleNamespace(frame=frame), SimpleNamespace(modality=named("tabular"))
    stub: Any = SimpleNamespace(table=table, things=things)
    for asked, found in (("refund", [2]), ('said "REF', [2]), ("yes", [1]), ("1.5", [1]), ("É", [3]), ("row 2", [2])):
        assert [place + 1 for place in np.flatnonzero(Review._found(stub, asked))] == found, asked
