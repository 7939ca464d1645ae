"""Claims: they divide work between processes that share a folder, on one machine or on several.

A claim is a small file. Whoever creates it owns it, and its content says who that is: there is one owner as long as the
file system creates a name once and renames atomically, and no lock of the operating system is asked for, as network file
systems have none, or one that holds on one machine only. Owners touch their claims (:mod:`harness.core._heart`).

A claim is free again when its owner lets it go; at once where its process has ended on this machine
(:mod:`harness.core.owner`); and where it cannot be seen from here, when it has been silent for too long
(:mod:`harness.core._silence`). Of all that want such a claim, one takes it over: the one that creates a second name,
made of the token of the claim that was abandoned. It replaces the claim by a rename.

An owner that stood still wakes up without knowing. So everything that writes asks just before it renames:
:func:`confirm_claims` reads the claims of this process again, and raises :class:`~harness.core.errors.ClaimLost` where
one has another token. No more than the moment between question and rename is left, as file systems cannot refuse the
rename of a former owner.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import platform
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core._heart import HEART
from harness.core._silence import age, forget, silent
from harness.core.errors import ClaimLost, DataError
from harness.core.owner import BEAT, PATIENCE, Owner

log = logging.getLogger(__name__)

LOOK_EVERY = 0.2
"""Seconds between looks at a claim whose owner seems to be gone."""
OLD = 3600
"""Seconds after which a file that exists for moments was left behind."""
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EINVAL, errno.EXDEV}
"""Error codes of file systems without hard links."""
_NO_TIMES = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL}
"""Error codes of file systems on which a file cannot be touched."""


class AlreadyClaimed(Exception):
    """Another process holds the claim on ``path``."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is claimed by another process")
        self.path = path


@dataclass(frozen=True)
class _Found:
    """Content of a claim file: its token, the time of its last beat (ns), and its owner, None for one of an earlier version.

    ``said`` is what the file says, where that is a JSON object.
    """

    token: str
    stamp: int
    owner: Owner | None
    said: dict[str, Any]


class Claim:
    """One claim, in the file ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost = False
        self._owner: Owner | None = None
        self._handle = -1
        self._touching = threading.Lock()  # a handle that is closed may be another file's at the next moment

    @property
    def beat(self) -> float:
        """Seconds between beats."""
        return self._owner.beat if self._owner else BEAT

    def take(self, about: str = "") -> bool:
        """Claims it; False where another process has it. ``about`` is a word on the work that the file says."""
        while True:
            try:
                found = _read(self.path)
                if found is not None and not _free(self.path, found):
                    return False
                owner = Owner.here(about)
                self.path.parent.mkdir(parents=True, exist_ok=True)
                return self._taken(owner, found)
            except FileNotFoundError:
                continue  # the folder was removed by another process that let go of its last claim
            except OSError as error:
                raise DataError(
                    f"{self.path}: cannot be written: {error.strerror}",
                    hint="check the disk and the folder; no other program keeps anything under this name",
                ) from None

    def _taken(self, owner: Owner, found: _Found | None) -> bool:
        mine = self.path.with_name(f".{owner.token}.tmp")
        try:
            with mine.open("x", encoding="utf-8") as file:
                file.write(owner.to_json())
            if found is None:
                _create(mine, self.path)
            elif not _take_over(self.path, found, mine, owner):
                return False
            return self._begun(owner)
        except BaseException:
            with suppress(OSError):
                if _token(self.path) == owner.token:
                    self.path.unlink()
            raise
        finally:
            mine.unlink(missing_ok=True)

    def _begun(self, owner: Owner) -> bool:
        """Begins to touch it, if it is ours."""
        handle = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        # The answer to a request may be lost on its way from a server, or wrong when it is repeated: the content counts.
        if _content(handle).token != owner.token:
            os.close(handle)
            return False
        self._owner, self._handle, self.lost = owner, handle, False
        forget(self.path)
        try:
            HEART.add(self)
        except BaseException:
            self.release()
            raise
        return True

    def release(self) -> None:
        """Lets it go; nothing where it is not held here, or belongs to another process by now."""
        owner, self._owner = self._owner, None
        if owner is None or owner.pid != os.getpid():  # a forked process owns nothing of its parent's
            return
        HEART.remove(self)
        with self._touching:
            # Closed first: NFS keeps a removed file under another name as long as it is open.
            os.close(self._handle)
            self._handle = -1
        with suppress(OSError):
            if not self.lost and _token(self.path) == owner.token:
                self.path.unlink(missing_ok=True)

    def touch(self) -> None:
        """Shows that its owner is there, and notices where another process has taken it over."""
        with self._touching:
            owner = self._owner
            if owner is None or self._handle < 0 or self.lost:
                return
            with suppress(OSError):  # a server that is away: the next beat may get through
                _beat(self._handle, owner)
            with suppress(OSError):
                self._look(owner)

    def confirm(self) -> None:
        """Raises :class:`~harness.core.errors.ClaimLost` where another process has it, DataError where it cannot be read."""
        owner = self._owner
        if owner is None or owner.pid != os.getpid():
            return
        try:
            if not self.lost:
                self._look(owner)
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read: {error.strerror}", hint="check the disk") from None
        if self.lost:
            raise ClaimLost(
                f"{self.path}: taken over by {_whom(self.path)}: this process, or its file system, stood still for too long;"
                " nothing more is written",
                hint="give the command again: it goes on from what is saved",
            )

    def _look(self, owner: Owner) -> None:
        if _token(self.path) != owner.token and self._owner is owner and not self.lost:
            self.lost = True
            log.debug("%s: lost", self.path)


class Claims:
    """The claims that this process holds in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: dict[str, Claim] = {}

    def path(self, name: str) -> Path:
        """Path of a claim."""
        return self.folder / f"{name.replace('/', '-')}.claim"

    def take(self, name: str, about: str = "") -> bool:
        """Claims a name; False where another process has it."""
        claim = Claim(self.path(name))
        if not claim.take(about):
            return False
        self._held[name] = claim
        return True

    def release(self, name: str) -> None:
        """Lets a claim go."""
        claim = self._held.pop(name, None)
        if claim is None:
            return
        claim.release()
        with suppress(OSError):
            self.folder.rmdir()  # fails as long as others have claims there

    def remove_abandoned(self) -> None:
        """Removes the claims in this folder whose owner has ended or is long silent, and what taking claims left behind."""
        for path in abandoned(path for path in self.folder.glob("*.claim") if path.is_file()):
            with suppress(DataError):  # one that may not be changed
                name = path.name.removesuffix(".claim")
                if self.take(name):
                    self.release(name)
        for path in (*self.folder.glob(".*.tmp"), *self.folder.glob(".*.next")):
            with suppress(OSError, DataError):
                if is_free(path) or age(path, path.stat().st_mtime_ns) > OLD:
                    path.unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Holds a claim; raises :class:`AlreadyClaimed` where another process has it."""
        if not self.take(name):
            raise AlreadyClaimed(self.path(name))
        with self.releasing(name):
            yield

    @contextmanager
    def releasing(self, *names: str) -> Iterator[None]:
        """Lets claims go that were taken before. What fails within fails as ClaimLost if one of them is lost."""
        try:
            with loss_said():
                yield
        finally:
            for name in names:
                self.release(name)


def confirm_claims() -> None:
    """Raises :class:`~harness.core.errors.ClaimLost` where another process has taken over a claim of this one.

    To be called just before anything takes its place on the disk.
    """
    for claim in HEART.held:
        claim.confirm()


@contextmanager
def loss_said() -> Iterator[None]:
    """Says of an error that claims are lost, if they are: their new owners have moved or removed the files it misses."""
    try:
        yield
    except Exception:
        confirm_claims()
        raise


def heed_lost_claims() -> None:
    """The same for what the beats have noticed already: it reads nothing, for loops that may be long."""
    for claim in HEART.held:
        if claim.lost:
            claim.confirm()


def is_free(path: Path) -> bool:
    """Tells whether no process holds this claim at the moment. That an owner elsewhere is silent takes looks for a while."""
    try:
        found = _read(path)
        return found is None or _free(path, found)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read: {error.strerror}", hint="no claim of the harness looks like this: remove it"
        ) from None


def is_abandoned(path: Path) -> bool:
    """The same for one who does not come back: where the owner has been silent for too long, looks until that is sure."""
    return bool(abandoned([path]))


def abandoned(paths: Iterable[Path]) -> list[Path]:
    """Those of several claims that are free, each looked at until that is sure, all at the same time."""
    free: list[Path] = []
    left = dict.fromkeys(paths, -1)
    while left:
        pause = LOOK_EVERY
        for path, before in list(left.items()):
            found = None if is_free(path) else _read(path)
            if found is None:
                free.append(path)
                del left[path]
            elif before not in (-1, found.stamp) or not _seems_gone(path, found):
                del left[path]
            else:
                left[path] = found.stamp
                pause = min(pause, found.owner.beat if found.owner else BEAT)
        if left:
            time.sleep(pause)
    return free


def _seems_gone(path: Path, found: _Found) -> bool:
    """Tells whether an owner has been silent for as long as it may be, if one look can say so."""
    if found.owner is None:
        return age(path, found.stamp) >= PATIENCE
    return found.owner.ended() is None and age(path, found.stamp) >= found.owner.patience


def said_about(path: Path) -> str | None:
    """The word on the work that the owner of a claim has left; None where there is no claim."""
    try:
        found = _read(path)
    except OSError:
        return None
    return None if found is None else found.owner.about if found.owner else ""


def owner_in_words(path: Path) -> str:
    """Names the owner of a claim, for people, and says when it counts as gone."""
    try:
        found = _read(path)
    except OSError:
        found = None
    if found is None or not {"pid", "host"} <= found.said.keys():
        return "another process"
    named = f"process {found.said['pid']} on {found.said['host']}"
    if found.owner is None or found.owner.nearby:
        return named
    return f"{named} (given up after {found.owner.patience:g} s without a sign of life)"


def locked_by_earlier_version(path: Path) -> bool:
    """Tells whether a process of an earlier version of the harness holds this file: it kept it locked by ``flock``."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no locks here, or none on files opened to be read
        return False
    finally:
        os.close(handle)
    return False


def _free(path: Path, found: _Found) -> bool:
    owner = found.owner
    if owner is not None:
        ended = owner.ended()
        return ended if ended is not None else silent(path, (found.token, found.stamp), owner.beat, owner.patience)
    if locked_by_earlier_version(path):
        return False
    # Earlier versions wrote who they are, and the system took the lock when they ended.
    if "pid" in found.said and found.said.get("host", platform.node()) == platform.node():
        return True
    return silent(path, (found.token, found.stamp), BEAT, PATIENCE)


def _take_over(path: Path, found: _Found, mine: Path, owner: Owner) -> bool:
    """Puts the claim file ``mine`` in the place of an abandoned one; False where another process does so, or its owner is back.

    Whoever creates the name that follows the token of the abandoned claim has the right to. Where that process ended
    before it did, the name that follows its own token counts, and so on.
    """
    names: list[Path] = []
    token = found.token
    while True:
        names.append(path.with_name(f".{token}.next"))
        _create(mine, names[-1])
        there = _read(names[-1])
        if there is not None and there.token == owner.token:
            break
        if there is None or there.token == token or not _free(names[-1], there):
            return False
        token = there.token
    done = False
    try:
        again = _read(path)
        if again is not None and (again.token, again.stamp) == (found.token, found.stamp):
            mine.replace(path)
            done = True
            log.debug("%s: taken over from %s", path, found.owner or "an earlier version")
    finally:
        for name in names if done else names[-1:]:
            name.unlink(missing_ok=True)
    return done


def _create(source: Path, target: Path) -> None:
    """Creates ``target`` with the content of ``source`` unless there is a file of this name. What came of it is to be read."""
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with suppress(FileExistsError), target.open("xb") as file:
            file.write(source.read_bytes())


def _read(path: Path) -> _Found | None:
    """Reads a claim file; None where there is none. It is opened each time: NFS asks the server then."""
    for last in (False, False, True):
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                return _content(handle)
            finally:
                os.close(handle)
        except FileNotFoundError:
            return None
        except OSError as error:
            if last or error.errno != errno.ESTALE:  # replaced on the server between the name and the file
                raise
    raise AssertionError


def _content(handle: int) -> _Found:
    about, data = os.fstat(handle), os.read(handle, 1 << 16)
    try:
        said = json.loads(data)
    except ValueError:  # not written yet, or torn
        said = None
    said = said if isinstance(said, dict) else {}
    owner = Owner.of(said)
    token = owner.token if owner else f"{about.st_ino}-{about.st_mtime_ns}"
    return _Found(token, about.st_mtime_ns, owner, said)


def _token(path: Path) -> str | None:
    found = _read(path)
    return None if found is None else found.token


def _beat(handle: int, owner: Owner) -> None:
    try:
        os.utime(handle)
    except OSError as error:
        if error.errno not in _NO_TIMES:
            raise
        os.pwrite(handle, owner.to_json().encode(), 0)
        os.fsync(handle)


def _whom(path: Path) -> str:
    try:
        found = _read(path)
    except OSError:
        found = None
    return f"process {found.owner.pid} on {found.owner.host}" if found and found.owner else "another process"
