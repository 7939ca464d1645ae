"""What must hold after an attack, whatever it was."""

from __future__ import annotations

from dataclasses import dataclass

CLEAR = {2, 3, 4, 5, 6, 129, 130, 141, 143}
"""Exit codes that tell the user something; 1 is a bug, and a negative one a signal."""
BAD_SIGNS = ("Traceback", "Exception ignored", "this is a bug")
NOT_TAKEN = ("--help' shows what it takes", "comes before the command")
"""What is said of words that no command takes: an attack with such words would attack nothing."""


class NotHeld(Exception):
    """Something that must hold did not."""


@dataclass(frozen=True)
class Done:
    """How a command ended: exit code (negative: the signal), and what it wrote."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"harness {' '.join(self.words)}: exit code {self.code}: {self.err[-600:].strip()}"


def expect(held: bool, said: object) -> None:
    """Raises :class:`NotHeld` with what is said."""
    if not held:
        raise NotHeld(str(said))


def done_or_refused(done: Done) -> bool:
    """Whether the command did its work. If not, it must have said why in one clear error."""
    expect(not any(sign in done.out + done.err for sign in (*BAD_SIGNS, *NOT_TAKEN)), done)
    if done.code == 0:
        return True
    expect(done.code in CLEAR, done)
    errors = [line for line in done.err.splitlines() if line.startswith("error:")]
    expect(done.code in (6, 141) or len(errors) == 1, f"{len(errors)} errors: {done}")
    return False


def done_well(done: Done) -> None:
    """The command has to have done its work."""
    expect(done_or_refused(done), done)


def equal(found: dict[str, object], expected: dict[str, object], said: str) -> None:
    """The outcomes have to be the same; names what differs."""
    different = [name for name in expected | found if found.get(name) != expected.get(name)]
    expect(not different, f"{said}: {', '.join(different[:4])} differ from those of an undisturbed run")
