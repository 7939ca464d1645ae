"""A model prepared before its first stage: what the record, the card, the report and the terminal say, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_models import save_english_bert

from harness.data.sample import sample_text
from harness.leaderboard._setting import setting
from harness.models.load import load_tokenizer
from harness.models.preparation import new_tokens_of, preparation_words
from harness.models.transliterate import transliterates, transliteration

Cli = Callable[..., tuple[int, str, str]]
FAST = ["--offline", "--train-limit", "300", "--set", "max_steps=2", "--set", "batch=4"]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small English BERT with nine unused entries."""
    return save_english_bert(tmp_path_factory.mktemp("start") / "english")


def told(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "stage.json").read_text(encoding="utf-8"))
    return found


def test_a_prepared_model_is_trained_described_and_scored(bert: Path, corpus: Path, cli: Cli, tmp_path: Path) -> None:
    how = ["transliterate=cyrl-latn", "extend_vocabulary=6", "extend_vocabulary_how=unused", "second_lr=1e-4"]
    words = ["--task", "mlm[ru]", "--data-dir", corpus, *FAST, *(word for each in how for word in ("--set", each))]
    code, out, err = cli("train", "--model", bert, *words, "--set", "max_length=32", "--out", tmp_path / "adapted")
    assert code == 0, err
    said = told(tmp_path / "adapted")["preparation"]
    assert (said["transliterate"], said["new_tokens"], said["how"]) == (["cyrl-latn"], 6, "unused")
    assert said["text"] == told(tmp_path / "adapted")["tasks"][0]["data"]["train"]["fingerprint"]
    ru = said["languages"]["ru"]
    assert ru["texts"] <= 300 and ru["before"]["unknown"] > 0.5 and ru["after"]["unknown"] < 0.25
    assert ru["after"]["tokens_per_word"] > ru["before"]["tokens_per_word"]  # a word that was unknown was one token
    line = f"prepared: {preparation_words(said)}"
    assert line in out and "all languages of the script" in line and len(out.splitlines()) == 3
    assert line.capitalize()[1:] in (tmp_path / "adapted/README.md").read_text(encoding="utf-8")
    # Every later use reads the same way, and the run is in a setting of its own.
    tokenizer = load_tokenizer(tmp_path / "adapted")
    assert transliterates(tokenizer, [transliteration("cyrl-latn")])
    assert tokenizer.tokenize("дом") == tokenizer.tokenize("dom")
    scored = ["--task", "udpos[ru]", "--data-dir", corpus, "--limit", "6", *FAST, "--out", tmp_path / "run"]
    code, out, err = cli("eval", "--model", tmp_path / "adapted", *scored, "--set", "max_length=64")
    assert code == 0, err
    record = json.loads((tmp_path / "run/record.json").read_text(encoding="utf-8"))
    assert "+text:ru" in setting(record, record["resources"])
    code, out, err = cli("report", tmp_path / "run")
    assert code == 0, err


def test_a_transliterated_fine_tuning_says_so_in_record_and_report(
    bert: Path, corpus: Path, cli: Cli, tmp_path: Path
) -> None:
    words = ["--data-dir", corpus, "--limit", "6", *FAST, "--set", "max_length=64", "--offline"]
    tables = ["--set", "transliterate=cyrl-latn,deva-latn"]
    run = tmp_path / "run"
    code, _, err = cli("eval", "--model", bert, "--task", "udpos[ru,hi]", *words, *tables, "--out", run)
    assert code == 0, err
    record = json.loads((run / "record.json").read_text(encoding="utf-8"))
    [stage] = record["stages"]
    assert stage["preparation"]["transliterate"] == ["cyrl-latn", "deva-latn"]
    assert list(stage["preparation"]["languages"]) == ["en"]
    english = stage["preparation"]["languages"]["en"]
    assert english["before"] == english["after"]
    assert stage["options"]["transliterate"] == "cyrl-latn,deva-latn"
    assert setting(record, record["resources"]) == "zero_shot_en"  # a table of letters is no data of a language
    code, out, err = cli("report", run, "--format", "md")
    assert code == 0 and "cyrl-latn, deva-latn: all languages of the script" in out
    # A task that trains nothing would be scored with the tokenizer as it is.
    code, _, err = cli("eval", "--model", bert, "--task", "tatoeba[ru]", *words, *tables, "--out", tmp_path / "no")
    assert code == 2 and "'tatoeba' is scored with the model as it is" in err


def test_later_stages_take_the_tokenizer_of_the_first(bert: Path, corpus: Path, cli: Cli, tmp_path: Path) -> None:
    words = ["train", "--model", bert, "--via", "mlm[ru]", "--task", "mnli", "--data-dir", corpus, *FAST]
    words += ["--set", "max_length=32"]
    code, _, err = cli(*words, "--set", "transliterate=cyrl-latn", "--out", tmp_path / "both")
    assert code == 0, err
    assert load_tokenizer(tmp_path / "both").tokenize("дом") == load_tokenizer(bert).tokenize("dom")
    code, _, err = cli(*words, "--set", "mnli.transliterate=cyrl-latn", "--out", tmp_path / "late")
    assert code == 2 and "the stage before this one reads the text as it is" in err
    code, _, err = cli(*words, "--set", "second_lr=1e-4", "--out", tmp_path / "rate")
    assert code == 2 and "no new tokens" in err and "mlm.second_lr" in err
    again = ["train", "--model", tmp_path / "both", "--task", "mnli", "--data-dir", corpus, *FAST]
    code, _, err = cli(
        *again, "--set", "transliterate=cyrl-latn", "--set", "max_length=32", "--out", tmp_path / "again"
    )
    assert code == 0 and "preparation" not in told(tmp_path / "again")  # it reads that way already


def test_the_words_say_what_was_done_before_and_after() -> None:
    numbers = {
        "before": {"tokens_per_word": 2.814, "unknown": 0.041},
        "after": {"tokens_per_word": 1.6, "unknown": 0.0},
    }
    thai = {"before": {"tokens_per_word": None, "unknown": 0.5}, "after": {"tokens_per_word": None, "unknown": 0.25}}
    said = {"new_tokens": 1200, "how": "merges", "languages": {"bg": numbers, "th": thai}}
    assert preparation_words(said) == (
        "1,200 new tokens (merges); tokens a word: bg 2.81 to 1.60; unknown: bg 4.1% to 0.0%, th 50.0% to 25.0%"
    )
    assert preparation_words({}) == "" and new_tokens_of(Path("no-such-folder")) == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["transliterate=cyrl-latin"], "no table called 'cyrl-latin'"),
        (["extend_vocabulary=10", "extend_vocabulary_how=unused"], "9 unused entries"),
        (["extend_vocabulary_how=mean"], "'merges' or 'unused' expected"),
    ],
)
def test_a_preparation_that_cannot_be_is_refused_before_training(
    bert: Path, corpus: Path, cli: Cli, tmp_path: Path, more: list[str], said: str
) -> None:
    words = ["train", "--model", bert, "--task", "mlm[ru]", "--data-dir", corpus, *FAST, "--out", tmp_path / "no"]
    code, _, err = cli(*words, *(word for each in more for word in ("--set", each)))
    assert code == 2 and said in err and not (tmp_path / "no").exists()


def test_held_out_loss_falls_by_a_tenth_on_swahili(small_model: Path, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "text").mkdir()
    (tmp_path / "text/sw.txt").write_text("\n".join(sample_text("sw")[:1500]), encoding="utf-8")
    words = ["train", "--model", small_model, "--task", "mlm[sw]", "--data-dir", tmp_path, "--offline", "--json"]
    options = [
        "max_steps=200",
        "batch=16",
        "lr=4e-3",
        "warmup_steps=40",
        "evaluate_every=20",
        "max_length=32",
        "seed=3",
    ]
    words += ["--recipe", "lapt", *(word for each in options for word in ("--set", each))]
    code, out, err = cli(*words, "--out", tmp_path / "sw")
    assert code == 0, err
    summary = json.loads(out)
    dev = summary["dev"]
    assert dev[-1]["step"] == 200 and dev[-1]["loss"] < 0.9 * dev[0]["loss"]
    # The recipe keeps the checkpoint with the lowest held-out loss, whatever its share of right guesses.
    lowest = min(dev, key=lambda entry: entry["loss"])
    assert (summary["selected_step"], summary["dev_loss"]) == (lowest["step"], lowest["loss"])
    assert summary["dev_score"] == lowest["score"]
    assert summary["tasks"][0]["options"]["masked_per_row"] == 20
