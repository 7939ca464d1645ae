"""Model cards: scores are in the metadata and in the table, further ones are added, everything else stays."""

from __future__ import annotations

import pytest
from huggingface_hub import ModelCard
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import DataError
from harness.data.hub_datasets import HubDataset, hub_datasets
from harness.runs.model_card import CardScore, add_scores, write_card
from harness.types.sources import FileData, HubData, Split, Where

XNLI = HubDataset("facebook/xnli", "sw", "test", "a" * 40)


def score(value: float = 71.5, n: int | None = 5010, **changes: object) -> CardScore:
    known = {"task": "xnli", "hub_task": "text-classification", "dataset": XNLI, "split": "test", "metric": "accuracy"}
    return CardScore(**{**known, "language": "sw", "value": value, "low": 70.0, "high": 73.0, "n": n, **changes})


def card(*scores: CardScore) -> str:
    return write_card("mine", {"base_model": "org/model", "language": ["en"], "license": ""}, {"Data": "none"}, scores)


def entries(text: str) -> list[CardScore | None]:
    return [CardScore.of(entry) for entry in ModelCard(text).data.eval_results]


def test_a_card_holds_its_metadata_and_no_empty_ones() -> None:
    data = ModelCard(card()).data.to_dict()
    assert data == {"base_model": "org/model", "language": ["en"]}
    assert ModelCard(card(score())).data.to_dict()["model-index"][0]["name"] == "mine"


numbers = st.floats(0, 100).map(lambda value: round(value, 4))
scores = st.builds(
    CardScore,
    task=st.sampled_from(["xnli", "mine"]),
    hub_task=st.just("text-classification"),
    dataset=st.sampled_from([XNLI, HubDataset("google/xtreme", "XNLI", "test"), None]),
    split=st.sampled_from(["test", "dev"]),
    metric=st.sampled_from(["accuracy", "f1"]),
    language=st.sampled_from(["sw", "en", "xx", ""]),
    value=numbers,
    low=st.none() | numbers,
    high=st.none() | numbers,
    n=st.none() | st.integers(1, 9999),
    languages=st.none() | st.integers(1, 40),
)


@given(st.lists(scores, min_size=1, max_size=6, unique_by=lambda found: found.key))
def test_scores_are_read_back_as_they_were_written(written: list[CardScore]) -> None:
    def comparable(found: CardScore) -> tuple[object, ...]:
        return found.key, found.value, found.low, found.high, found.n, found.languages

    found = entries(card(*written))
    assert sorted(map(repr, map(comparable, found))) == sorted(map(repr, map(comparable, written)))


def test_a_score_of_fewer_items_gives_way_and_others_stay() -> None:
    first = card(score(), score(60.0, language="ur"))
    (swahili, urdu) = entries(add_scores(first, [score(10.0, n=5), score(65.0, language="ur")]))
    assert swahili is not None and urdu is not None
    assert (swahili.value, swahili.n, urdu.value) == (71.5, 5010, 65.0)


def test_what_somebody_wrote_into_a_card_stays() -> None:
    mine = card(score()).replace("## Data", "## How to use it\n\nwith care\n\n## Data") + "\n## Thanks\n\nto you\n"
    foreign = "model-index:\n- name: mine\n  results:\n"
    theirs = "  - task: {type: t}\n    dataset: {type: d, name: D}\n    metrics: [{type: wer, value: 3}]\n"
    text = add_scores(mine.replace(foreign, foreign + theirs), [score(72.0)])
    assert "with care" in text and text.index("## Scores") < text.index("## Thanks\n\nto you")
    assert text.count("## Scores") == 1 and "| 72.00 [70.00, 73.00] |" in text and "71.50" not in text
    found = ModelCard(text).data.eval_results
    assert [(entry.metric_type, entry.metric_value) for entry in found] == [("wer", 3), ("accuracy", 72.0)]


def test_a_card_that_is_none_is_refused() -> None:
    with pytest.raises(DataError, match="the model card is not one"):
        add_scores("---\n- no\n- mapping\n---\n", [score()])


def test_items_that_are_fewer_than_the_official_ones_are_counted() -> None:
    assert "| 8 of 5,010 |" in card(score(n=8, official=5010)) and "| 5,010 |" in card(score(official=5010))


def test_a_path_of_this_machine_is_in_no_card() -> None:
    text = write_card("/srv/models/model", {"base_model": "/srv/models/model"}, {"Data": "from /srv/models/x.parquet"})
    assert "/srv" not in text and "# model" in text


def test_the_data_set_behind_a_recorded_source_is_found() -> None:
    commit = "0123456789abcdef" * 2 + "01234567"
    mixed = HubData("google/xtreme", "XNLI", "test", where=Where("language", equals="sw"))
    split = Split(HubData("facebook/xnli", "sw", "test", revision=commit), mixed, FileData(("a.tsv",), list, "there"))
    assert hub_datasets(f"facebook/xnli/sw/test@{commit}", split) == [HubDataset("facebook/xnli", "sw", "test", commit)]
    assert hub_datasets("google/xtreme/XNLI/test@0123456789ab[language=sw]", split) == [
        HubDataset("google/xtreme", "XNLI", "test")
    ]
    assert hub_datasets("a.tsv", split) == [] and hub_datasets("something else", split) == []
    both = hub_datasets(f"google/xtreme/XNLI/test[language=sw] + facebook/xnli/sw/test@{commit}", split)
    assert [found.repo for found in both] == ["google/xtreme", "facebook/xnli"]
