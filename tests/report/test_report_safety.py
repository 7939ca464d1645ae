"""Hostile names, predictions and records: no markup, script, formula, command or escape sequence gets into a report."""

from __future__ import annotations

import base64
import copy
import csv
import hashlib
import html
import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from html_pages import Page, unpacked
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.analysis.answers import answers
from harness.api import report
from harness.core.errors import DataError
from harness.core.safe_text import sanitise
from harness.registry.default import get_registry
from harness.report.csv import inert
from harness.report.formats import render
from harness.report.latex import escape as latex_escape
from harness.report.markdown import escape as markdown_escape
from harness.report.pages.shell import embedded, packed
from harness.report.report import make_report
from harness.results.run_view import view
from harness.results.systems import load_runs

PLAIN = Path(__file__).parents[1] / "golden" / "report" / "runs" / "plain"
RECORD = json.loads((PLAIN / "record.json").read_text(encoding="utf-8"))

PAYLOADS = [
    "<script>alert(1)</script>",
    "</style></svg></table><img src=x onerror=alert(1)>",
    '"><a href="javascript:alert(1)">x</a>',
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }}{% include 'page.css' %}",
    "--><!--",
    "]]>&lt;b&gt;&#60;",
    '=HYPERLINK("http://example.org","x")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "＝1+1",
    "\x1b[2J\x1b]0;title\x07",
    "\x9b31m\u202e evil \u2066",
    "\\input{/etc/passwd}\\write18{id}",
    "$\\frac{1}{$ % ~ ^ _ & # }{",
    "x\\end{document}\r\n\\begin{y",
    "[click](javascript:alert(1)) ![i](x) `c` | *b* _i_",
    "# heading\n- item\n| a | b |",
    "日本語 עברית عربي 👩‍👩‍👧 \ud83d",
    "x" * 3000,
]
hostile = st.one_of(
    st.sampled_from(PAYLOADS),
    st.text(max_size=40),
    st.text(st.sampled_from("<>\"'&=+-@\t\r\n\x1b\\{}$%#_^~|`*[]()!;/ \x00\x9b\u202e"), max_size=40),
)
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def poisoned(text: str) -> dict:
    """The record with a text wherever one may stand."""
    record = copy.deepcopy(RECORD)
    name = text.replace("/", "∕").replace("~", "∼")  # which stand between the parts of a unit's key
    name = name if name.strip(".") else "empty"  # and none of them is dots
    units = record["units"]
    units[f"{name}/{name}/test"] = units.pop("xnli/sw/test")
    record["scores"]["tasks"][name] = {"metrics": {"accuracy": {"languages": {name: 1.0}}}}
    for entry in units.values():
        entry["data"] |= {"source": text, "fingerprint": text, "state": text, "notes": [text]}
        entry["score"]["warnings"] = [text]
    metrics = units["xnli/en/test"]["score"]["metrics"]
    metrics[text] = metrics["accuracy"]
    record["missing"][f"xnli/{name}/test"] = text
    record["failed"] = {f"{name}/{name}/test": text}
    record["partial"] = [text]
    record["model"] |= {"reference": text, "revision": text, "architecture": text}
    record["options"] |= {"via": [text], "overrides": {text: text}, "recipe": {"name": text, "version": text}}
    record["environment"] = {"python": text, "platform": text, "packages": {text: text}}
    record["command"] = [text, text]
    record["scores"]["groups"][text] = 50.0
    for stage in record["stages"]:
        stage["name"] = text
    return record


def rendered(text: str, format: str) -> str:
    return render(make_report([view(poisoned(text), sanitise(text)), view(RECORD, text)], get_registry()), format)


TAGS = set(
    "html head meta title meta style body header nav main section aside p h1 h2 h3 a b i s em ul li dl dt dd div span details"
    " summary table thead tbody tr th td figure figcaption noscript script".split()
)
ATTRIBUTES = set(
    "lang charset http-equiv content name class id href scope role aria-label type data-name data-tab data-tabs data-tip"
    " data-sort data-sort-method data-task data-script data-family data-class data-chart".split()
)


def check_page(source: str) -> Page:
    page = Page(source)
    assert set(page.tags) <= TAGS
    assert page.attributes <= ATTRIBUTES
    assert all(link.startswith("#") for link in page.links)
    assert not page.comments
    assert page.tags["style"] == 1
    assert not CONTROL.search(source.replace(page.scripts[""], ""))
    # a policy of hashes: no other script runs, whatever gets into the page
    library = [unpacked(page.scripts["plot-library"])] if page.scripts["plot-library"] else []
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (page.scripts[""], *library)
    ]
    allowed = " ".join(f"'sha256-{each}'" for each in hashes)
    assert page.policy.startswith(f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline';")
    return page


@pytest.mark.parametrize("text", PAYLOADS)
def test_names_are_text_on_the_page(text):
    page = check_page(rendered(text, "html"))
    assert sanitise(text) in "".join(page.text)


def test_every_name_makes_the_same_page():
    """What a name consists of changes no tag of the page (but how a long one is folded)."""
    counts = [check_page(rendered(text, "html")).tags for text in PAYLOADS[:-1] if "\x1b" not in text]
    assert all(count == counts[0] for count in counts)


def test_the_page_names_nothing_outside_of_it():
    source = report([PLAIN], "html")
    own = Page(source).scripts[""]
    assert not re.search(r"https?://", source.replace(own, ""))
    assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|eval|innerHTML|import)\s*\(", own)


@settings(deadline=None, max_examples=60)
@given(hostile)
def test_data_for_scripts_are_one_element_and_say_the_text(text):
    plain = {"text": text, text: [text]}
    source = f'<script type="application/json" id="x">{embedded(plain)}</script>'
    page = Page(source)
    shown = sanitise(text, 4000)
    assert page.tags == {"script": 1} and not page.text and not page.comments and not CONTROL.search(source)
    assert json.loads(page.scripts["x"])["text"] == shown
    assert json.loads(unpacked(packed([text]))) == [shown]


@settings(deadline=None, max_examples=60)
@given(hostile)
def test_csv_cells_are_no_formulas(text):
    rows = list(csv.reader(io.StringIO(rendered(text, "csv"))))
    assert len({len(row) for row in rows}) == 1
    for cell in (cell for row in rows for cell in row):
        if cell.lstrip()[:1] in tuple("=+-@＝＋－＠\t\r") and cell:
            float(cell)
        assert not CONTROL.search(cell)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_stay_numbers_in_csv(number):
    assert inert(str(number)) == str(number)


@settings(deadline=None, max_examples=60)
@given(hostile, st.sampled_from(["text", "md", "latex", "latex-document", "json", "csv"]))
def test_nothing_for_a_terminal_to_obey(text, format):
    assert not CONTROL.search(rendered(text, format))


@settings(deadline=None, max_examples=60)
@given(hostile)
def test_names_end_no_comment_of_latex_fragments(text):
    kept = re.compile(
        r"\\smallskip$|\{\\footnotesize .*\.\\par\}$|%|\\(begin|end)\{tabular\}|\\(top|mid|bottom)rule|.* \\\\$|$"
    )
    assert all(kept.match(line) for line in rendered(text, "latex").split("\n"))


@given(hostile)
def test_latex_prints_the_text(text):
    escaped = latex_escape(sanitise(text))
    commands = set(re.findall(r"\\(?:[A-Za-z]+|.)", escaped))
    assert commands <= set(
        r"\textbackslash \{ \} \$ \& \# \% \_ \textasciicircum \textasciitilde \textless \textgreater \textbar"
        r" \textquotedbl \textquotesingle \textasciigrave \allowbreak \pm \dagger \S \P \ldots \texttt".split()
    )
    bare = re.sub(r"\\(?:[A-Za-z]+|.)|\$-\$|\$\\?pm\$|\$\^\$|\$\$", "", escaped)
    bare = bare.replace("$^$", "").replace("$^{}$", "").replace("$$", "")
    assert not set(bare) & set("&#%_~^$\\")
    depth = 0
    for character in bare:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    assert all(character <= "~" or "À" <= character <= "ÿ" for character in escaped)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_a_latex_report_of_hostile_names_compiles(tmp_path):
    record = poisoned(" ".join(PAYLOADS[:-1]))
    record["partial"] = PAYLOADS
    record["scores"]["groups"] |= dict.fromkeys(PAYLOADS[:6], 1.0)
    (tmp_path / "report.tex").write_text(
        render(make_report([view(record, "x")], get_registry()), "latex-document"), encoding="utf-8"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "report.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stdout[-2000:]


@given(hostile)
def test_markdown_shows_the_text(text):
    parser = pytest.importorskip("markdown_it").MarkdownIt("gfm-like", {"html": True, "linkify": False})
    name = sanitise(text)
    table = f"| a | b |\n| :-- | --: |\n| {markdown_escape(name)} | 1 |\n"
    tokens = parser.parse(table)
    assert [token.type for token in tokens].count("td_open") == 2
    cell = tokens[[token.type for token in tokens].index("td_open") + 1]
    assert {child.type for child in cell.children} <= {"text", "text_special"}
    shown = "".join(child.content for child in cell.children)
    assert (
        shown.split() == html.unescape(markdown_escape(name)).replace("\\", "").split() or shown.split() == name.split()
    )
    item = parser.parse(f"- {markdown_escape(name)}\n")
    assert {token.type for token in item} <= {
        "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close", "paragraph_open",
        "paragraph_close", "inline",
    }  # fmt: skip


def test_predictions_and_contexts_are_text_on_the_page(tmp_path):
    from harness.core.hashing import file_sha256

    folder = tmp_path / "run"
    shutil.copytree(PLAIN, folder)
    predictions = folder / "predictions/xquad/test-ar.json"
    labels = folder / "labels/xquad/test-ar.json"
    texts = PAYLOADS[:12]
    predictions.write_text(json.dumps({f"ar-{i}": text for i, text in enumerate(texts)}))
    gold = json.loads(labels.read_text(encoding="utf-8"))
    for paragraph, text in zip(gold["data"][0]["paragraphs"], texts, strict=True):
        paragraph["context"] = paragraph["qas"][0]["question"] = text
    labels.write_text(json.dumps(gold))
    record = copy.deepcopy(RECORD)
    for side, path in (("predictions", predictions), ("labels", labels)):
        record["units"]["xquad/ar/test"][side]["sha256"] = file_sha256(path)
    (folder / "record.json").write_text(json.dumps(record))
    (system,) = load_runs([folder])
    (found,) = answers([system], get_registry(), tasks=["xquad"])
    assert len([item for item in found.items if item.code == "ar"]) == 12
    page = check_page(report([folder], "html"))
    assert "alert(1)" in str(page.examples()["xquad"]) and "alert(1)" not in "".join(page.text)


@pytest.mark.parametrize("name", ["../outside.tsv", "/etc/hostname", "predictions/xnli/link.tsv", "predictions/xnli"])
def test_files_outside_the_run_are_never_read(tmp_path, name):
    from harness.core.hashing import file_sha256

    folder = tmp_path / "run"
    shutil.copytree(PLAIN, folder)
    outside = tmp_path / "outside.tsv"
    outside.write_text("neutral\n" * 60)
    (folder / "predictions/xnli/link.tsv").symlink_to(outside)
    record = copy.deepcopy(RECORD)
    record["units"]["xnli/sw/test"]["predictions"] = {"file": name, "sha256": file_sha256(outside)}
    (folder / "record.json").write_text(json.dumps(record))
    (system,) = load_runs([folder])
    (found,) = answers([system], get_registry(), tasks=["xnli"])
    assert {unit.code for unit in found.units} == {item.code for item in found.items} == {"en", "de", "zh"}


@st.composite
def damaged(draw) -> dict:
    """The record with a value somewhere replaced or removed."""
    record = copy.deepcopy(RECORD)
    for _ in range(draw(st.integers(1, 3))):
        holder = record
        while True:
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            inner = holder[key]
            if isinstance(inner, dict | list) and inner and draw(st.integers(0, 3)):
                holder = inner
                continue
            if draw(st.booleans()):
                del holder[key]
            else:
                values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
                holder[key] = draw(
                    values | st.lists(values, max_size=2) | st.dictionaries(st.text(max_size=5), values, max_size=2)
                )
            break
    return record


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(damaged(), st.sampled_from(["text", "csv", "json", "latex", "md"]))
def test_damaged_records_are_reported_or_refused(tmp_path, record, format):
    (tmp_path / "record.json").write_text(json.dumps(record))
    try:
        assert report([tmp_path], format)
    except DataError as error:
        assert "record.json" in str(error)


def test_a_report_that_cannot_be_drawn_costs_no_result(tmp_path, capsys, monkeypatch):
    from harness.cli.run_report import save_page

    assert save_page([PLAIN], tmp_path / "report.html", None) == tmp_path / "report.html"
    check_page((tmp_path / "report.html").read_text(encoding="utf-8"))

    def broken(*_: object) -> None:
        raise RuntimeError("no fonts")

    monkeypatch.setattr("harness.report.formats.write_page", broken)
    assert save_page([PLAIN], tmp_path / "other.html", None) is None
    assert "warning" in capsys.readouterr().err
    assert not (tmp_path / "other.html").exists()
