"""Claims between processes and machines: one owner at a time, none for ever, and none that writes after it lost its claim.

A second machine is a process that says so: what it cannot see of the first is then up to the beats.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core import _silence, owner
from harness.core import claims as module
from harness.core._heart import HEART
from harness.core.built import built
from harness.core.claims import (
    AlreadyClaimed,
    Claims,
    confirm_claims,
    heed_lost_claims,
    is_abandoned,
    is_free,
    owner_in_words,
)
from harness.core.errors import ClaimLost, DataError, UsageError
from harness.core.files import replace_folder, write_atomic
from harness.core.scratch import remove_abandoned, scratch_folder
from harness.core.turns import in_turn

QUICK = {"HARNESS_CLAIM_BEAT": "0.1", "HARNESS_CLAIM_PATIENCE": "0.6"}
"""Beats of a tenth of a second, for tests that wait for them."""
MACHINE = """
import errno, fcntl, os, sys, time
from pathlib import Path
from harness.core import owner

if "MACHINE" in os.environ:
    owner.this_machine = lambda: os.environ["MACHINE"]

def refused(*words, **named):
    raise OSError(getattr(errno, os.environ["REFUSED"]), "refused")

if "REFUSED" in os.environ:
    fcntl.flock = refused
if "NO_LINKS" in os.environ:
    os.link = refused
from harness.core.claims import Claims
"""
"""Begins a program on another machine, or on a file system that has no locks, or no hard links."""
HOLD = """
claims = Claims(Path(sys.argv[1]))
assert claims.take("x")
print("taken", flush=True)
time.sleep(1000)
"""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def elsewhere(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes this process one of a machine that sees no process of the others."""
    monkeypatch.setattr(owner, "this_machine", lambda: "another machine")


Started = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def started() -> Iterator[Started]:
    """Starts a program after ``MACHINE``, with variables, and waits for its first line; ends it with the test."""
    running: list[subprocess.Popen[bytes]] = []

    def start(program: str, folder: Path, **environment: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", MACHINE + program, str(folder)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **environment})
        running.append(process)
        assert process.stdout is not None and process.stdout.readline()
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def killed(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def taken_in_the_end(claims: Claims, name: str = "x") -> bool:
    while not claims.take(name):
        time.sleep(0.02)
    return True


@pytest.mark.parametrize(
    "lacking", [{}, {"REFUSED": "ENOTSUP"}, {"REFUSED": "ENOLCK"}, {"REFUSED": "EPERM", "NO_LINKS": "1"}]
)
def test_one_process_has_a_claim_and_a_dead_one_has_none_whatever_the_file_system_lacks(
    lacking: dict[str, str], started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = started(HOLD, tmp_path / "c", **lacking)

    def refused(*words: object) -> None:
        raise OSError(getattr(errno, lacking["REFUSED"]), "refused")

    if lacking:
        monkeypatch.setattr("fcntl.flock", refused)
    if "NO_LINKS" in lacking:
        monkeypatch.setattr("os.link", refused)
    mine, theirs = Claims(tmp_path / "c"), Claims(tmp_path / "c")
    assert not mine.take("x") and not is_free(mine.path("x"))
    killed(process)
    assert is_free(mine.path("x"))
    assert mine.take("x") and not theirs.take("x")
    mine.release("x")
    assert not (tmp_path / "c").exists()


def test_a_process_that_ended_and_was_not_waited_for_holds_nothing(started: Started, tmp_path: Path) -> None:
    process = started(HOLD, tmp_path)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is a zombie until it is waited for
    assert Claims(tmp_path).take("x")


def test_the_next_process_with_the_number_of_a_dead_one_is_not_its_owner(tmp_path: Path) -> None:
    claims = Claims(tmp_path)
    assert claims.take("x")
    said = json.loads(claims.path("x").read_text())
    claims.path("y").write_text(json.dumps({**said, "token": "0" * 16, "started": said["started"] - 1}))
    assert not is_free(claims.path("x")) and is_free(claims.path("y"))


def test_a_live_owner_elsewhere_keeps_its_claim_and_a_dead_one_loses_it_after_its_patience(
    started: Started, elsewhere: None, tmp_path: Path
) -> None:
    process = started(HOLD, tmp_path)
    claims = Claims(tmp_path)
    for _ in range(60):  # twice the patience of its owner
        assert not claims.take("x") and not is_free(claims.path("x"))
        time.sleep(0.02)
    assert f"process {process.pid} on {platform.node()} (given up after 0.6 s" in owner_in_words(claims.path("x"))
    killed(process)
    assert not claims.take("x")
    assert taken_in_the_end(claims)
    assert json.loads(claims.path("x").read_text())["pid"] == os.getpid()


def test_a_claim_that_is_long_abandoned_is_recognised_by_one_who_asks_once(
    started: Started, elsewhere: None, tmp_path: Path
) -> None:
    process = started(HOLD, tmp_path)
    path = Claims(tmp_path).path("x")
    assert not is_abandoned(path)
    os.kill(process.pid, signal.SIGSTOP)
    os.utime(path, (0, 0))  # as if its last beat was long ago
    assert is_abandoned(path)
    os.utime(path, (0, 1))
    os.kill(process.pid, signal.SIGCONT)
    assert not is_abandoned(path)


def watched(
    path: Path, beats: list[int | None], *, every: float = 1, beat: float = 10, patience: float = 60
) -> list[bool]:
    """What is thought of an owner at looks ``every`` so many seconds, each after a beat with such a stamp (s), or none."""
    found, sign, times = [], 0, iter(range(len(beats)))
    path.touch()
    for stamp in beats:
        sign = sign if stamp is None else stamp * 10**9
        at = next(times) * every
        found.append(_silence.silent(path, ("token", sign), beat, patience, clock=lambda at=at: at))
    return found


def test_silence_is_measured_by_the_clock_of_the_file_system_after_two_beats_of_watching(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = int(time.time())
    monkeypatch.setattr(time, "time", lambda: pytest.fail("the clock of this machine was asked"))
    assert watched(tmp_path / "a", [here - 100, *[None] * 30]) == [False] * 20 + [True] * 11
    # A claim whose last beat is young, or lies in the future: the whole patience is watched.
    assert watched(tmp_path / "b", [here + 5000, *[None] * 70]) == [False] * 60 + [True] * 11


def test_an_owner_with_a_wrong_clock_keeps_its_claim_as_long_as_it_beats(tmp_path: Path) -> None:
    behind = int(time.time()) - 3600  # Lustre stamps files with the time of the machine that writes
    assert not any(watched(tmp_path / "a", [behind + second // 10 * 10 for second in range(300)]))
    assert not any(watched(tmp_path / "b", [behind + 7200 + second // 10 * 10 for second in range(300)]))


def test_time_without_looks_is_not_silence(tmp_path: Path) -> None:
    """After a server was away for ten minutes, or the watcher stood still, owners get the time to beat again."""
    assert watched(tmp_path / "a", [0, None, None], every=600, beat=10, patience=60) == [False, False, True]
    assert watched(tmp_path / "b", [0, None, 1, None, None], every=600) == [False] * 4 + [True]


RACE = """
import json, signal
from harness.core.owner import Owner
folder, chained = Path(sys.argv[1]), sys.argv[1].endswith("chained")
print("ready", flush=True)
dead = os.fork()
if dead == 0:
    os._exit(0)
gone = {**vars(Owner.here()), "pid": dead}
os.waitpid(dead, 0)
for trial in range(60):
    where = folder / str(trial)
    where.mkdir(parents=True)
    (where / "x.claim").write_text(json.dumps({**gone, "token": f"a{trial:015x}"}))
    if chained:  # one that took over, and ended before it was through
        (where / f".a{trial:015x}.next").write_text(json.dumps({**gone, "token": f"b{trial:015x}"}))
    ends, start = [], os.pipe()
    for _ in range(4):
        end = os.pipe()
        if os.fork() == 0:
            os.close(start[1])
            os.read(start[0], 1)  # until the other side is closed
            won = Claims(where).take("x")
            os.write(end[1], b"1" if won else b"0")
            time.sleep(1000 if won else 0)
            os._exit(0)
        os.close(end[1])
        ends.append(end[0])
    os.close(start[1])
    answers = [os.read(end, 1) for end in ends]
    print(answers.count(b"1"), sorted(path.name for path in where.iterdir()), flush=True)
    os.killpg(0, 0)
    for end in (*ends, start[0]):
        os.close(end)
print("done", flush=True)
"""


@pytest.mark.parametrize("left", ["plain", "chained"])
def test_of_several_that_take_over_a_claim_exactly_one_has_it(left: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", MACHINE + RACE, str(tmp_path / left)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            if line == b"done\n":
                break
            lines.append(line.decode().strip())
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert lines == ["ready"] + ["1 ['x.claim']"] * 60


DIES = """
left = int(sys.argv[2])

def count(name):
    real = getattr(os, name)
    def counted(*words, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)
        found = real(*words, **named)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)
        return found
    setattr(os, name, counted)

for name in ("open", "link", "rename", "replace", "unlink", "mkdir", "rmdir", "close", "utime"):
    count(name)
claims = Claims(Path(sys.argv[1]))
assert claims.take("x")
claims.release("x")
"""


@pytest.mark.parametrize("before", ["nothing", "abandoned"])
def test_a_kill_at_any_moment_leaves_nothing_in_the_way(before: str, tmp_path: Path) -> None:
    """Before and after each call to the system, of one who takes a claim, and of one who takes over what is abandoned."""
    program = "import os\n" + MACHINE + DIES
    forked = f"""
import os, sys
sys.argv[2:] = ["0"]
code = compile({program!r}, "program", "exec")
{MACHINE}
from harness.core.owner import Owner
import json
dead = os.fork()
if dead == 0:
    os._exit(0)
os.waitpid(dead, 0)
for moment in range(1, 200):
    folder = Path(sys.argv[1]) / str(moment)
    if {before!r} == "abandoned":
        folder.mkdir(parents=True)
        (folder / "x.claim").write_text(json.dumps({{**vars(Owner.here()), "pid": dead}}))
    child = os.fork()
    if child == 0:
        sys.argv[1:] = [str(folder), str(moment)]
        exec(code, {{"__name__": "program"}})
        os._exit(7)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(moment, status, flush=True)
    if status != -9:
        break
"""
    done = subprocess.run([sys.executable, "-c", forked, str(tmp_path)], capture_output=True, text=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert len(lines) > 15 and [code for _, code in lines] == ["-9"] * (len(lines) - 1) + ["7"], done.stderr
    for moment, _ in lines:
        claims = Claims(tmp_path / moment)
        assert claims.take("x"), moment
        claims.release("x")
        claims.remove_abandoned()
        left = list((tmp_path / moment).iterdir()) if (tmp_path / moment).exists() else []
        assert all(path.suffix == ".tmp" and not path.read_bytes() for path in left), moment


FROZEN = """
from harness.core.files import write_atomic
claims = Claims(Path(sys.argv[1]))
assert claims.take("x")
print("taken", flush=True)
sys.stdin.readline()
try:
    write_atomic(Path(sys.argv[1]) / "result", "of the one that stood still")
except Exception as error:
    print(type(error).__name__, error.exit_code, error, flush=True)
claims.release("x")
"""


def test_an_owner_that_stood_still_notices_before_it_writes(started: Started, elsewhere: None, tmp_path: Path) -> None:
    command = [sys.executable, "-c", MACHINE + FROZEN, str(tmp_path)]
    owner_process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert owner_process.stdin and owner_process.stdout and owner_process.stdout.readline() == b"taken\n"
        os.kill(owner_process.pid, signal.SIGSTOP)
        claims = Claims(tmp_path)
        assert taken_in_the_end(claims)
        write_atomic(tmp_path / "result", "of the second")
        os.kill(owner_process.pid, signal.SIGCONT)
        said, _ = owner_process.communicate(b"\n")
    finally:
        owner_process.kill()
    assert said.decode().startswith("ClaimLost 75 ") and f"taken over by process {os.getpid()}" in said.decode()
    assert (tmp_path / "result").read_text() == "of the second"
    assert not claims.path("x").with_name("result.tmp").exists() and list(tmp_path.glob("*.tmp")) == []
    confirm_claims()
    assert json.loads(claims.path("x").read_text())["pid"] == os.getpid()  # its release took nothing from the second
    claims.release("x")


def stolen(claims: Claims, name: str = "x") -> None:
    """Puts the claim of another process in the place of ours, as one that takes it over does."""
    path = claims.path(name)
    said = {**json.loads(path.read_text()), "token": "f" * 16, "pid": 1, "host": "node7"}
    path.with_name("new").write_text(json.dumps(said))
    path.with_name("new").replace(path)


def test_nothing_takes_its_place_after_a_claim_is_lost(tmp_path: Path) -> None:
    claims = Claims(tmp_path / "c")
    new, old = tmp_path / "new", tmp_path / "old"
    new.mkdir()
    old.mkdir()
    (tmp_path / "file").write_text("before")
    with claims.held("x"):
        write_atomic(tmp_path / "file", "while it is ours")
        stolen(claims)
        with pytest.raises(ClaimLost, match="taken over by process 1 on node7"):
            write_atomic(tmp_path / "file", "after")
        with pytest.raises(ClaimLost):
            replace_folder(new, old)
    assert (tmp_path / "file").read_text() == "while it is ours" and new.is_dir() and old.is_dir()
    assert json.loads(claims.path("x").read_text())["host"] == "node7"
    write_atomic(tmp_path / "file", "of one that has no claims")


def test_a_claim_file_that_is_gone_is_lost_too(tmp_path: Path) -> None:
    """Another process may have taken it over, done the work, and let it go."""
    claims = Claims(tmp_path)
    with claims.held("x"):
        claims.path("x").unlink()
        with pytest.raises(ClaimLost):
            confirm_claims()
    confirm_claims()


def test_a_build_whose_claim_is_lost_says_so_and_leaves_the_other_alone(tmp_path: Path) -> None:
    def build(scratch: Path) -> None:
        stolen(Claims(tmp_path / ".claims"), "it")
        (tmp_path / ".it.other.new").mkdir()
        scratch.rmdir()  # by the other process
        (scratch / "a").write_text("a")

    with pytest.raises(ClaimLost):
        built(tmp_path / "it", build)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".claims", ".it.other.new"]


def test_beats_notice_a_lost_claim_and_end_with_the_last_one(quick: None, tmp_path: Path) -> None:
    claims = Claims(tmp_path)
    assert claims.take("x") and claims.take("y")
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "claims")
    assert thread.daemon
    before = claims.path("x").stat().st_mtime_ns
    while claims.path("x").stat().st_mtime_ns == before:
        time.sleep(0.02)
    heed_lost_claims()
    stolen(claims)
    stamp = claims.path("x").stat().st_mtime_ns
    with pytest.raises(ClaimLost):
        while True:
            heed_lost_claims()
            time.sleep(0.02)
    assert claims.path("x").stat().st_mtime_ns == stamp  # the beats were ours, and keep nobody else alive
    claims.release("x")
    assert thread.is_alive()
    claims.release("y")
    thread.join(30)
    assert not thread.is_alive() and not HEART.held


def test_a_claim_keeps_no_process_alive(tmp_path: Path) -> None:
    program = MACHINE + "assert Claims(Path(sys.argv[1])).take('x')\n"
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=600)
    assert is_free(Claims(tmp_path).path("x"))


def test_beats_change_no_random_numbers(quick: None, tmp_path: Path) -> None:
    import random

    random.seed(1)
    expected = random.getstate()
    claims = Claims(tmp_path)
    with claims.held("x"):
        before = claims.path("x").stat().st_mtime_ns
        while claims.path("x").stat().st_mtime_ns == before:
            time.sleep(0.02)
    assert random.getstate() == expected


def test_a_forked_process_owns_nothing_of_its_parents(tmp_path: Path) -> None:
    claims = Claims(tmp_path)
    assert claims.take("x")
    child = os.fork()
    if child == 0:
        try:
            confirm_claims()
            claims.release("x")
            os._exit(0 if claims.take("y") and not claims.take("x") else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    confirm_claims()
    assert not is_free(claims.path("x")) and is_free(claims.path("y"))


def test_what_an_earlier_version_holds_is_held_and_what_it_left_is_free(started: Started, tmp_path: Path) -> None:
    locks = """
import json, platform
file = open(Path(sys.argv[1]) / "x.claim", "a+")
fcntl.flock(file, fcntl.LOCK_EX)
file.write(json.dumps({"pid": os.getpid(), "host": platform.node(), "since": "today"}))
file.flush()
print("taken", flush=True)
time.sleep(1000)
"""
    process = started(locks, tmp_path)
    claims = Claims(tmp_path)
    assert not claims.take("x") and not is_free(claims.path("x"))
    assert owner_in_words(claims.path("x")) == f"process {process.pid} on {platform.node()}"
    killed(process)
    assert claims.take("x")


def test_a_torn_claim_is_given_up_by_its_age(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT", 0.05)
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    claims = Claims(tmp_path)
    claims.path("x").write_text('{"pid": ')
    assert not claims.take("x")
    assert taken_in_the_end(claims)


@pytest.mark.parametrize(
    "change",
    [
        {"token": "../../precious"},
        {"pid": 0},
        {"pid": 2**70},
        {"patience": float("nan")},
        {"patience": 1e12},
        {"beat": 0},
    ],
)
def test_a_claim_that_was_made_up_is_read_as_a_torn_one(
    change: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BEAT", 0.01)
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    claims = Claims(tmp_path / "c")
    assert claims.take("x")
    said = json.loads(claims.path("x").read_text())
    claims.release("x")
    (tmp_path / "c").mkdir()
    claims.path("x").write_text(json.dumps({**said, "host": "elsewhere", **change}))
    assert not claims.take("x")
    assert taken_in_the_end(claims)
    assert [path.name for path in tmp_path.rglob("*")] == ["c", "x.claim"]


def test_the_answers_of_a_server_are_not_relied_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request may be carried out and its answer lost; the kernel sends it again, and is told of its own file."""
    real, answer = os.link, {"lost": True}

    def link(source: Path, target: Path) -> None:
        if answer["lost"]:
            real(source, target)
            raise FileExistsError(errno.EEXIST, "File exists")
        # The link that fails and is said to be there, as FreeBSD has it.

    monkeypatch.setattr(os, "link", link)
    claims = Claims(tmp_path)
    assert claims.take("x")
    found = claims.path("x").read_bytes()
    claims.path("x").write_text(json.dumps({**json.loads(found), "token": "f" * 16}))
    answer["lost"] = False
    assert not Claims(tmp_path).take("x")


def test_a_handle_that_is_stale_is_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claims = Claims(tmp_path)
    assert claims.take("x")
    real, stale = os.open, [1, 1]

    def opened(path: Path, *words: int, **named: int) -> int:
        if path == claims.path("x") and stale and stale.pop():
            raise OSError(errno.ESTALE, "Stale file handle")
        return real(path, *words, **named)

    monkeypatch.setattr(os, "open", opened)
    assert not is_free(claims.path("x")) and not stale
    confirm_claims()
    stale[:] = [1, 1, 1]
    with pytest.raises(DataError, match="cannot be read: Stale file handle"):
        confirm_claims()


def test_a_file_system_that_keeps_no_times_gets_the_content_again(
    quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*words: object) -> None:
        raise OSError(errno.EPERM, "refused")

    claims = Claims(tmp_path)
    monkeypatch.setattr(os, "utime", refused)
    with claims.held("x"):
        content, before = claims.path("x").read_bytes(), claims.path("x").stat().st_mtime_ns
        while claims.path("x").stat().st_mtime_ns == before:
            time.sleep(0.02)
        assert claims.path("x").read_bytes() == content


def test_a_scratch_folder_in_use_elsewhere_stays(started: Started, elsewhere: None, tmp_path: Path) -> None:
    program = """
from harness.core.scratch import scratch_folder
with scratch_folder(Path(sys.argv[1]), ".model-"):
    print("made", flush=True)
    time.sleep(1000)
"""
    process = started(program, tmp_path)
    (folder,) = tmp_path.iterdir()
    assert not remove_abandoned(folder) and folder.is_dir()
    killed(process)
    while not remove_abandoned(folder):
        time.sleep(0.05)
    assert not folder.exists() and remove_abandoned(folder)
    with scratch_folder(tmp_path, ".model-") as own:
        assert not remove_abandoned(own)
    assert not own.exists()


def test_who_waits_is_told_for_how_long(
    started: Started, elsewhere: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    process = started(HOLD, tmp_path)
    killed(process)
    with in_turn(Claims(tmp_path), "x", "stage mnli"):
        pass
    named = f"process {process.pid} on {platform.node()}"
    assert caplog.messages == [
        f"stage mnli: waiting for {named} (given up after 0.6 s without a sign of life), which is at it"
    ]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"HARNESS_CLAIM_BEAT": "soon"}, "HARNESS_CLAIM_BEAT: a number of seconds expected, not 'soon'"),
        ({"HARNESS_CLAIM_BEAT": "-1"}, "HARNESS_CLAIM_BEAT: a number of seconds expected, not '-1'"),
        ({"HARNESS_CLAIM_PATIENCE": "1e9"}, r"1e\+09 s is more than a day"),
        ({"HARNESS_CLAIM_PATIENCE": "20"}, "20 s is too short for a beat every 10 s"),
    ],
)
def test_a_rhythm_that_makes_no_sense_is_refused(
    variables: dict[str, str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=said):
        Claims(tmp_path / "c").take("x")
    assert not (tmp_path / "c").exists()


def test_longer_beats_have_a_longer_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    assert owner.rhythm() == (10, 60)
    monkeypatch.setenv("HARNESS_CLAIM_BEAT", "60")
    assert owner.rhythm() == (60, 180)


def test_a_claim_is_held_by_one_and_free_when_its_owner_dies(tmp_path: Path) -> None:
    mine, theirs = Claims(tmp_path / "claims"), Claims(tmp_path / "claims")
    assert mine.take("xnli/de/test")
    assert not theirs.take("xnli/de/test")
    assert theirs.take("xnli/fr/test")
    assert not is_free(mine.path("xnli/de/test"))
    with pytest.raises(AlreadyClaimed), theirs.held("xnli/de/test"):
        pass
    assert json.loads(mine.path("xnli/de/test").read_text())["pid"] == os.getpid()
    mine.release("xnli/de/test")
    assert is_free(mine.path("xnli/de/test"))
    theirs.release("xnli/fr/test")
    assert not (tmp_path / "claims").exists()
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom harness.core.claims import Claims\n"
        "claims = Claims(Path(sys.argv[1]))\nassert claims.take('x')\nprint('taken', flush=True)\ntime.sleep(1000)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "claims")], stdout=subprocess.PIPE)
    assert owner.stdout is not None and owner.stdout.readline() == b"taken\n"
    assert not mine.take("x")
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert mine.take("x")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abc"), st.booleans()), max_size=25))
def test_claims_of_several_workers_equal_a_plain_table_of_owners(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, str, bool]]
) -> None:
    """Against a plain table of owners."""
    folder = tmp_path_factory.mktemp("claims")
    workers = [Claims(folder / "c") for _ in range(3)]
    owner: dict[str, int] = {}
    for worker, name, take in steps:
        if take and owner.get(name) != worker:
            assert workers[worker].take(name) == (name not in owner)
            owner.setdefault(name, worker)
        elif not take:
            workers[worker].release(name)
            if owner.get(name) == worker:
                del owner[name]
    for name, worker in owner.items():
        workers[worker].release(name)
    assert not (folder / "c").exists()


def test_a_claim_says_who_holds_it_since_when_and_letting_go_twice_does_nothing(tmp_path: Path) -> None:
    claims = Claims(tmp_path / "c")
    with claims.held("a/b"), claims.held("c"):
        assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["a-b.claim", "c.claim"]
        said = json.loads(claims.path("a/b").read_text())
        assert list(said)[:3] == ["pid", "host", "since"] and said["pid"] == os.getpid()
    claims.release("a/b")
    assert not (tmp_path / "c").exists() and is_free(claims.path("a/b"))


def test_the_text_of_an_owner_that_died_is_replaced(tmp_path: Path) -> None:
    claims = Claims(tmp_path)
    claims.path("x").write_text(json.dumps({"pid": 1, "host": platform.node(), "since": "long ago " * 99}))
    assert claims.take("x")
    (line,) = claims.path("x").read_text().splitlines()
    assert json.loads(line)["pid"] == os.getpid()


def test_what_lies_in_the_place_of_a_claim_is_an_error_that_names_it(tmp_path: Path) -> None:
    claims = Claims(tmp_path / "c")
    claims.path("x").mkdir(parents=True)
    with pytest.raises(DataError, match=r"x\.claim: cannot be written: Is a directory"):
        claims.take("x")
    with pytest.raises(DataError, match=r"x\.claim: cannot be read: Is a directory"):
        is_free(claims.path("x"))
