"""Sends an export to a repository on the Hub, as a pull request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.core.border import border
from harness.core.errors import DataError, UsageError
from harness.runs.model_card import CARD

MOST_LINES = 40
"""Lines of a file that are shown before it is sent."""


def preview(files: Mapping[str, bytes], repository: str) -> str:
    """Shows what would be sent: each file with its size and its beginning."""
    shown = [f"to {repository}, as a pull request: {len(files)} files"]
    for name, content in sorted(files.items()):
        lines = content.decode("utf-8", "replace").splitlines()
        more = [f"... {len(lines) - MOST_LINES} more lines"] if len(lines) > MOST_LINES else []
        shown += ["", f"--- {name} ({len(content):,} bytes)", *lines[:MOST_LINES], *more]
    return "\n".join(shown)


def push(files: Mapping[str, bytes], repository: str, kind: str, title: str, api: Any = None) -> tuple[str, list[str]]:
    """Opens a pull request with the files; returns its address and the files that were left out.

    A model card that the repository has already is its owner's: it is left as it is. ``kind`` is "model" or "dataset",
    ``api`` an ``HfApi``. :class:`DataError` where the Hub cannot be reached, or refuses.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    api = api or HfApi()
    hint = "`hf auth login` signs in; the files of -o can also be added by hand, in a pull request on the Hub's page"
    with border(f"{repository}: nothing was sent", DataError, hint=hint):
        has_card = CARD in files and api.file_exists(repository, CARD, repo_type=kind)
        left_out = [CARD] if has_card else []
        operations = [
            CommitOperationAdd(path_in_repo=name, path_or_fileobj=content)
            for name, content in sorted(files.items())
            if name not in left_out
        ]
        if not operations:
            raise UsageError(f"{repository}: has a model card already, and there is nothing else to send")
        commit = api.create_commit(repository, operations, commit_message=title, repo_type=kind, create_pr=True)
    return str(commit.pr_url or commit.commit_url), left_out
