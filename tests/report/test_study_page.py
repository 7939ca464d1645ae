"""The page of a study in a real browser: charts, curves and heat maps are drawn, tables sort, and it fits a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser import opened
from html_pages import Page as Source
from study_runs import registry_of, study, write_study

from harness.analysis.effects.findings import Chart, Findings
from harness.report.study.charts import axis, heat_grid, page_chart
from harness.report.study.content import PlanState, StudyReport
from harness.report.study.page import study_page
from harness.studies.analyse import analyse_folders
from harness.studies.collect import collect
from harness.studies.grid import StudyFolders

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIZES = (0, 1_000, 4_000, 16_000, 64_000)
CURVES = Chart(
    "lines",
    "curves",
    "Gain by size",
    "examples",
    "gain",
    tuple(
        {"x": size, "y": slope * index, "low": slope * index - 1, "high": slope * index + 1, "series": name}
        for name, slope in (("multilingual", 1.5), ("English only", 0.5))
        for index, size in enumerate(SIZES)
    ),
    "Bands are 95% intervals.",
)
CODES = ("de", "sw", "zh", "ar", "ru", "hi", "fr", "es (floor)")
MANY = Chart(
    "lines",
    "languages-by-size",
    "Gain of each language",
    "parameters without embeddings",
    "gain",
    tuple(
        {"x": size, "y": place + size / 1e9, "series": code}
        for place, code in enumerate(CODES)
        for size in (8.5e7, 3e8)
    ),
)
SCATTER = Chart(
    "scatter",
    "distance",
    "Gain by distance",
    "distance",
    "gain",
    ({"x": 0.1, "y": 1.0, "label": "de"}, {"x": 0.9, "y": -1, "label": "zh"}),
)
MAP = Chart(
    "heat map",
    "map",
    "Gain of each arm",
    "language",
    "arm",
    tuple(
        {"x": x, "y": y, "value": value} for x, y, value in (("de", "es", -3.0), ("sw", "es", 0.0), ("de", "ar", 2.5))
    ),
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> StudyReport:
    """The report of a partial study of two models, with every kind of chart."""
    made = study(models=("org/small", "org/large"))
    folder = write_study(made, tmp_path_factory.mktemp("study"), lambda arm, seed: (arm, seed) != ("mnli", 3))
    found = analyse_folders(made, StudyFolders.of(made, None, folder), registry_of(made)).report
    findings = found.findings
    charts = (*findings.charts, CURVES, MANY, SCATTER, MAP)
    both = Findings(findings.effects, charts, findings.tables, findings.conclusions, findings.warnings)
    plan = PlanState("c" * 64, "2026-01-01", ("the seeds are 1, 2, 3; 1, 2 in the plan",), ("gain of late",))
    return StudyReport(**{**vars(found), "findings": both, "plan": plan})


@pytest.fixture(scope="module")
def url(report: StudyReport, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(study_page(report), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with opened(browser, url) as shown:
        yield shown


def test_every_chart_is_drawn_and_its_marks_say_what_they_are(page: Page) -> None:
    holders = page.locator("[data-chart]:visible")
    assert holders.count() >= 6
    for index in range(holders.count()):
        holders.nth(index).scroll_into_view_if_needed()
        holders.nth(index).locator("svg").first.wait_for()
    mark = page.locator("#effects [data-tip]").first
    mark.focus()
    said = page.locator("#tip").inner_text()
    assert said.startswith("gain of mnli") and "95% interval" in said
    curve = page.locator("#more figure", has_text="Gain by size")
    assert curve.locator("svg path[fill^='var(--series']").count() == 2, "a band for each series"
    assert curve.locator("svg [data-tip]").count() == 2 * len(SIZES)
    ticks = curve.locator("svg [aria-label^='x-axis tick label'] text").all_text_contents()
    assert ticks == ["0", "1k", "4k", "16k", "64k"]


def test_more_lines_than_colours_are_named_at_their_ends(page: Page) -> None:
    figure = page.locator("#more figure", has_text="Gain of each language")
    figure.scroll_into_view_if_needed()
    figure.locator("svg").wait_for()
    assert figure.locator(".legend").count() == 0
    names = figure.locator("svg g[aria-label='text'] text").all_text_contents()
    assert names[:2] == ["Spanish (floor)", "French"] and len(names) == len(CODES)
    ticks = figure.locator("svg [aria-label^='x-axis tick label'] text").all_text_contents()
    assert ticks == ["85M", "300M"]
    assert (figure.locator("svg [data-tip]").first.get_attribute("data-tip") or "").startswith("German\n")


def test_dots_stand_where_the_effects_are(page: Page, report: StudyReport) -> None:
    chart = page.locator("#effects figure").first
    chart.scroll_into_view_if_needed()
    chart.locator("svg [data-tip]").first.wait_for()
    boxes = {}
    for text in chart.locator("svg [aria-label='x-axis tick label'] text").all():
        box = text.bounding_box()
        assert box
        boxes[float((text.text_content() or "").replace("−", "-"))] = box["x"] + box["width"] / 2
    first, last = min(boxes), max(boxes)
    dot = chart.locator("svg [data-tip]").first.bounding_box()
    assert dot
    place = first + (dot["x"] + dot["width"] / 2 - boxes[first]) * (last - first) / (boxes[last] - boxes[first])
    assert place == pytest.approx(report.findings.effects[0].estimate, abs=0.02 * (last - first))


def test_a_hollow_dot_is_a_mean_over_fewer_seeds(page: Page) -> None:
    chart = page.locator("#languages [data-tab]:visible [data-chart]").first
    chart.scroll_into_view_if_needed()
    chart.locator("svg").wait_for()
    dots = page.locator("#languages [data-tab]:visible svg [data-tip]")
    hollow = [dot for dot in dots.all() if dot.get_attribute("fill") == "var(--paper)"]
    assert len(hollow) == 5 and all("2 of 3 seeds" in (dot.get_attribute("data-tip") or "") for dot in hollow)


def test_models_have_a_tab_each_and_tables_sort(page: Page) -> None:
    page.get_by_role("tab", name="org/large").click()
    shown = page.locator("#languages [data-tab]:visible")
    assert shown.count() == 1
    shown.locator("svg").first.wait_for()
    table = page.locator("#tasks table").first
    table.locator("th", has_text="XNLI").click()
    cells = table.locator("tbody td:last-child").all_inner_texts()
    assert cells[-2:] == ["8 of 12", "8 of 12"], "what has no mean comes last"
    values = [float(cell.split(" ")[0]) for cell in cells[:-2]]
    assert values == sorted(values, reverse=True) and len(values) == 4


def test_it_is_read_from_the_question_to_the_commands(page: Page) -> None:
    order = [head.strip() for head in page.locator("h2").all_inner_texts()]
    assert order == [
        "Question",
        "Design",
        "Coverage",
        "Answer",
        "Effects",
        "Languages",
        "Tasks",
        "Curves and further results",
        "Power",
        "Deviations from the plan",
        "Exclusions and degenerate trainings",
        "Costs",
        "Reproduction",
    ]
    assert "c" * 64 in page.locator("#design").inner_text()
    deviations = page.locator("#deviations").inner_text()
    assert "1, 2 in the plan" in deviations and "gain of late exploratory" in deviations


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_is_wider_than_the_screen_and_cells_can_be_read(
    browser: Browser, url: str, scheme: str, width: int
) -> None:
    from test_page_in_browser import CONTRAST

    with opened(browser, url, width=width, color_scheme=scheme) as page:
        for holder in page.locator("[data-chart]:visible").all():
            holder.scroll_into_view_if_needed()
            holder.locator("svg").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        cells = page.evaluate(CONTRAST, "table.map td:not(.none), td.part, td.up-1, .caveats li, .answer li, .commands")
        assert len(cells) > 10 and all(readable >= 4.5 for _, readable, _ in cells), cells


def test_it_prints_with_every_chart(browser: Browser, url: str) -> None:
    with opened(browser, url) as page:
        page.emulate_media(media="print")
        assert page.locator("nav:visible, .tools:visible").count() == 0
        assert page.locator("#languages [data-tab]:visible").count() == 2
        assert page.pdf().startswith(b"%PDF")


def test_without_scripts_the_tables_are_there(browser: Browser, url: str) -> None:
    with opened(browser, url, java_script_enabled=False) as page:
        assert page.locator("#effects table:visible, #coverage table:visible, #tasks table:visible").count() >= 4
        assert page.locator("noscript").count()


def test_equal_reports_are_equal_pages(report: StudyReport) -> None:
    assert study_page(report) == study_page(report)


def test_a_study_that_is_large_leaves_the_longest_table_to_the_files(
    report: StudyReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.report.study.page.MOST_ROWS", 10)
    source = Source(study_page(report))
    assert "too long for a page: tables/by-language.csv" in " ".join(" ".join(source.text).split())


def test_axes_are_logarithmic_where_numbers_are_of_unlike_size() -> None:
    assert [axis(numbers) for numbers in ([1, 2, 3], [1e3, 1e6], SIZES, [-1.0, 100.0], [0.0])] == [
        "linear",
        "log",
        "symlog",
        "linear",
        "linear",
    ]


def test_a_heat_map_of_gains_has_two_colours_and_one_of_scores_has_one() -> None:
    grid = heat_grid(MAP)
    cells = {(row, column): cell for row, those in grid.rows for column, cell in zip(grid.columns, those, strict=True)}
    assert [(cell.text, cell.style) for cell in cells.values()] == [
        ("−3.0", "down-3"),
        ("0.0", "unsure"),
        ("+2.5", "up-3"),
        ("", "none"),
    ]
    scores = heat_grid(
        Chart("heat map", "m", "t", "x", "y", tuple({"x": x, "y": "a", "value": x} for x in (50, 60, 70)))
    )
    assert [cell.style for cell in scores.rows[0][1]] == ["h0", "h4", "h8"]


def test_margins_of_equivalence_are_for_points_alone() -> None:
    point = {"x": 1.0, "y": "a"}
    charts = [
        page_chart(Chart("forest", "f", "t", x, "", (point,)), (1.0,)) for x in ("points", "points per tenfold size")
    ]
    assert [chart["bands"] for chart in charts if chart] == [[1.0], []]


def test_points_without_a_finite_place_are_left_out() -> None:
    points = ({"x": float("nan"), "y": "a"}, {"x": 1.0, "y": "b", "low": float("inf"), "high": None}, {"y": "c"})
    chart = page_chart(Chart("dots", "d", "t", "x", "", points))
    assert chart is not None and [(point["row"], point["low"]) for point in chart["points"]] == [("b", None)]
    assert page_chart(Chart("lines", "d", "t", "x", "y", ({"x": 1.0, "y": float("nan")},))) is None


def test_a_study_of_which_nothing_has_run_is_a_design(tmp_path: Path, report: StudyReport) -> None:
    made = study()
    collected = collect(made, tmp_path, registry_of(made))
    assert {run.state for run in collected.runs} == {"not started"} and len(collected.units) == 45
    empty = Findings((), (), (), (), ())
    bare = StudyReport(made, made.arms, "", "runs", collected.runs, collected.units, empty)
    text = " ".join(" ".join(Source(study_page(bare)).text).split())
    assert "No unit has been scored yet" in text and "0 of 45" in text
