"""The frame of the command line: errors, exit codes, streams, and the commands that only look."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from harness.cli import console
from harness.cli.main import COMMANDS, main
from harness.core.errors import DataError
from harness.core.installation import satisfies
from harness.core.safe_text import safe
from harness.registry.default import get_registry

PLUGIN = """
from harness import HubData, Pair, Split, TargetTask, hookimpl, splits

@hookimpl
def harness_target_tasks():
    yield TargetTask(
        name="mine", version=1, family="classification", metric="accuracy", summary={summary!r},
        languages=splits("en", test=lambda code: Split(HubData("me/mine", code, "test"))),
        example=lambda row: None,
    )
"""


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HARNESS_DISABLE_PLUGINS", "HARNESS_STRICT_PLUGINS", "HARNESS_DATA_DIR", "HARNESS_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def subprocess_of(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    program = "import sys; from harness.cli.main import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )


def test_version_and_help_print_to_stdout_and_name_every_command(run: Any) -> None:
    code, out, err = run("--version")
    assert code == 0 and re.fullmatch(r"xtreme-harness \d+\.\d+\.\d+\n", out) and err == ""
    code, out, err = run("--help")
    assert code == 0 and err == ""
    for name, (_, line) in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(line[:30])}", out, re.MULTILINE), name


def test_no_command_is_a_usage_error_that_shows_the_help(run: Any) -> None:
    code, out, err = run()
    assert "Usage: harness" in out + err
    assert code == 2 or out  # click before 8.2 takes it for --help


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["taks"], "no such command: 'taks'; did you mean 'tasks'?", "'harness --help'"),
        (["--colour"], "No such option", "'harness --help'"),
        (["tasks", "show"], "Missing argument", "'harness tasks show --help'"),
        (["plugins", "--plugin", "x.py"], "No such option", "harness --plugin"),
        (["tasks", "list", "xnil"], "unknown task 'xnil'", "did you mean 'xnli'?"),
        (["tasks", "list", "--josn"], "no such option", "selectors:"),
        (["tasks", "show", "xnil"], "unknown task 'xnil'", "did you mean 'xnli'?"),
        (["tasks", "show", "xnli", "--language", "qu"], "has no language 'qu'", "known: ar"),
        (["--plugin", "absent.py", "tasks", "list"], "plugin file not found", "--plugin"),
        (["--no-plugin", "xnil", "tasks", "list"], "no plugin is called 'xnil'", "did you mean 'xnli'?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_exits_with_2_and_says_what_to_do(run: Any, arguments: list[str], message: str, hint: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    error, *hints = err.splitlines()
    assert error.startswith("error: ") and message in error
    assert any(line.startswith("hint: ") and hint in line for line in hints), err


@click.command()
@click.argument("what")
@click.pass_context
def boom(ctx: click.Context, what: str) -> None:
    logging.getLogger("harness.somewhere").info("for your information")
    logging.getLogger("harness.somewhere").debug("in detail")
    logging.getLogger("elsewhere").info("somebody else's")
    logging.getLogger("elsewhere").warning("somebody's warning")
    if what == "data":
        raise DataError("dev.tsv, line 3: no label", hint="fetch it again")
    if what == "bug":
        raise ZeroDivisionError("division by zero")
    if what == "interrupt":
        raise KeyboardInterrupt
    if what == "file":
        Path("/nonexistent-folder/file").read_text()
    if what == "five":
        ctx.exit(5)
    print("done")


@pytest.fixture
def with_boom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "boom", (f"{__name__}:boom", "Fail."))


@pytest.mark.usefixtures("with_boom")
def test_errors_become_messages_and_exit_codes(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("-q", "boom", "data") == (4, "", "error: dev.tsv, line 3: no label\nhint: fetch it again\n")
    code, _, err = run("--traceback", "boom", "data")
    assert code == 4 and "Traceback" in err and "hint: fetch it again" in err
    code, out, err = run("-q", "boom", "bug")
    assert (code, out) == (1, "") and err.startswith("error: ZeroDivisionError: division by zero\n")
    assert "Traceback" not in err and "HARNESS_TRACEBACK=1" in err and "report" in err
    code, _, err = run("-q", "boom", "file")
    assert (code, err) == (1, "error: /nonexistent-folder/file: No such file or directory\n")
    assert run("-q", "boom", "interrupt")[0] == 130
    assert run("-q", "boom", "five")[0] == 5
    assert run("boom", "fine")[:2] == (0, "done\n")
    monkeypatch.setenv("HARNESS_TRACEBACK", "1")
    assert "Traceback" in run("boom", "bug")[2]


@pytest.mark.usefixtures("with_boom")
def test_logging_is_configured_for_the_command_and_undone(run: Any) -> None:
    before = logging.getLogger().handlers[:], logging.getLogger().level, logging.getLogger("harness").level
    assert run("boom", "fine")[2] == "for your information\nwarning: somebody's warning\n"
    assert run("-q", "boom", "fine")[2] == ""
    assert run("-v", "boom", "fine")[2].splitlines() == [
        "for your information",
        "in detail",
        "somebody else's",
        "warning: somebody's warning",
    ]
    assert before == (logging.getLogger().handlers, logging.getLogger().level, logging.getLogger("harness").level)


def test_tasks_list_shows_everything_and_what_to_type_comes_first(run: Any) -> None:
    code, out, err = run("tasks", "list")
    assert code == 0 and err == ""
    registry = get_registry()
    shown = [line.split()[0] for line in out.splitlines()[2:]]
    assert shown == [*registry.tasks(), *registry.intermediate_tasks()]
    code, out, _ = run("tasks", "list", "--role", "intermediate", "--json")
    assert [task["name"] for task in json.loads(out)] == list(registry.intermediate_tasks())


def test_tasks_list_takes_selectors(run: Any) -> None:
    code, out, _ = run("tasks", "list", "x*", "-xnli[en]", "--json")
    found = {task["name"]: task for task in json.loads(out)}
    assert code == 0 and set(found) == {"xnli", "xnli_cloze", "xcopa", "xquad", "xquad_gen"}
    assert "en" not in found["xnli"]["languages"] and "en" in found["xquad"]["languages"]
    assert found["xquad"]["train"] == "squad" and found["xquad"]["benchmarks"][0] == "xtreme"
    code, out, _ = run("tasks", "list", "-hellaswag", "--json")
    assert {"squad", "xnli"} <= {task["name"] for task in json.loads(out)} and "hellaswag" not in out
    code, out, _ = run("tasks", "list", "-family:tagging", "squad", "--json")
    assert [task["name"] for task in json.loads(out)] == ["squad"]


def test_tasks_show_says_what_is_there(run: Any, shared_data: Path) -> None:
    arguments = ("tasks", "show", "xnli", "--language", "sw", "--examples", "2", "--data-dir", str(shared_data))
    code, out, err = run(*arguments, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["provider"] == "xtreme-harness:xnli" and found["licence"] and found["citation"]
    assert list(found["languages"]) == ["sw"]
    test = found["languages"]["sw"]["test"]
    assert (test["official_rows"], test["rows"], test["data"]) == (5010, 5010, "present")
    assert len(found["examples"]) == 2 and found["examples"][0]["label"] in found["labels"]
    code, out, _ = run(*arguments)
    assert code == 0 and "Swahili" in out and "5,010" in out and found["examples"][1]["a"] in out


def test_tasks_show_without_data_still_describes_the_task(run: Any, tmp_path: Path) -> None:
    code, out, _ = run("tasks", "show", "squad", "--data-dir", str(tmp_path), "--json")
    found = json.loads(out)
    assert code == 0 and found["role"] == "intermediate" and set(found["languages"]["en"]) >= {"train", "dev"}
    assert found["train_data"]["data"] == "missing" and found["train_data"]["official_rows"] == 87599
    code, out, err = run("tasks", "show", "squad", "--data-dir", str(tmp_path), "--examples", "1")
    assert (code, out) == (4, "") and err.startswith("error: ")


def test_tasks_show_names_the_training_that_a_benchmark_gives(run: Any, tmp_path: Path) -> None:
    """Tatoeba is scored as it is in XTREME, and after SQuAD in XTREME-R."""
    code, out, _ = run("tasks", "show", "tatoeba", "--data-dir", str(tmp_path), "--json")
    found = json.loads(out)
    assert code == 0 and (found["train"], found["train_in_benchmarks"]) == ("", {"xtreme-r": "squad"})
    assert "nothing; in xtreme-r: squad" in run("tasks", "show", "tatoeba", "--data-dir", str(tmp_path))[1]


def test_plugins_are_listed_alone_and_with_list(run: Any) -> None:
    first, second = run("plugins", "--json"), run("plugins", "list", "--json")
    assert first[0] == 0 and json.loads(first[1]) == json.loads(second[1])
    code, out, _ = run("plugins")
    assert code == 0 and "target task xnli" in out and out.startswith("plugin")
    assert "disabled by --no-plugin" in run("--no-plugin", "xnli", "plugins")[1]


def test_a_plugin_file_serves_one_call_only(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN.format(summary="mine"), encoding="utf-8")
    assert "file:mine" in run("--plugin", str(path), "tasks", "list", "mine")[1]
    assert run("tasks", "list", "mine")[0] == 2
    path.write_text("1 / 0", encoding="utf-8")
    broken = tmp_path / "broken.py"
    broken.write_text("1 / 0", encoding="utf-8")
    code, out, err = run("--plugin", str(broken), "tasks", "list")
    assert (code, out) == (3, "") and "ZeroDivisionError" in err
    code, out, err = run("--plugin", str(broken), "plugins")
    assert code == 3 and "broken" in out and "ZeroDivisionError" in out
    assert run("--no-plugin", "xnli", "tasks", "list", "xnli")[0] == 2


NASTY = "\x1b[2Jcleared\x07 \x9b31m \u202egnp.exe [red]not markup[/red]"


def test_control_characters_from_plugins_are_shown_not_sent(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "\x1b[31mred.py"
    path.write_text(PLUGIN.format(summary=NASTY), encoding="utf-8")
    for arguments in (
        ["plugins"],
        ["plugins", "--json"],
        ["tasks", "show", "mine"],
        ["tasks", "show", "mine", "--json"],
    ):
        code, out, err = run("--plugin", str(path), *arguments)
        assert code == 0, err
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", out + err), arguments
        if "--json" in arguments and "mine" in arguments:
            assert json.loads(out)["summary"] == NASTY
        elif "mine" in arguments:
            assert r"\x1b[2Jcleared" in out and "[red]not markup[/red]" in out
    path.write_text(f"raise ValueError({NASTY!r})", encoding="utf-8")
    path = path.rename(tmp_path / "\x1b[31mblue.py")
    code, out, err = run("--plugin", str(path), "tasks", "list")
    assert code == 3 and not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", out + err)


@given(st.text())
def test_safe_text_is_harmless_and_loses_nothing_else(text: str) -> None:
    shown = safe(text)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)
    shown.encode("utf-8")
    assert safe(shown) == shown
    letters = [character for character in text if character.isprintable()]
    assert "".join(letters) in shown or len(shown) > len(letters)


def test_scripts_that_need_joiners_keep_them() -> None:
    persian = "می\u200cخواهم"
    assert safe(persian) == persian


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.none(), st.lists(st.text()))))
def test_json_comes_back_the_same_in_every_encoding(value: dict[str, Any]) -> None:
    for encoding in ("utf-8", "ascii", "latin-1"):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
        saved, sys.stdout = sys.stdout, stream
        try:
            console.print_json(value)
        finally:
            sys.stdout = saved
        stream.flush()
        assert json.loads(stream.buffer.getvalue().decode(encoding)) == value  # type: ignore[attr-defined]


def test_a_terminal_set_to_ascii_still_gets_its_output() -> None:
    process = subprocess_of("tasks", "list", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    out, err = process.communicate()
    assert process.returncode == 0 and b"xnli" in out, err


def test_a_reader_that_goes_away_is_not_an_error() -> None:
    process = subprocess_of("tasks", "list", "--json")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141


def doctor_report(run: Any) -> tuple[int, dict[str, dict[str, Any]]]:
    code, out, _ = run("doctor", "--json")
    return code, {check["name"]: check for check in json.loads(out)}


def test_doctor_finds_what_is_installed(run: Any) -> None:
    code, found = doctor_report(run)
    assert code == 0, found
    assert {"python", "platform", "torch", "transformers", "datasets", "evaluate", "faiss", "device", "disk"} <= set(
        found
    )
    import torch

    assert found["torch"]["detail"].startswith(torch.__version__.partition("+")[0])
    assert run("doctor")[0] == 0


def test_doctor_counts_the_data(run: Any, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_DATA_DIR", str(corpus))
    code, found = doctor_report(run)
    detail = found["data"]["detail"]
    assert code == 0 and "xnli" in detail
    present, total = map(int, re.findall(r"(\d+) of (\d+) are there", detail)[0])
    planned = json.loads(run("eval", "--model", "tiny", "--task", "*", "--dry-run", "--json")[1])["units"]
    assert (present, total) == (sum(unit["data"] != "missing" for unit in planned), len(planned))
    shutil.copytree(corpus / "google", tmp_path / "google")
    (path,) = (tmp_path / "google" / "xtreme" / "PAN-X.de").glob("test-*.parquet")
    path.write_bytes(path.read_bytes()[:50])
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))
    code, found = doctor_report(run)
    assert code == 4 and "panx/de/test" in found["data"]["detail"]


def test_doctor_exits_with_the_worst_problem(run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "absent"))
    code, found = doctor_report(run)
    assert code == 4 and found["data folder"]["status"] == "failed" and "absent" in found["data folder"]["detail"]
    info = tmp_path / "odd-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[harness.plugins]\nodd = module_that_is_not_there\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    environment = {**os.environ, "HARNESS_PLUGINS_AUTOLOAD": "1", "PYTHONPATH": str(tmp_path)}
    process = subprocess_of("doctor", "--json", env=environment)
    found = {check["name"]: check for check in json.loads(process.communicate()[0])}
    assert process.returncode == 3 and found["plugin odd:odd"]["status"] == "failed"
    (info / "entry_points.txt").unlink()
    (info / "top_level.txt").write_text("harness\n")
    (info / "RECORD").write_text("harness/__init__.py,,\n")
    code, found = doctor_report(run)
    assert code == 1 and "odd" in found["import name"]["detail"] and "xtreme-harness" in found["import name"]["detail"]


def test_doctor_compares_versions_by_number() -> None:
    torch, transformers = Requirement("torch>=2.6"), Requirement("transformers>=5")
    assert not satisfies("2.5.1+cpu", torch) and satisfies("2.10.0", torch) and satisfies("2.6.0a0+nv25", torch)
    assert satisfies("5.0.0rc1", transformers) and not satisfies("4.57.1", transformers)


def test_colour_is_for_terminals_only(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert "\x1b[" in run("taks")[2]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in run("taks")[2]
