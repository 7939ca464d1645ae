"""The tags of named entities that can be scored: IOB2, the scheme of PAN-X.

IOB2 (Tjong Kim Sang and Veenstra 1999, "Representing Text Chunks"): ``B-PER`` opens an entity of the type PER, ``I-PER``
continues it, ``O`` is outside. The scorers of entities (conlleval, seqeval) take the first letter of every tag
for such a prefix: PERSON and LOCATION would become P-ERSON and L-OCATION, and a run of either one entity.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from harness.core.errors import DataError

METRIC = "ner_f1"
"""The metric that reads such tags."""
HINT = (
    "convert the tags to IOB2 where the task's `example` reads them (B- on the first word of every entity, I- on the "
    "others, O elsewhere), or choose another metric, such as accuracy"
)
_TAG = re.compile(r"O|[BI]-\S+")


class NoEntityTag(DataError):
    """A tag that is not IOB2; ``tag`` is it."""

    def __init__(self, tag: str) -> None:
        super().__init__(
            f"{tag!r} is not an entity tag: {METRIC} expects IOB2, that is O, B-TYPE and I-TYPE (B-PER, I-PER)",
            hint=HINT,
        )
        self.tag = tag


def check(tags: Iterable[str]) -> None:
    """Raises :class:`NoEntityTag` for the first tag that is not IOB2."""
    for tag in tags:
        if _TAG.fullmatch(tag) is None:
            raise NoEntityTag(tag)
