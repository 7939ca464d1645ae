"""Commits of the Hub data sets that first-party tasks and packs are pinned at; docs/tasks.md names the source of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pack_registry import with_packs

from harness import FileData, Split
from harness.types.sources import Source

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tasks.md"
UNPINNED = {
    "ccasimiro/squad_es": ["squad", "squad_gen"],
    "clue/clue": ["nli"],
    "google/xtreme": [
        *"lareqa mlqa panx pawsx squad squad_gen tatoeba tatoeba_mteb tydiqa tydiqa_gen udpos udpos_hub".split(),
        *"wikiann xnli xnli_cloze xquad xquad_gen".split(),
    ],
    "kakaobrain/kor_nli": ["nli"],
    "masakhane/masakhaner2": ["masakhaner2"],
    "nala-cub/americas_nli": ["americasnli"],
    "universalner/universal_ner": ["uner", "universal_ner", "universal_ner_pud"],
}
"""Data sets whose commit is not known, and the tasks that read them. This list only ever gets shorter."""


def sources() -> Iterator[tuple[str, Source]]:
    """The name of each task, and every source of its data on the Hub."""
    registry = with_packs()
    for task in (*registry.tasks().values(), *registry.intermediate_tasks().values()):
        if not task.provider.startswith(("file:", "xtreme-harness")):
            continue
        splits = [value for value in (task.train, getattr(task, "dev", None)) if isinstance(value, Split)]
        splits += [split for table in task.languages.values() for split in table.values()]
        for source in (source for split in splits for source in split.sources):
            if not isinstance(source, FileData) and source.repo:
                yield task.name, source


def table() -> dict[str, tuple[str, str]]:
    """The commit of each data set and its source, as docs/tasks.md has them."""
    rows = re.findall(r"^\| `([\w./-]+)` \| `([^`]*)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {repo: (commit, source) for repo, commit, source in rows}


def test_every_pin_is_a_whole_commit_that_the_documentation_has_with_its_source() -> None:
    pinned = {(source.repo, source.revision) for _, source in sources() if source.revision is not None}
    known = table()
    assert {(repo, commit) for repo, (commit, _) in known.items()} == pinned, "one commit a data set, in all tasks"
    for repo, (commit, source) in known.items():
        assert re.fullmatch("[0-9a-f]{40}", commit), repo
        assert len(source) > 3, repo


def test_the_tasks_whose_data_are_not_pinned_are_listed() -> None:
    found: dict[str, set[str]] = {}
    for task, source in sources():
        if source.revision is None:
            found.setdefault(source.repo, set()).add(task)
    assert {repo: sorted(tasks) for repo, tasks in found.items()} == UNPINNED
    missing = re.search(r"^No commit is known of (.+?)\.$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert missing and sorted(re.findall(r"`([\w./-]+)`", missing[1])) == sorted(UNPINNED)
