"""Training sets of several sizes, each within the next: prefixes of one random order of a task's training examples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.core.errors import UsageError
from harness.core.permutation import permuted
from harness.data.corpus import Corpus
from harness.data.languages import LanguageOfEach
from harness.data.sources import LoadedSplit
from harness.data.store import ExampleList

ORDER = (1, 9, 4)
"""Key of the order: fixed, so that it depends on the number of examples alone. As many numbers are no key of an epoch."""


def of_train_size(split: LoadedSplit, size: int, task: str) -> LoadedSplit:
    """The split with its first ``size`` examples in the order :data:`ORDER`, 0 for all; they stay in the order of the data.

    The examples of a size are among those of any larger one, whatever the seed of the training. Data sets of one length,
    such as translations of one, get the same places. UsageError where ``task`` does not have so many.
    """
    count = len(split.examples)
    if size > count:
        raise UsageError(
            f"option {task}.train_size: {size:,} is more than the task's {count:,} training examples",
            hint=f"{count} or less; 0 is all",
        )
    if size in (0, count):
        return split
    chosen = np.sort(permuted(np.arange(size), count, ORDER)).tolist()
    examples = split.examples
    if isinstance(examples, Corpus):
        corpus = examples.chosen(chosen)
        languages = LanguageOfEach(corpus.names, corpus.part_of, len(corpus)) if split.languages else ()
        return replace(split, examples=corpus, fingerprint=corpus.fingerprint, languages=languages)
    kept = ExampleList(examples[index] for index in chosen)
    codes = [split.languages[index] for index in chosen] if split.languages else ()
    originals = [split.originals[index] for index in chosen] if split.originals else ()
    return replace(split, examples=kept, fingerprint=kept.fingerprint, languages=codes, originals=originals)
