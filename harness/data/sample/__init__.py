"""The sample corpus: a small multilingual benchmark generated from a grammar and lexicons.

A meaning (:mod:`~harness.data.sample.meaning`) is drawn from a random world and said in ten languages by the frames and
lexicons in the tables next to this file; labels, tags, entities and answers follow from the meaning.
"""

from harness.data.sample.corpus import MARKER, has_sample_corpus, sample_languages, sample_text, write_sample_corpus

__all__ = ["MARKER", "has_sample_corpus", "sample_languages", "sample_text", "write_sample_corpus"]
