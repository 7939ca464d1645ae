"""Perturbed variants: what may change and what must not, for every text; and runs that score them."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.api import compare, evaluate, report
from harness.cli.main import main
from harness.cli.run_report import summary
from harness.core.errors import UsageError
from harness.data.perturb import applies, make_variant, split_name, split_of
from harness.data.perturb._noise import NOISES, diacritics
from harness.data.sources import load_examples
from harness.registry.default import get_registry
from harness.report.formats import render
from harness.report.report import make_report
from harness.results.run_view import view
from harness.runs._schema import misfit
from harness.types.examples import Answer, Candidate, Choice, Pair, Query, Question, Sentence, Tagged, Translation
from harness.types.options import EvalOptions
from harness.types.units import PERTURBATIONS

texts = st.text(max_size=60)
words = st.lists(st.text(st.characters(exclude_categories=["Zs", "Zl", "Zp", "Cc", "Cs"]), min_size=1), min_size=1)
noises = st.sampled_from(sorted(NOISES))


def without(text: str) -> str:
    """What no noise may touch: everything that is neither letter nor mark."""
    return "".join(c for c in text if unicodedata.category(c)[0] not in "LM")


@given(noises, texts, st.integers())
@example("swap", "ab", 0)
@example("drop", "a b c", 0)
def test_spaces_digits_and_punctuation_stay(kind: str, text: str, seed: int) -> None:
    if kind == "diacritics":  # composing may rewrite a sign of its own; letters only here
        text = unicodedata.normalize("NFC", text)
        text = "".join(c for c in text if unicodedata.normalize("NFD", c) == c or unicodedata.category(c)[0] == "L")
        if unicodedata.normalize("NFC", unicodedata.normalize("NFD", text)) != text:
            return
    if kind == "case":
        text = "".join(c for c in text if without(c.upper()) == without(c))
    assert without(NOISES[kind](text, Random(seed))) == without(text)


@given(st.text("abcdefgh éа́дя की的 ", min_size=1, max_size=80), st.integers())
def test_how_many_letters_come_and_go(text: str, seed: int) -> None:
    letters = [c for c in text if unicodedata.category(c)[0] in "LM"]
    dropped, repeated, swapped = (NOISES[kind](text, Random(seed)) for kind in ("drop", "repeat", "swap"))
    assert len(dropped.split()) == len(text.split())
    assert len(dropped) <= len(text) <= len(repeated)
    assert sorted(swapped) == sorted(text)
    if letters and unicodedata.category(letters[0])[0] == "L" and text[0] in letters:
        assert repeated != text
    if all(len(word) == 1 for word in text.split()):
        assert dropped == text


def test_each_noise_of_characters_equals_a_variant_made_by_hand() -> None:
    assert NOISES["drop"]("ab", Random(0)) == "a"
    assert NOISES["drop"]("किक", Random(0)) == "कि"  # a vowel sign goes with its consonant, and the first letter stays
    assert NOISES["repeat"]("й 7", Random(0)) == "йй 7"
    assert NOISES["swap"]("aa ab", Random(0)) == "aa ba"
    assert NOISES["case"]("straße ли საქართველო 7", Random(0)) == "STRASSE ЛИ საქართველო 7"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Đường phố Việt Nam", "Đuong pho Viet Nam"),
        ("für Zoë", "fur Zoe"),
        ("Τι είναι", "Τι ειναι"),
        ("ёж", "еж"),
        ("كَتَبَ", "كتب"),
        ("हिन्दी", "हिन्दी"),
        ("ภาษาไทยที่นี่", "ภาษาไทยที่นี่"),
        ("ガラス", "ガラス"),
        ("한국어", "한국어"),
    ],
)
def test_diacritics_that_people_leave_out_are_removed(text: str, plain: str) -> None:
    assert diacritics(unicodedata.normalize("NFC", text), Random(0)) == unicodedata.normalize("NFC", plain)


@given(noises, words, st.text())
def test_tagged_words_keep_their_number_and_their_tags(kind: str, sentence: list[str], name: str) -> None:
    clean = Tagged(name, tuple(sentence), ("X",) * len(sentence))
    (made,) = make_variant(kind, [clean]).examples
    assert isinstance(made, Tagged)
    assert len(made.words) == len(sentence)
    assert all(made.words)
    assert made.tags == clean.tags


EXAMPLES = [
    Question("q", "Where does Amina live?", "Amina lives in Moshi.", (Answer("Moshi", 15),)),
    Pair("p", "The cat sleeps.", "An animal sleeps.", "entailment"),
    Choice("c", "It rained. What was the effect?", ("The road got wet.", "The sun rose."), 0),
    Query("r", "Moshi: Amina lives in { Moshi }", ("Q1",)),
    Candidate("Q1", "a town in Tanzania"),
    Translation("t", "die Katze schläft", "the cat sleeps"),
    Sentence("s", "die Katze schläft", False),
    Sentence("e", "the cat sleeps", True),
]


@pytest.mark.parametrize("kind", sorted(NOISES))
def test_labels_and_answers_stay_right_in_every_variant(kind: str) -> None:
    made = make_variant(kind, EXAMPLES).examples
    question, pair, choice, query, candidate, translation, _, english = made
    assert isinstance(question, Question)
    assert question.context == EXAMPLES[0].context  # type: ignore[attr-defined]
    assert all(question.context[a.start : a.start + len(a.text)] == a.text for a in question.answers)
    assert pair.label == "entailment"  # type: ignore[attr-defined]
    assert (choice.options, choice.answer) == (EXAMPLES[2].options, 0)  # type: ignore[attr-defined]
    assert "{ " in query.text and query.relevant == ("Q1",)  # type: ignore[attr-defined]
    assert (candidate, english) == (EXAMPLES[4], EXAMPLES[7])
    assert translation.english == "the cat sleeps"  # type: ignore[attr-defined]
    assert [e.id for e in made] == [e.id for e in EXAMPLES]  # type: ignore[attr-defined]


@given(noises, st.permutations(range(len(EXAMPLES))), st.integers(1, len(EXAMPLES)))
@settings(max_examples=30)
def test_a_variant_of_an_example_hangs_on_its_id_alone(kind: str, order: list[int], count: int) -> None:
    whole = make_variant(kind, EXAMPLES).examples
    some = make_variant(kind, [EXAMPLES[i] for i in order[:count]]).examples
    assert list(some) == [whole[i] for i in order[:count]]


def test_mixed_languages_pair_by_id_and_say_with_whom() -> None:
    german = [
        Pair("2", "Es regnet.", "Die Sonne scheint.", "contradiction"),
        Pair("1", "Die Katze schläft.", "Ein Tier schläft.", "entailment"),
    ]
    english = [
        Pair("1", "The cat sleeps.", "An animal sleeps.", "entailment"),
        Pair("3", "Nobody came.", "They came.", None),
    ]
    asked: list[str] = []

    def parallel():  # type: ignore[no-untyped-def]
        for code, examples in (("th", [Pair("9", "x", "y", None)]), ("de", german), ("fr", [])):
            asked.append(code)
            yield code, examples, f"fingerprint of {code}"

    made = make_variant("mixed", english, parallel())
    assert made.examples == [Pair("1", "The cat sleeps.", "Ein Tier schläft.", "entailment"), english[1]]
    assert made.facts == {"perturbed": 1, "with": "de"}
    assert ("de", "fingerprint of de") in made.identity
    assert asked == ["th", "de", "fr"]  # until all have a counterpart, or no language is left
    asked.clear()
    make_variant("mixed", english[:1], parallel())
    assert asked == ["th", "de"]
    assert make_variant("mixed", english, [("th", [Pair("9", "x", "y", None)], "f")]).facts == {"perturbed": 0}


def test_mixed_languages_follow_each_other_where_the_first_lacks_an_example() -> None:
    """MLQA has a question in some of its languages."""
    english, german, thai = ([Question(name, f"{name} {code}?", "x", ()) for name in names] for code, names in
                             (("en", "abc"), ("de", "b"), ("th", "cb")))  # fmt: skip
    made = make_variant("mixed", english, [("de", german, "1"), ("th", thai, "2")])
    assert [question.question for question in made.examples] == ["a en?", "b de?", "c th?"]
    assert made.facts == {"perturbed": 2, "with": "de, th"}


def test_ids_that_are_row_numbers_are_trusted_where_labels_agree(shared_data: Path) -> None:
    """A copy that lost a row is not parallel: its row n is another example. Real translations differ in a few labels."""
    task = get_registry().task("pawsx")
    english, german = (
        load_examples(task, task.languages[code]["dev"], data_dir=shared_data, offline=True).examples
        for code in ("en", "de")
    )
    unlike = sum(left.label != right.label for left, right in zip(english, german, strict=True))
    made = make_variant("mixed", english, [("de", german, "")])
    assert 0 < unlike < 20 and made.facts == {"perturbed": 1000 - unlike, "with": "de"}
    for left, right, mixed in zip(english, german, made.examples, strict=True):
        second = right.b if left.label == right.label else left.b
        assert (mixed.a, mixed.b, mixed.label) == (left.a, second, left.label)
    lost = [replace(example, id=str(row)) for row, example in enumerate([*german[:100], *german[101:]])]
    assert make_variant("mixed", english, [("de", lost, "")]).facts == {"perturbed": 0}


def test_mixed_questions_keep_context_and_answer() -> None:
    swahili = Question("q", "Amina anaishi wapi?", "Amina anaishi Moshi.", (Answer("Moshi", 14),))
    (made,) = make_variant("mixed", [swahili], [("en", EXAMPLES, "f")]).examples
    assert made == Question("q", "Where does Amina live?", swahili.context, swahili.answers)


def test_perturbations_apply_to_their_kinds_of_example_and_unknown_ones_are_refused() -> None:
    assert split_of(split_name("test", "drop")) == ("test", "drop")
    assert split_of("test") == ("test", "")
    assert [kind for kind in PERTURBATIONS if applies(kind, (Tagged,))] == [
        kind for kind in PERTURBATIONS if kind != "mixed"
    ]
    assert not applies("drop", (Candidate,))
    with pytest.raises(UsageError, match="no such perturbation"):
        EvalOptions(perturb=("typos",))
    with pytest.raises(UsageError, match="given twice"):
        EvalOptions(perturb=("drop", "drop"))


@pytest.fixture(scope="module")
def run(corpus: Path, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "tatoeba"
    options = EvalOptions(data_dir=str(corpus), offline=True, perturb=("drop", "case"), limit=80)
    evaluate(str(small_model), ["tatoeba[de,zh,ru]"], out=out, options=options)
    return out


def test_variants_are_units_of_their_own_with_their_loss(run: Path) -> None:
    record = json.loads((run / "record.json").read_text())
    keys = [f"tatoeba/{code}/test{kind}" for kind in ("", "~drop", "~case") for code in ("de", "zh", "ru")]
    assert sorted(record["units"]) == sorted(keys)
    assert len({entry["key"] for entry in record["units"].values()}) == len(keys)
    assert (run / "predictions" / "tatoeba" / "test~drop-de.tsv").is_file()
    loss = record["robustness"]["drop"]["tatoeba"]
    for code, entry in loss["languages"].items():
        clean, bad = (
            record["units"][f"tatoeba/{code}/{split}"]["score"]["metrics"]["accuracy"]["value"]
            for split in ("test", "test~drop")
        )
        assert entry["clean"] == clean and entry["perturbed"] == bad
        assert entry["loss"] == pytest.approx(clean - bad)
        assert entry["low"] <= entry["loss"] <= entry["high"]
        assert 0 < entry["changed"] <= entry["n"] == record["units"][f"tatoeba/{code}/test"]["examples"]
    assert loss["loss"] == pytest.approx(sum(e["loss"] for e in loss["languages"].values()) / 3)
    assert loss["languages"]["de"]["perturbed"] < loss["languages"]["de"]["clean"]
    # no capitals in Chinese: nothing changes, nothing is lost, and it is not part of the mean
    case = record["robustness"]["case"]["tatoeba"]
    assert case["languages"]["zh"]["changed"] == 0 and case["languages"]["zh"]["loss"] == 0
    assert case["loss"] == pytest.approx(sum(case["languages"][code]["loss"] for code in ("de", "ru")) / 2)


def test_scores_are_those_of_the_clean_sets(
    run: Path, corpus: Path, small_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clean = run.parent / "clean"
    options = EvalOptions(data_dir=str(corpus), offline=True, limit=80)
    alone = evaluate(str(small_model), ["tatoeba[de,zh,ru]"], out=clean, options=options)
    record = json.loads((run / "record.json").read_text())
    assert record["scores"] == alone.record["scores"]
    for key, entry in alone.record["units"].items():
        assert record["units"][key]["key"] == entry["key"]  # what is not perturbed keeps its key
    assert compare([run, clean]).systems
    assert main(["report", str(run)]) == 0
    assert main(["score", str(run)]) == 0
    assert "~" not in capsys.readouterr().out


def test_reports_show_what_perturbed_tasks_lose(run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    record = json.loads((run / "record.json").read_text())
    german = record["robustness"]["drop"]["tatoeba"]["languages"]["de"]
    made = {table["name"]: table for table in json.loads(report([run], "json"))["tables"]}
    kinds = {row[0]: dict(zip(made["perturbed"]["columns"], row, strict=True)) for row in made["perturbed"]["rows"]}
    assert kinds["drop"]["task"] == "tatoeba"
    assert kinds["drop"]["loss"] == pytest.approx(record["robustness"]["drop"]["tatoeba"]["loss"])
    assert kinds["drop"]["clean"] - kinds["drop"]["perturbed"] == pytest.approx(kinds["drop"]["loss"])
    by_language = made["losses-by-language"]
    rows = {row[0]: dict(zip(by_language["columns"], row, strict=True)) for row in by_language["rows"]}
    assert rows["de"]["drop tatoeba"] == {
        "value": german["loss"],
        "half": pytest.approx((german["high"] - german["low"]) / 2),
    }
    assert rows["zh"]["case tatoeba"] is None  # no capitals, nothing to lose
    page = report([run], "html")
    assert 'id="perturbed"' in page and f"{german['loss']:+.1f}".replace("-", "−") in page
    clean = view({**record, "robustness": {}}, "clean")
    assert 'id="perturbed"' not in render(make_report([clean], get_registry()), "html")
    for format in ("text", "md", "latex"):
        assert "Perturbed test sets" in report([run, run], format)
    record["robustness"]["drop"]["tatoeba"]["languages"]["de"]["loss"] = "<script>"
    assert "loss" in misfit(record)


def test_a_second_call_does_nothing_again_and_a_new_kind_is_added(
    run: Path, corpus: Path, small_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.glob("predictions/*/*")}
    command = ["eval", "--model", str(small_model), "--task", "tatoeba[de,zh,ru]", "--limit", "80", "--offline"]
    command += ["--data-dir", str(corpus), "--out", str(run), "--perturb", "drop,case,swap"]
    assert main(command) == 0
    shown = capsys.readouterr()
    assert shown.err.count("(kept)") == 9
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert "loss against the clean test sets" in shown.out
    assert main(["-q", *command, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["robustness"] == json.loads((run / "record.json").read_text())["robustness"]
    assert set(printed["robustness"]) == {"drop", "case", "swap"}
    assert {line.split()[0] for line in shown.out.splitlines() if " tatoeba " in line and "%" in line} == {
        "drop",
        "case",
        "swap",
    }
    assert json.loads((run / "record.json").read_text())["options"]["perturb"] == ["drop", "case", "swap"]


def test_mixed_languages_are_made_of_parallel_tasks_and_refused_for_others(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = EvalOptions(data_dir=str(corpus), offline=True, perturb=("mixed",), limit=20)
    run = evaluate("baseline:random", ["xnli[de,zh]", "xquad[ru]", "udpos[de]"], out=tmp_path / "run", options=options)
    assert not run.failed
    mixed = run.record["robustness"]["mixed"]
    assert set(mixed) == {"xnli", "xquad"}
    for task, code in (("xnli", "de"), ("xnli", "zh"), ("xquad", "ru")):
        entry = mixed[task]["languages"][code]
        assert entry["changed"] == entry["n"] > 10 and entry["with"] != code
    with_errors = ["eval", "--model", "baseline:random", "--data-dir", str(corpus), "--out", str(tmp_path / "no")]
    assert main([*with_errors, "--task", "udpos[de]", "--perturb", "mixed"]) == 2
    assert "no variant of udpos" in capsys.readouterr().err


@pytest.mark.parametrize("split", ["dev", "test"])
def test_perturbed_pools_are_mined_with_the_threshold_of_the_plain_dev_set(
    split: str, corpus: Path, small_model: Path, tmp_path: Path
) -> None:
    options = EvalOptions(data_dir=str(corpus), offline=True, perturb=("drop",), split=split)
    run = evaluate(str(small_model), ["bucc2018[de,fr]"], out=tmp_path / "run", options=options)
    assert not run.failed
    for code in ("de", "fr"):
        plain, perturbed = (run.record["units"][f"bucc2018/{code}/{name}"] for name in (split, f"{split}~drop"))
        assert plain["facts"]["threshold"] == perturbed["facts"]["threshold"]
        assert perturbed["facts"]["threshold_from"] == "dev"
        assert plain["predictions"]["sha256"] != perturbed["predictions"]["sha256"]


def test_failed_units_are_named_with_their_perturbation() -> None:
    keys = ["xnli/sw/test", "xnli/sw/test~drop", "xnli/en~sw/test", "bucc2018/zh/dev~case"]
    assert summary(keys) == "xnli[sw,sw~drop,en~sw]  bucc2018[zh~case]"


def test_the_plan_of_a_perturbed_evaluation_shows_its_variants(
    corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["eval", "--model", "tiny", "--task", "xnli[de]", "--data-dir", str(corpus), "--perturb", "drop"]
    assert main([*command, "--dry-run"]) == 0
    assert "test~drop" in capsys.readouterr().out
