"""Proof that processes, on one machine or on two, can share a folder: what claims, renames and beats rely on.

One process alone can try the file system as one machine sees it. For what holds between machines two of them meet in the
folder: the same function runs on both, they find each other by two claims, and talk by files in it.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import random
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.core.claims import Claims
from harness.core.errors import DataError, UsageError
from harness.core.files import disk_errors
from harness.core.installation import Check
from harness.core.owner import Owner

MEETING = ".harness-doctor"
"""Name of the folder that the two meet in; it is removed at the end."""
NAMES = 200
"""Names that the two try to create first, in each of the ways."""
SWAPS = 200
"""Renames during which the other one reads."""
ECHOES = 5
"""Messages there and back, of which the slowest counts."""
BEATS = 5
"""Touches that the other one is to see."""
PAUSE = 0.005
"""Seconds between looks for a message."""
ANSWER = 60.0
"""Seconds in which a partner that was there has to answer."""
GREETING = 10.0
"""Seconds in which one that has come has to name its partner."""
SKEW = 1.0
"""Seconds by which stamps may be apart without a word."""


class PartnerGone(Exception):
    """The other process does not answer any more."""


def shared_folder_checks(folder: Path, wait: float) -> Iterator[Check]:
    """Proves what one machine can prove, then what two can, if a partner comes within ``wait`` seconds.

    UsageError where there is no such folder, DataError where nothing can be written into it.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder", hint="name the one that the machines share")
    meeting = folder / MEETING
    own = meeting / secrets.token_hex(8)
    try:
        with disk_errors(folder, hint="name a folder that can be written to"):
            own.mkdir(parents=True)
            yield from _alone(own)
            yield from _together(meeting, wait)
    finally:
        shutil.rmtree(own, ignore_errors=True)
        with suppress(OSError):
            meeting.rmdir()


def _alone(folder: Path) -> Iterator[Check]:
    yield _one_creator(folder)
    yield _renames(folder)
    yield _stamps(folder)
    yield _clock(folder)
    yield _locks(folder)


def _one_creator(folder: Path) -> Check:
    """Several threads try to create the same names; each may be created once."""
    won: list[set[str]] = [set() for _ in range(4)]
    start = threading.Barrier(4)

    def create(number: int) -> None:
        start.wait()
        won[number] = _created(folder, f"thread-{number}", random.Random(number))

    threads = [threading.Thread(target=create, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _creation("exclusive creation", won, "four threads here")


def _creation(name: str, won: list[set[str]], who: str) -> Check:
    """The outcome of a race for names: ``won`` are those that each of the racers has created."""
    kinds = {each.rpartition("-")[0] for names in won for each in names}
    wrong = []
    for kind in sorted(kinds):
        for number in range(NAMES):
            winners = sum(f"{kind}-{number}" in names for names in won)
            if winners != 1:
                wrong.append(f"{kind} {number} by {winners}")
    if "link" not in kinds:
        note = "; it has no hard links, and files are created exclusively instead"
    else:
        note = ""
    if wrong:
        return Check(
            name,
            "failed",
            f"{who}: of {NAMES} names some were not created exactly once: {', '.join(wrong[:3])}",
            "claims do not hold in this folder: let one process at a time work in it",
            DataError.exit_code,
        )
    return Check(name, "ok", f"{who}: of {NAMES} names each was created once, {', '.join(sorted(kinds))}{note}")


def _created(folder: Path, who: str, chance: random.Random) -> set[str]:
    """The names that were created here and not by another, in each of the ways."""
    own = folder / f"{who}.own"
    own.write_text(who, encoding="utf-8")
    won: set[str] = set()
    numbers = list(range(NAMES))
    chance.shuffle(numbers)
    for number in numbers:
        for kind, create in _WAYS.items():
            path = folder / f"{kind}-{number}"
            try:
                create(own, path)
            except FileExistsError:
                continue
            except OSError as error:
                if kind == "link" and error.errno in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS):
                    continue
                raise
            won.add(path.name)
    return won


def _exclusively(own: Path, path: Path) -> None:
    with path.open("xb"):
        pass


_WAYS: dict[str, Callable[[Path, Path], object]] = {
    "link": lambda own, path: os.link(own, path),
    "file": _exclusively,
    "folder": lambda own, path: path.mkdir(),
}


def _renames(folder: Path) -> Check:
    ended = threading.Event()
    bad: list[str] = []
    path = folder / "swapped"
    _swap(path, 0)
    reader = threading.Thread(target=lambda: bad.extend(_read_while(path, ended.is_set)))
    reader.start()
    for number in range(SWAPS):
        _swap(path, number)
    ended.set()
    reader.join()
    return _replacement("rename", bad, "one thread renamed, another read")


def _replacement(name: str, bad: list[str], who: str) -> Check:
    if bad:
        hint = "a reader can find half a file, or none: keep runs on another file system"
        return Check(name, "failed", f"{who}: {', '.join(sorted(set(bad)))}", hint, DataError.exit_code)
    return Check(name, "ok", f"{who}: of {SWAPS} replacements none was seen half, and no file was missing")


def _swap(path: Path, number: int) -> None:
    scratch = path.with_name(f"{path.name}.new")
    scratch.write_text(f"{number}\n" * 2000, encoding="ascii")
    scratch.replace(path)


def _read_while(path: Path, ended: Callable[[], bool]) -> Iterator[str]:
    """Reads a file that another one replaces until that has ended; says what it should not have found."""
    while True:
        last = ended()
        try:
            lines = path.read_text(encoding="ascii").splitlines()
        except FileNotFoundError:
            yield "the file was missing"
        except OSError as error:
            if error.errno != errno.ESTALE:
                raise
        else:
            if len(lines) != 2000 or len(set(lines)) != 1:
                yield "the file was torn"
        if last:
            return


def _stamps(folder: Path) -> Check:
    """Touches a file twice: the second time must be later."""
    path = folder / "stamped"
    path.touch()
    began, before, after = time.monotonic(), path.stat().st_mtime_ns, 0
    while time.monotonic() - began < 3:
        time.sleep(0.01)
        os.utime(path)
        with path.open("rb") as file:
            after = os.fstat(file.fileno()).st_mtime_ns
        if after != before:
            break
    if after <= before:
        hint = "claims of other machines are given up although their owners are there: work on one machine"
        return Check("beats", "failed", "a file that is touched keeps its old time", hint, DataError.exit_code)
    return Check("beats", "ok", f"a touched file has a new time within {time.monotonic() - began:.2f} s")


def _clock(folder: Path) -> Check:
    """Compares the clock of the file system with the machine's, as precisely as one touch takes."""
    path = folder / "clock"
    path.touch()
    before = time.time()
    os.utime(path)
    with path.open("rb") as file:
        stamp = os.fstat(file.fileno()).st_mtime
    after = time.time()
    apart = stamp - after if stamp > after else stamp - before if stamp < before else 0.0
    detail = f"the file system's is within {after - before:.2f} s of this machine's"
    if abs(apart) > SKEW:
        direction = "ahead of" if apart > 0 else "behind"
        detail = f"the file system's is {abs(apart):.1f} s {direction} this machine's; claims do not ask this machine's"
        return Check(
            "clock", "warning", detail, "programs that compare times of files may be confused: set the clock (NTP)"
        )
    return Check("clock", "ok", detail)


def _locks(folder: Path) -> Check:
    with (folder / "locked").open("w") as one, (folder / "locked").open("w") as two:
        found = _flock(one)
        if found == "taken":
            found = "kept between processes here" if _flock(two) == "refused" else "given to two at once"
    return Check("flock", "ok", f"locks of the operating system: {found}; claims do not use them")


def _flock(file: Any) -> str:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return "refused"
    except OSError as error:
        return f"not there ({error.strerror})"
    return "taken"


class _Talk:
    """Talks to the partner by files in a folder: each value is said once under a name, and heard by the other."""

    def __init__(self, folder: Path, me: str, partner: str) -> None:
        self.folder, self.me, self.partner = folder, me, partner

    @property
    def first(self) -> bool:
        """One of the two is the first."""
        return self.me == "first"

    def say(self, name: str, value: Any = None) -> None:
        """Writes a value for the partner, whole or not at all."""
        scratch = self.folder / f".{self.me}-{name}.new"
        scratch.write_text(json.dumps(value), encoding="utf-8")
        scratch.replace(self.folder / f"{self.me}-{name}")

    def heard(self, name: str) -> bool:
        """Tells whether the partner has said it."""
        try:
            (self.folder / f"{self.partner}-{name}").open("rb").close()
        except OSError:
            return False
        return True

    def hear(self, name: str) -> Any:
        """Waits for what the partner says under a name."""
        end = time.monotonic() + ANSWER
        while not self.heard(name):
            if time.monotonic() > end:
                raise PartnerGone
            time.sleep(PAUSE)
        return json.loads((self.folder / f"{self.partner}-{name}").read_text(encoding="utf-8"))

    def trade(self, name: str, value: Any = None) -> Any:
        """Says a value and hears the partner's; both go on at about the same time."""
        self.say(name, value)
        return self.hear(name)


def _together(meeting: Path, wait: float) -> Iterator[Check]:
    seats = Claims(meeting / "seats")
    deadline = time.monotonic() + wait
    me = Owner.here()
    while not (role := next((name for name in ("first", "second") if seats.take(name)), "")):
        if time.monotonic() > deadline:
            break
        time.sleep(PAUSE)
    try:
        met = _met(meeting, role, me, deadline) if role else None
        if met is None:
            who = "nobody else came" if role else "two others were meeting here"
            yield Check(
                "two machines",
                "warning",
                f"{who} within {wait:g} s: nothing is proved of what holds between machines",
                "run the same command on another machine at the same time",
            )
            return
        folder, partner = met
        talk = _Talk(folder, role, "second" if role == "first" else "first")
        try:
            yield from _between(talk, me, partner)
        except PartnerGone:
            yield Check(
                "two machines",
                "failed",
                f"process {partner.pid} on {partner.host} was there, and its files are not seen for {ANSWER:g} s",
                "run it again on both; if it repeats, files of one machine do not reach the other",
                DataError.exit_code,
            )
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        for name in ("first", "second"):
            seats.release(name)
        if role:
            with suppress(OSError):
                (meeting / f"{role}.json").unlink()


def _met(meeting: Path, role: str, me: Owner, deadline: float) -> tuple[Path, Owner] | None:
    """The folder to talk in and the partner, once each has named the other; None where nobody comes in time.

    A file that a killed process left names nobody who is there, and is replaced by that of the next one in its role.
    """
    mine, theirs = (meeting / f"{name}.json" for name in ((role, "second") if role == "first" else (role, "first")))
    partner: Owner | None = None
    said = False
    while time.monotonic() < deadline:
        if not said:
            scratch = mine.with_suffix(f".{me.token}")
            named = {"partner": partner.token if partner else ""}
            scratch.write_text(json.dumps({**vars(me), **named}), encoding="utf-8")
            scratch.replace(mine)
            said = True
        try:
            content = json.loads(theirs.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            content = {}
        found = Owner.of(content)
        if found is not None and found != partner:
            partner, said = found, False
            deadline = max(deadline, time.monotonic() + GREETING)
        elif found is not None and content["partner"] == me.token:
            folder = meeting / "-".join(sorted([me.token, found.token]))
            folder.mkdir(exist_ok=True)
            return folder, found
        time.sleep(PAUSE)
    return None


def _between(talk: _Talk, me: Owner, partner: Owner) -> Iterator[Check]:
    """Carries out all of the checks of two processes, in the same order on both sides."""
    talk.trade("here")
    pair = f"{me.host} and {partner.host}"
    if (me.machine, me.host) == (partner.machine, partner.host):
        yield Check(
            "two machines",
            "warning",
            f"two processes on {me.host}: nothing is proved of what holds between machines",
            "run the same command on another machine at the same time",
        )
        pair = f"two processes on {me.host}"
    else:
        yield Check("two machines", "ok", f"{pair} meet")
    yield _echoes(talk)
    talk.trade("race")
    mine = _created(talk.folder, talk.me, random.Random(talk.first))
    theirs = set(talk.trade("created", sorted(mine)))
    yield _creation("exclusive creation, both", [mine, theirs], pair)
    bad = []
    for turn in ("first", "second"):
        path = talk.folder / f"swapped-by-{turn}"
        if talk.me == turn:
            _swap(path, 0)
            talk.trade(f"swap-{turn}")
            for number in range(SWAPS):
                _swap(path, number)
            bad += talk.trade(f"swapped-{turn}")
        else:
            talk.trade(f"swap-{turn}")
            found = list(_read_while(path, lambda turn=turn: talk.heard(f"swapped-{turn}")))  # type: ignore[misc]
            talk.trade(f"swapped-{turn}", found)
            bad += found
    yield _replacement("rename, both", bad, f"{pair}: one renamed, the other read")
    yield _beats(talk)
    yield _one_clock(talk)
    yield _common_locks(talk)
    with suppress(PartnerGone, OSError):  # the partner may have removed the folder
        talk.trade("end")


def _echoes(talk: _Talk) -> Check:
    """Messages there and back: the time until a file of one is seen by the other is half of that at most."""
    took = []
    for number in range(ECHOES):
        began = time.monotonic()
        if talk.first:
            talk.trade(f"echo-{number}")
        else:
            talk.hear(f"echo-{number}")
            talk.say(f"echo-{number}")
        took.append(time.monotonic() - began)
    slowest = max(max(took), talk.trade("took", max(took)))
    detail = f"a new file is seen within {slowest:.2f} s"
    if slowest > Owner.here().patience / 3:
        hint = "HARNESS_CLAIM_BEAT and HARNESS_CLAIM_PATIENCE, in seconds, make claims more patient"
        return Check("visibility", "warning", f"{detail}: late for claims", hint)
    return Check("visibility", "ok", detail)


def _beats(talk: _Talk) -> Check:
    """Each touches a file, and the other sees new times as long as that goes on."""
    seen = 0
    for turn in ("first", "second"):
        path = talk.folder / f"beats-of-{turn}"
        if talk.me == turn:
            path.touch()
            talk.trade(f"beating-{turn}")
            for number in range(BEATS):
                os.utime(path)
                talk.say(f"beat-{turn}-{number}")
                talk.hear(f"seen-{turn}-{number}")
            talk.trade(f"beaten-{turn}")
        else:
            talk.trade(f"beating-{turn}")
            before = 0
            for number in range(BEATS):
                talk.hear(f"beat-{turn}-{number}")
                with path.open("rb") as file:
                    stamp = os.fstat(file.fileno()).st_mtime_ns
                seen += stamp != before
                before = stamp
                time.sleep(0.02)  # longer than the times of files are apart
                talk.say(f"seen-{turn}-{number}")
            talk.trade(f"beaten-{turn}")
    least = min(seen, talk.trade("beats", seen))
    if least < BEATS:
        hint = (
            "let claims be more patient (HARNESS_CLAIM_PATIENCE, seconds); times of files reach the other machine late"
        )
        return Check("beats, both", "warning", f"of {BEATS} touches the other saw {least} when it was told", hint)
    return Check("beats, both", "ok", f"each saw all {BEATS} touches of the other when it was told")


def _one_clock(talk: _Talk) -> Check:
    """Both touch files by turns. Where each stamps with its own clock, the times are out of order by what these are apart."""
    stamps = []
    for number in range(3):
        path = talk.folder / f"stamp-{number}"
        if talk.first == (number % 2 == 0):
            path.touch()
            with path.open("rb") as file:
                stamps.append(os.fstat(file.fileno()).st_mtime)
            talk.say(f"stamp-{number}", stamps[-1])
        else:
            stamps.append(talk.hear(f"stamp-{number}"))
    apart = max(stamps[0] - stamps[1], stamps[1] - stamps[2], 0.0)
    if apart > SKEW:
        return Check(
            "one clock",
            "warning",
            f"each machine stamps files with its own clock, and these are {apart:.1f} s apart at least",
            "claims bear it, as they watch for beats as well; set the clocks (NTP)",
        )
    return Check("one clock", "ok", f"files of both are stamped in the order of their touches, to {apart:.2f} s")


def _common_locks(talk: _Talk) -> Check:
    with (talk.folder / "locked-by-both").open("a") as file:
        if talk.first:
            found = _flock(file)
            talk.trade("locked", found)
            found = talk.trade("tried") if found == "taken" else found
        else:
            found = talk.trade("locked")
            if found == "taken":
                found = _flock(file)
                talk.trade("tried", found)
    words = {"refused": "hold between the two", "taken": "do not hold between the two"}
    return Check(
        "flock, both", "ok", f"locks of the operating system: {words.get(found, found)}; claims do not use them"
    )
