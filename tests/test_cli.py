import csv
import io
import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import trained
from commands import started, within
from rich.table import Table

from unfazed import errors
from unfazed.cli import SourceFlags, _status, _stream, main
from unfazed.cli_diagnose import diagnose
from unfazed.console import console_of_output, print_whole
from unfazed.source import SourceOptions

SMALL = [f"--{name.replace('_', '-')}={value}" for name, value in {**trained.SETTINGS, "epochs": 2}.items()]


def test_train_tells_one_plain_line_an_epoch_and_what_to_do_next(tmp_path: Path) -> None:
    done = started("train", trained.source(), "--out", tmp_path / "run", *SMALL)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("300 images in 4 classes")
    assert "label entropy" in lines[0] and "bits" in lines[0]
    assert len([line for line in lines if line.strip().startswith(("1/2", "2/2"))]) == 2
    assert "about" in done.stdout
    assert f"unfazed predict {tmp_path / 'run'}" in lines[-1]
    assert "\x1b" not in done.stdout


def test_quiet_is_the_path_alone(tmp_path: Path) -> None:
    done = within("train", trained.source(), "--out", tmp_path / "run", "--quiet", *SMALL)
    assert done.stdout.strip() == str(tmp_path / "run")


def test_json_is_an_event_a_line_and_flags_override_a_recipe_file(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text("epochs = 9\nwidth = 8\nbatch_size = 16\nflip = 'both'\n")
    flags = ("--out", tmp_path / "run", "--recipe", tmp_path / "recipe.toml", "--epochs", 2, "--json")
    told = [json.loads(line) for line in within("train", trained.source(), *flags).stdout.splitlines()]
    assert [event["event"] for event in told] == ["found", "planned", "epoch", "epoch", "finished"]
    recipe = told[1]["recipe"]
    assert (recipe["epochs"], recipe["width"], recipe["flip"]) == (2, 8, "both")
    assert told[-1]["report"]["test"]["accuracy"]["n"] > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "/nowhere/at/all"], "nowhere"),
        (["train", "sample:digts"], 'Did you mean "digits"'),
        (["train", ".", "--epochs", "0", "--learning-rate", "1000"], "learning_rate = 1000"),
        (["train", ".", "--epochs", "2.9"], "epochs = '2.9'"),
        (["train", ".", "--epoch", "3"], 'there is no option --epoch. Did you mean "--epochs"?'),
        (["train", ".", "--run-dir", "x"], 'there is no option --run-dir. Did you mean "--out"?'),
        (["lr-find", ".", "--lr=0.1"], 'there is no option --lr. Did you mean "--learning-rate"?'),
        (["predict", "x", "--run-dir"], "there is no option --run-dir. unfazed predict --help lists them"),
        (["trian"], 'Did you mean "train"'),
        (["train", "my", "photos"], 'this is too much: "photos"'),
        (["train"], "SOURCE"),
        (["train", ""], "the source is empty"),
        (["train", ".", "--header=maybe"], "--header"),
        (["predict", "RUN"], "ITEMS"),
        (["predict", "no/run", "x.png"], "there is no run folder no/run"),
        (["evaluate", "no/run", "x"], "there is no run folder no/run"),
        (["report", "no/run"], "there is no run folder no/run"),
        (["train", "--resume", "no/run"], "there is no run folder no/run"),
    ],
)
def test_a_bad_request_is_one_message_and_status_2(arguments: list[str], said: str) -> None:
    done = within(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("unfazed: ") and said in done.stderr and done.stdout == ""


def test_a_folder_that_is_no_run_is_one_message_and_status_2(tmp_path: Path) -> None:
    for arguments in (["predict", tmp_path, "x.png"], ["report", tmp_path], ["evaluate", tmp_path, tmp_path]):
        done = within(*arguments)
        assert done.returncode == 2
        assert done.stderr.startswith(f"unfazed: {tmp_path} is not a run folder")
        assert "Traceback" not in done.stderr


def test_every_kind_of_error_has_its_status(capsys: pytest.CaptureFixture[str]) -> None:
    statuses = {
        errors.UnfazedError: 1,
        errors.TrainingError: 1,
        errors.ProcessLostError: 1,
        errors.OutOfMemoryError: 1,
        errors.DiskFullError: 1,
        errors.InputError: 1,
        errors.UsageError: 2,
        errors.RecipeError: 2,
        errors.SourceError: 2,
        errors.CacheError: 2,
        errors.RunError: 2,
        KeyboardInterrupt: 130,
    }
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.UnfazedError)}
    assert kinds == set(statuses) - {KeyboardInterrupt}
    for kind, status in statuses.items():

        def command(kind: type[BaseException] = kind) -> None:
            raise kind("why")

        assert _status(command) == status
        assert capsys.readouterr() == ("", "unfazed: why\n")


def test_what_a_name_in_an_error_holds_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        raise errors.InputError("x\x1b[2Jevil.png is no picture\nand y.png is none")

    assert _status(command) == 1
    assert capsys.readouterr().err == "unfazed: x\\x1b[2Jevil.png is no picture\nand y.png is none\n"


@pytest.mark.parametrize(
    ("word", "before", "meant"),
    [
        ("-", "runs/1", "/dev/stdin"),
        ("-", "--recipe", "/dev/stdin"),
        ("-", "--csv", "/dev/stdout"),
        ("-", "--export", "/dev/stdout"),
        ("--csv=-", "", "--csv=/dev/stdout"),
        ("--csv=a-b.csv", "", "--csv=a-b.csv"),
        ("--target=-", "", "--target=-"),
        ("--csv", "-", "--csv"),
    ],
)
def test_a_dash_is_read_from_where_inputs_are_meant_and_written_to_where_a_file_is(
    word: str, before: str, meant: str
) -> None:
    assert _stream(word, before) == meant


def said_to(buffer: io.BytesIO, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """What arrives of an arrow and some letters, where the system's encoding has not all of them."""
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(buffer, encoding="cp1252"))
    with pytest.raises(SystemExit):
        main(["--version"])
    sys.stdout.write("→ Zoë 写")
    sys.stdout.flush()
    return buffer.getvalue().splitlines()[-1]


def test_files_and_pipes_get_utf8_and_a_terminal_what_it_can_show(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.BytesIO):
        def isatty(self) -> bool:
            return True

    assert said_to(io.BytesIO(), monkeypatch) == "→ Zoë 写".encode()
    assert said_to(Terminal(), monkeypatch) == b"\\u2192 Zo\xeb \\u5199"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_behind_the_standard_output_is_one_message() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-m", "unfazed", "cache"], stdout=full, stderr=subprocess.PIPE,
                              text=True, timeout=60, check=False)  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "unfazed: no room on the disk to write the standard output: make some\n"


def test_names_that_look_like_emoji_stay_as_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {"evidence": {":dog:": "40 [b]"}}
    monkeypatch.setattr("unfazed.verb.diagnose.diagnose", lambda run: found)
    diagnose(Path("run"), json_=True)
    console_of_output().print(":dog:")
    told, name = capsys.readouterr().out.splitlines()
    assert json.loads(told) == found and name == ":dog:"


def test_where_no_terminal_bounds_them_lines_are_whole(capsys: pytest.CaptureFixture[str]) -> None:
    words = " ".join(["word"] * 100)
    table = Table("one", "two")
    table.add_row(words, words)
    console = console_of_output()
    for shown in (words, table):
        print_whole(console, shown)
        assert any(words in line for line in capsys.readouterr().out.splitlines())


def test_no_readable_input_is_status_1(tmp_path: Path) -> None:
    (tmp_path / "x.png").touch()
    done = started("predict", trained.run().path, tmp_path / "x.png")
    assert done.returncode == 1 and "none of 1 inputs can be read" in done.stderr and "empty file" in done.stderr


def test_the_statuses_are_documented() -> None:
    told = " ".join(within("--help").stdout.split())
    assert "Exit status: 0 done" in told


def test_predict_writes_csv_when_piped_and_jsonl_when_asked(tmp_path: Path) -> None:
    folder = trained.source() / "digit 3"
    table = tmp_path / "list.csv"
    names = sorted(str(path) for path in folder.iterdir())[:3]
    table.write_text("file,note\n" + "".join(f"{name},x\n" for name in names))
    (tmp_path / "broken.png").write_bytes(b"")
    done = within("predict", trained.run().path, folder, table, tmp_path / "broken.png")
    assert done.returncode == 1 and f"(the first: {tmp_path / 'broken.png'}: empty file); the others" in done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    count = len(list(folder.iterdir()))
    assert len(rows) == count + 4
    assert [row["input"] for row in rows[count : count + 3]] == names
    assert rows[-1]["label"] == "" and rows[-1]["problem"]
    assert sum(row["label"] == "digit 3" for row in rows[:count]) > 0.7 * count
    told = within("predict", trained.run().path, names[0], "--format", "jsonl", "--probs").stdout
    facts = json.loads(told)
    assert set(facts["probs"]) == {f"digit {k}" for k in range(4)}
    assert facts["confidence"] == max(facts["probs"].values())


def test_a_hyphen_is_the_standard_input() -> None:
    names = [str(path) for path in sorted((trained.source() / "digit 3").iterdir())[:3]]
    done = started("predict", trained.run().path, "-", "--format", "jsonl", said="\n".join(names))
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["input"] for line in done.stdout.splitlines()] == names


def test_predict_shows_a_table_when_asked() -> None:
    name = next((trained.source() / "digit 1").iterdir())
    told = within("predict", trained.run().path, name, "--format", "table", COLUMNS="200").stdout
    assert "confidence" in told and name.name in told and "%" in told


def test_evaluate_prints_metrics_with_intervals() -> None:
    told = within("evaluate", trained.run().path, trained.source()).stdout
    assert "60 examples measured" in told and "accuracy" in told and "–" in told
    assert "240 that the model was trained or chosen on" in told
    facts = json.loads(within("evaluate", trained.run().path, trained.source(), "--json").stdout)
    assert facts["metrics"]["accuracy"]["n"] == 60


def test_report_is_written_again_from_the_run_alone(tmp_path: Path) -> None:
    copy = shutil.copytree(trained.run().path, tmp_path / "copy")
    before = json.loads((copy / "report.json").read_text())
    for name in ("report.html", "report.json", "README.md"):
        (copy / name).unlink()
    done = within("report", copy)
    assert done.stdout.strip() == str(copy / "report.html")
    again = json.loads((copy / "report.json").read_text())
    own = {"next": "", "run": ""}  # these name the folder
    assert {**again, **own} == {**before, **own}
    assert (copy / "report.html").stat().st_size > 10_000


def test_help_names_every_hyperparameter() -> None:
    from unfazed.recipe import knobs

    told = within("train", "--help", COLUMNS="200").stdout
    assert [setting.name for setting, _ in knobs() if f"--{setting.name.replace('_', '-')}" not in told] == []


def test_version() -> None:
    from unfazed import __version__

    assert within("--version").stdout.strip() == __version__


def test_a_reader_that_leaves_does_not_end_the_training(tmp_path: Path) -> None:
    for name, more in (("plain", []), ("json", ["--json"])):
        arguments = ["train", str(trained.source()), "--out", str(tmp_path / name), *SMALL, *more]
        process = subprocess.Popen([sys.executable, "-m", "unfazed", *arguments], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=240) == 0
        assert (tmp_path / name / "report.json").exists()


def test_an_unfinished_run_says_so_and_is_not_measured_on_its_test(tmp_path: Path) -> None:
    run = shutil.copytree(trained.run().path, tmp_path / "run")
    (run / "report.json").unlink()
    (run / "scores.npz").unlink()
    done = within("predict", run, next((trained.source() / "digit 1").iterdir()))
    assert done.returncode == 0 and f"unfazed train --resume {run}" in done.stderr
    done = within("evaluate", run, trained.source())
    assert done.returncode == 2 and "trained or chosen on every one" in done.stderr
    done = within("report", run)
    assert done.returncode == 2 and f"go on with: unfazed train --resume {run}" in done.stderr


def test_report_loads_no_torch() -> None:
    check = (
        "import sys\nfrom unfazed.cli import app\n"
        f"app(['report', {str(trained.run().path)!r}], result_action='return_value')\n"
        "assert 'torch' not in sys.modules and 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", check], check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize("arguments", [["train"], ["train", "--resume", "run", "--epochs", "3"]])
def test_a_mistaken_train_is_told_before_torch_is_loaded(arguments: list[str]) -> None:
    check = (
        "import sys\nfrom unfazed.cli import app\nfrom unfazed.errors import UsageError\n"
        f"try:\n    app({arguments!r}, result_action='return_value')\n"
        "except UsageError:\n    sys.exit('torch' in sys.modules)\nsys.exit('no usage error')"
    )
    subprocess.run([sys.executable, "-c", check], check=True, capture_output=True, timeout=60)


def test_the_flags_of_a_source_are_its_options() -> None:
    assert asdict(SourceFlags()) == asdict(SourceOptions())
