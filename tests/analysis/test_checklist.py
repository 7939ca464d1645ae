"""MultiCheckList: templates in the published format, cases that are right, the rule of passing, and the command."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest

from harness.analysis.checklist._cases import make_cases
from harness.analysis.checklist._normalise import normalise_answer
from harness.analysis.checklist._templates import first_party, read_templates
from harness.analysis.checklist.run import _made, find_templates, judge
from harness.cli.main import main
from harness.core.errors import DataError
from harness.data.sample import sample_languages, write_sample_corpus

FIRST_PARTY = first_party()

# The published layout in small: two pairs of columns for a language whose wording depends on the value.
PUBLISHED = """Field\ten\tde\txx\txx-placeholders\txx\txx-placeholders
Name\tA is COMP than B\t\t\t\t\t
Capability\tVocabulary
Context\t{first_name} is {adj[0]} than {first_name1}.\t{first_name} ist {adj[0]} als {first_name1}.\
\t{first_name} > {adj[0]} > {first_name1}
Question\tWho is less {adj[1]}?\tWer ist weniger {adj[1]}?\tless {adj[1]}?\ttall, cooler\tnot {adj[1]}?\told
Question\tWho is not {adj[0]}?
Answer\t{first_name1}\t{first_name1}\t{first_name1}
adj\ttaller, tall\tgrößer, groß\ttaler，tal
adj\tolder, old\tälter, alt\tolder old
adj\tcooler, cool\tcooler, cool\tkuler، kul

Name\tsize, color\t\t\t\t\t
Capability\tTaxonomy
Context\tThe {obj[1]} is {p.v1} and {p.v2}.\t\t{c:obj[1]}: {p.v1}, {p.v2}
Question\tWhat {p.p1} is the {obj[0]}?\t\thow {p.p1}?\tsize\twhat {p.p1}?\tcolor
Answer\t{p.v1}\t\t{p.v1}
Question\tWhat {p.p2} is the {obj[0]}?\t\thow {p.p2}?\tsize\twhat {p.p2}?\tcolor
Answer\t{p.v2}\t\t{p.v2}
property\tsize\t\tSIZE
property\tcolor\t\tCOLOR
obj\ta box, box\t\tein ding, ding
size\tbig\t\tgros\tbox
size\tsmall\t\tklen
color\tred\t\trot
"""


@pytest.fixture
def published(tmp_path: Path) -> Path:
    path = tmp_path / "multichecklist" / "checklist_templates.tsv"
    path.parent.mkdir()
    path.write_text(PUBLISHED, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("language", sample_languages())
def test_first_party_templates_make_200_cases_of_each_test(language: str) -> None:
    names = list(FIRST_PARTY["en"])
    assert len(names) == 6
    made = _made(FIRST_PARTY, language, names, 200)
    assert [template.name for template, _ in made] == names
    for template, cases in made:
        assert len(cases) == 200 == len({tuple((q.context, q.question) for q in case.questions) for case in cases})
        assert {len(case.questions) for case in cases} == {len(template.contexts) * len(template.questions)}
        for case in cases:
            for question in case.questions:
                (answer,) = question.answers
                assert question.context[answer.start :].startswith(answer.text)
                assert "{" not in question.context + question.question and "  " not in question.context
                assert normalise_answer(answer.text, language)
        ids = [question.id for case in cases for question in case.questions]
        assert len(set(ids)) == len(ids)


def test_cases_are_the_same_in_every_run_and_in_all_languages() -> None:
    for name in FIRST_PARTY["en"]:
        english = FIRST_PARTY["en"][name]
        if english.arguments:
            assert make_cases(english, english, "en", 50) == make_cases(english, english, "en", 50)
            assert make_cases(english, english, "en", 50)[:20] == make_cases(english, english, "en", 20)
    german, english = (_made(FIRST_PARTY, code, ["Animal and vehicle"], 30)[0][1] for code in ("de", "en"))
    translated = {"dog": "einen Hund", "cat": "eine Katze", "bird": "einen Vogel"}
    for left, right in zip(english, german, strict=True):
        answer = left.questions[0].answers[0].text
        assert right.questions[0].answers[0].text == translated.get(answer, right.questions[0].answers[0].text)


def test_templates_in_the_published_format_are_read_by_language(published: Path) -> None:
    templates, source = find_templates(published)
    assert source == "published"
    assert list(templates) == ["en", "de", "xx"]
    english = templates["en"]["A is COMP than B"]
    assert english.answers[0] == english.answers[1]  # one answer below two questions
    assert list(templates["de"]) == ["A is COMP than B"]  # the other test has no German
    cases = make_cases(templates["xx"]["A is COMP than B"], templates["en"]["A is COMP than B"], "xx", 100)
    asked = {(case.questions[0].context.split(" > ")[1], case.questions[0].question) for case in cases}
    assert asked == {("taler", "Less tal?"), ("older", "Not old?"), ("kuler", "Less kul?")}


def test_a_wording_is_for_the_property_that_it_asks_for(published: Path) -> None:
    templates, _ = find_templates(published)
    cases = make_cases(templates["xx"]["size, color"], templates["en"]["size, color"], "xx", 100)
    for case in cases:
        for question in case.questions:
            assert question.question in ("How SIZE?", "What COLOR?")
            right = {"How SIZE?": {"gros", "klen"}, "What COLOR?": {"rot"}}[question.question]
            assert question.answers[0].text in right
    assert all(case.questions[0].context.startswith("Ding: ") for case in cases)
    assert len(cases) == 4
    (first, *_) = make_cases(templates["en"]["size, color"], templates["en"]["size, color"], "en", 1)
    assert first.questions[0].context.startswith("The box is ") and " a box?" in first.questions[0].question


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "no column 'en'"),
        ("Field\tde\nName\tx\n", "no column 'en'"),
        ("Field\ten\n\n", "holds no test"),
        ("Field\ten\nContext\ta\nQuestion\tb\nAnswer\tc\n", ":2: a block without a name"),
        ("Field\ten\nName\tx\nContext\ta\nQuestion\tb\n", "1 questions but 0 answers"),
    ],
)
def test_a_file_that_holds_no_templates_is_refused_with_its_fault(tmp_path: Path, text: str, wrong: str) -> None:
    path = tmp_path / "t.tsv"
    path.write_text(text)
    with pytest.raises(DataError, match=wrong):
        read_templates(path)


@pytest.mark.parametrize(
    ("language", "left", "right", "equal"),
    [
        ("en", "the doctor.", "doctor", True),
        ("en", "a dog", "dog", True),
        ("en", "Doctor", "doctor", False),  # capitals count
        ("en", "in the car", "car", True),
        ("en", "theatre", "atre", False),
        ("en", "doctor!", "doctor", False),
        ("de", "einen Hund", "Hund", True),
        ("de", "einem Hund", "Hund", False),
        ("es", "un gato, ", "gato", True),
        ("fr", "une voiture", "voiture", True),
        ("hi", "एक कुत्ता৷", "कुत्ता", True),
        ("ar", "الطبيب", "طبيب", True),
        ("ru", "врач,", "врач", True),
        ("pl", "„lekarz”", "lekarz", True),
        ("zh", "狗", "狗", True),
        ("zh", "狗。", "狗", False),
        ("sw", "mbwa.", "mbwa", True),
    ],
)
def test_answers_are_compared_after_the_cleaning_of_their_language(
    language: str, left: str, right: str, equal: bool
) -> None:
    assert (normalise_answer(left, language) == normalise_answer(right, language)) is equal


def test_a_case_fails_if_any_of_its_answers_does() -> None:
    ((template, cases),) = _made(FIRST_PARTY, "en", ["Comparisons"], 10)
    right = [question.answers[0].text for case in cases for question in case.questions]
    assert judge(template.name, "en", cases, right, 3).error_rate == 0
    wrong = list(right)
    wrong[0] = wrong[1] = wrong[5] = "nobody"  # both answers of case 0, one of case 2
    result = judge(template.name, "en", cases, wrong, 1)
    assert (result.failed, result.cases, result.error_rate) == (2, 10, 20.0)
    (shown,) = result.failures
    assert (shown.predicted, shown.answer) == ("nobody", right[0])
    low, high = (result.to_dict()[key] for key in ("low", "high"))
    assert 0 < low < 20 < high < 100


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, small_model: Path) -> Path:
    folder = tmp_path_factory.mktemp("checklist")
    write_sample_corpus(folder / "data", size="tiny")
    words = ["eval", "--model", str(small_model), "--task", "xquad[en]", "--data-dir", str(folder / "data")]
    words += ["--train-limit", "12", "--set", "max_steps=2", "--set", "batch=4", "--limit", "4", "--offline"]
    assert main([*words, "--out", str(folder / "runs" / "mine")]) == 0
    return folder / "runs" / "mine"


def test_the_checklist_command_prints_the_failures_of_each_test_and_language(
    run: Path, published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["checklist", "--model", str(run), "--cases", "5", "--offline"]
    assert main([*command, "--language", "en,ko", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["templates"] == "first-party" and set(found["average"]) == {"en", "ko"}
    assert len(found["results"]) == 12
    for result in found["results"]:
        assert result["cases"] == 5 and 0 <= result["failed"] <= 5
        assert result["error_rate"] == 20 * result["failed"] and len(result["failures"]) == min(result["failed"], 3)
    assert main([*command, "--data-dir", str(published), "--test", "COMP", "--examples", "1"]) == 0
    shown = capsys.readouterr().out
    assert "published templates" in shown and "size, color" not in shown and "mean" in shown
    checkpoint = next((run.parent / "stages").glob("squad-*"))
    assert main(["checklist", "--model", str(checkpoint), "--language", "sw", "--cases", "2"]) == 0


COLUMNS = (
    "en af my et:2 fi:3 fr:3 he:2 it:2 jv es:2 sw th uk:4 qu:1 ur:2 eu ar bg:3 bn nl:2 zh de:3 ka hi:2 ht id ru:8 ja:2 "
    "ta:4 kk fa:3 ko pl:6 hu:2 pt:2 ms az el:3 gu ha lt:3 ml mr:3 pa:2 tl te tr:2 vi:4 wo yo:2"
)
"""The columns of the published file: its languages, and how many pairs of wording and condition each has."""


def fifty_languages() -> str:
    """A file with the published file's columns: our own texts, English where we have none, wordings with conditions."""
    ours = [
        line.split("\t")
        for line in (files("harness.analysis.checklist") / "templates.tsv").read_text("utf-8").split("\n")
    ]
    known = ours[0][1:]
    header, lines = ["Field"], []
    for column in COLUMNS.split():
        code, _, pairs = column.partition(":")
        header += [code, f"{code}-placeholders"] * int(pairs) if pairs else [code]
    for mark, *cells in ours[1:]:
        line = [mark]
        for column in COLUMNS.split() if cells else ():
            code, _, pairs = column.partition(":")
            place = known.index(code if code in known else "en")
            text = cells[place] if place < len(cells) else cells[0]
            if pairs and int(pairs) > 1 and mark == "Question" and "{adj[" in text:
                text_for = [text, "older, old, richer, rich", text.replace("?", "??"), "taller, tall, stronger, faster"]
                line += [*text_for, *[""] * (2 * int(pairs) - 4)]
            else:
                line += [text, *[""] * (2 * int(pairs) - 1)] if pairs else [text]
        lines.append("\t".join(line))
    return "\n".join(["\t".join(header), *lines])


def test_all_six_tests_have_a_rate_of_failures_in_each_of_fifty_languages(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole of it on a model: every test in every language of the published file has its rate of failures."""
    codes = [column.partition(":")[0] for column in COLUMNS.split()]
    path = tmp_path / "multichecklist" / "checklist_templates.tsv"
    path.parent.mkdir()
    path.write_text(fifty_languages(), encoding="utf-8")
    templates, source = find_templates(tmp_path)
    assert source == "published" and list(templates) == codes and len(codes) == 50
    made = {
        code: make_cases(templates[code]["Comparisons"], templates["en"]["Comparisons"], code, 60) for code in codes
    }
    asked = {code: {q.question.count("?") for case in cases for q in case.questions} for code, cases in made.items()}
    assert asked["ru"] == {1, 2} and asked["sw"] == {1}  # a wording is for the values that it names
    command = ["checklist", "--model", str(run), "--data-dir", str(tmp_path), "--cases", "2", "--offline"]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["language"], one["test"]) for one in found["results"]] == [
        (code, test) for code in codes for test in templates["en"]
    ]
    assert len(found["results"]) == 300 and list(found["average"]) == codes
    for one in found["results"]:
        assert 1 <= one["cases"] <= 2 and one["error_rate"] == 100 * one["failed"] / one["cases"]
    assert main([*command, "--test", "Comparisons"]) == 0
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["language", "Comparisons", "mean"] in shown
    assert [line[0] for line in shown if line and line[0] in codes] == codes


def test_unknown_languages_tests_and_missing_stages_are_refused_by_name(
    run: Path, small_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["checklist", "--model", str(run), "--language", "xx"]) == 2
    assert "the templates have no language 'xx'" in capsys.readouterr().err
    assert main(["checklist", "--model", str(run), "--test", "zoo"]) == 2
    assert "no test is called 'zoo'" in capsys.readouterr().err
    assert main(["checklist", "--model", str(run), "--stages", str(run / "labels"), "--cases", "1"]) == 5
    assert "its stage 'squad' is not in" in capsys.readouterr().err
    assert main(["checklist", "--model", str(small_model), "--language", "en", "--cases", "1"]) == 5
