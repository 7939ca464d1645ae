"""Hostile names, predictions and records: no markup, script, formula, command or escape sequence gets into a report."""

from __future__ import annotations

import copy
import csv
import html
import io
import json
import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.analysis.mistakes import mistakes
from harness.api import report
from harness.core.errors import DataError
from harness.core.safe_text import sanitise
from harness.registry.default import get_registry
from harness.report._svg import Sheet
from harness.report.csv import inert
from harness.report.formats import render
from harness.report.latex import escape as latex_escape
from harness.report.markdown import escape as markdown_escape
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
    "{{ 7 * 7 }}{% include 'report.css' %}",
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
    name = text.replace("/", "∕") if text.strip(".") else "empty"  # a unit's key has no part of dots
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


class Page(HTMLParser):
    """Tags and attributes as a browser's tokenizer sees them."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.comments: list[str] = []
        self.text: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attributes}
        self.links |= {value or "" for name, value in attributes if name in ("href", "src")}

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


TAGS = set(
    "html head meta title style body header nav main section aside p h1 h2 h3 a b i s em ul li dl dt dd div span details"
    " summary table caption thead tbody tr th td figure figcaption svg g path use defs clippath rect text fieldset legend"
    " label input".split()
)
ATTRIBUTES = set(
    "lang charset http-equiv content name class id href scope viewbox width height role aria-label d style transform"
    " clip-path x y type checked open dir".split()
)


def check_page(source: str) -> Page:
    page = Page(source)
    assert set(page.tags) <= TAGS
    assert page.attributes <= ATTRIBUTES
    assert all(link.startswith("#") for link in page.links)
    assert not page.comments
    assert page.tags["style"] == 1
    assert not CONTROL.search(source)
    return page


@pytest.mark.parametrize("text", PAYLOADS)
def test_names_are_text_on_the_page(text):
    page = check_page(rendered(text, "html"))
    assert sanitise(text) in "".join(page.text)


def test_every_name_makes_the_same_page():
    """What a name consists of changes no tag of the page (but how a long one is folded)."""
    counts = [check_page(rendered(text, "html")).tags for text in PAYLOADS[:-1] if "\x1b" not in text]
    assert all(count == counts[0] for count in counts)


def test_the_page_forbids_scripts_and_the_network():
    source = report([PLAIN], "html")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', source)
    assert policy and policy[1].startswith("default-src 'none'; style-src 'unsafe-inline';")
    assert not re.search(r"https?://(?!www\.w3\.org/)", source)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(hostile)
def test_drawn_text_is_text(text):
    sheet = Sheet(100, 20)
    sheet.text(1, 1, text)
    svg = sheet.svg(text)
    page = Page(svg)
    assert set(page.tags) <= {"svg", "g", "path", "text", "defs", "clippath", "rect"}
    assert page.tags["text"] == (1 if sanitise(text).strip() else page.tags["text"])
    assert page.attributes <= ATTRIBUTES
    assert not page.comments
    assert sanitise(text).split() == "".join(page.text).split()


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
    kept = re.compile(r"%|\\(begin|end)\{tabular\}|\\(top|mid|bottom)rule|.* \\\\$|$")
    assert all(kept.match(line) for line in rendered(text, "latex").split("\n"))


@given(hostile)
def test_latex_prints_the_text(text):
    escaped = latex_escape(sanitise(text))
    commands = set(re.findall(r"\\(?:[A-Za-z]+|.)", escaped))
    assert commands <= set(
        r"\textbackslash \{ \} \$ \& \# \% \_ \textasciicircum \textasciitilde \textless \textgreater \textbar"
        r" \textquotedbl \textquotesingle \textasciigrave \allowbreak \pm \dagger \S \ldots \texttt".split()
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
    answers = PAYLOADS[:12]
    predictions.write_text(json.dumps({f"ar-{i}": text for i, text in enumerate(answers)}))
    gold = json.loads(labels.read_text(encoding="utf-8"))
    for paragraph, text in zip(gold["data"][0]["paragraphs"], answers, strict=True):
        paragraph["context"] = paragraph["qas"][0]["question"] = text
    labels.write_text(json.dumps(gold))
    record = copy.deepcopy(RECORD)
    for side, path in (("predictions", predictions), ("labels", labels)):
        record["units"]["xquad/ar/test"][side]["sha256"] = file_sha256(path)
    (folder / "record.json").write_text(json.dumps(record))
    (system,) = load_runs([folder])
    shown = [
        example
        for unit in mistakes(system, get_registry(), examples=12)
        if unit.code == "ar"
        for example in unit.examples
    ]
    assert len(shown) == 12
    page = check_page(report([folder], "html"))
    assert "alert(1)" in "".join(page.text)


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
    assert ("xnli", "sw") not in {(unit.task, unit.code) for unit in mistakes(system, get_registry())}
    assert ("xnli", "zh") in {(unit.task, unit.code) for unit in mistakes(system, get_registry())}


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


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_a_browser_shows_the_page_without_complaint(tmp_path):
    path = tmp_path / "report.html"
    path.write_text(rendered(PAYLOADS[1], "html"), encoding="utf-8")
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        f"--user-data-dir={tmp_path / 'u'}",
    ]
    done = subprocess.run(["chromium", *flags, "--dump-dom", path.as_uri()], capture_output=True, text=True)
    assert done.stdout.count("<svg") > 5 and "onerror=alert" not in re.sub(r"&lt;.*?&gt;", "", done.stdout)
    assert "CONSOLE" not in done.stderr
