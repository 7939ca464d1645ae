"""Trusted code: a repository of the Hub at one commit, whose Python code may run."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class TrustedCode:
    """A repository of the Hub at one commit."""

    repository: str
    revision: str

    def __str__(self) -> str:
        return f"{self.repository}@{self.revision}"


def parse_trusted(text: str) -> TrustedCode:
    """Reads ``ORG/NAME@SHA``; UsageError for anything but a repository and the 40 hex digits of a commit."""
    match = re.fullmatch(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)@([0-9a-f]{40})", text)
    if match is None:
        raise UsageError(
            f"--trust-remote-code {text!r}: ORG/NAME@SHA expected, a repository and the 40 hex digits of a commit",
            hint="a branch or tag may hold other code tomorrow; read the code, then name the commit that you read",
        )
    return TrustedCode(match[1], match[2])
