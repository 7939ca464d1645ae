"""The acceptance of soft prompts: classes without a training example are named in English and in other languages."""

from pathlib import Path

from benchmarks.prompts import CHANCE, TARGETS, accuracies, unseen, via_text, write_text
from harness.data.sample import write_sample_corpus


def test_a_prompt_trained_on_three_topics_names_three_others_in_ten_languages(tmp_path: Path) -> None:
    """As ``python -m benchmarks.prompts --model tiny --text-steps``, with fewer steps."""
    corpus = tmp_path / "corpus"
    write_sample_corpus(corpus, size=0.4)
    write_text(corpus)
    before = via_text(1000, max_length=40)
    found = accuracies("tiny", tmp_path / "run", corpus, [*before, "--stages", str(tmp_path / "stages")])
    reached = unseen(found)
    assert len(found) == 10
    assert all(reached[name] > CHANCE + above for name, above in TARGETS.items()), reached
