"""The report page in a real browser: it sorts, filters, explains itself, shows examples, prints, and fits a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser import opened

from harness.api import report
from tests.run_folders import write_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

RUNS = Path(__file__).parents[1] / "golden" / "report" / "runs"
MAP = "#scores [data-tab]:not([hidden]) table"
CONTRAST = """
(selector) => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => channels(color).slice(0, 3).map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (...pair) => {
    const [x, y] = pair.map(luminance).sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  const paper = getComputedStyle(document.body).backgroundColor;
  return [...document.querySelectorAll(selector)].map((cell) => {
    const style = getComputedStyle(cell), [, , , alpha = 1] = channels(style.backgroundColor);
    const ground = alpha ? style.backgroundColor : paper;
    return [cell.className, ratio(style.color, ground), ratio(ground, paper)];
  });
}
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(report([RUNS / "plain", RUNS / "via-mnli"], "html"), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with opened(browser, url, permissions=["clipboard-read", "clipboard-write"]) as shown:
        yield shown


def column(page: Page, title: str) -> list[float]:
    """The numbers of the visible rows in a column of the map that is shown."""
    return page.eval_on_selector(
        MAP,
        """(table, title) => {
          const at = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent === title);
          return [...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) => Number(row.cells[at].dataset.sort));
        }""",
        title,
    )


def languages(page: Page) -> list[str]:
    return page.locator(f"{MAP} tbody tr:visible th .code").all_inner_texts()


def test_a_head_sorts_the_largest_first_and_then_the_other_way(page: Page) -> None:
    head = page.locator(f"{MAP} th", has_text="XNLI")
    head.click()
    down = column(page, "XNLI")
    assert down == sorted(down, reverse=True) and len(set(down)) > 2
    head.focus()
    page.keyboard.press("Enter")
    assert column(page, "XNLI") == sorted(down)
    assert head.get_attribute("aria-sort") == "ascending"


def test_filters_choose_rows_by_script_and_text_and_columns_by_task(page: Page) -> None:
    tools = page.locator("#scores [data-tab]:not([hidden]) .tools")
    everything = languages(page)
    tools.get_by_label("script").select_option("Latn")
    latin = languages(page)
    assert set(latin) == {"en", "de", "sw"} < set(everything)
    tools.get_by_label("script").select_option("")
    assert languages(page) == everything
    heads = page.locator(f"{MAP} thead th.task:visible").all_inner_texts()
    assert heads == ["XNLI", "XQuAD"]


def test_a_cell_says_its_number_interval_and_count_under_the_pointer_and_on_focus(page: Page) -> None:
    cell = page.locator(f"{MAP} tbody tr", has_text="Swahili").locator("td a").first
    cell.hover()
    tip = page.locator("#tip")
    assert tip.is_visible()
    said = tip.inner_text()
    assert said.startswith("XNLI, Swahili") and "95% interval" in said and "n = 60" in said
    page.mouse.move(0, 0)
    cell.focus()
    assert tip.inner_text() == said
    page.keyboard.press("ArrowUp")
    assert tip.inner_text() != said and tip.is_visible()
    page.keyboard.press("Escape")
    assert not tip.is_visible()


@pytest.fixture
def many(browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A page on which three languages are many."""
    monkeypatch.setattr("harness.report.pages.language_tiles.MANY", 3)
    path = tmp_path / "report.html"
    path.write_text(report([RUNS / "plain"], "html"), encoding="utf-8")
    with opened(browser, path.as_uri()) as shown:
        yield shown


def test_very_many_languages_are_tiles_by_family_and_script_that_are_filtered_too(many: Page) -> None:
    family, script = (many.locator("#scores .tiles").first.locator("details").nth(place) for place in (0, 1))
    codes = family.locator(".tile:visible i").all_inner_texts()
    assert len(codes) > 3 and not script.locator(".tile:visible").count() and not many.locator(MAP).is_visible()
    titles = family.locator(".group h5").all_inner_texts()
    sizes = [int(title.split()[-1]) for title in titles]
    assert sizes == sorted(sizes, reverse=True) and sum(sizes) == len(codes)
    script.locator("summary").click()
    assert {"Latn", "Hans"} <= {title.split()[0] for title in script.locator(".group h5").all_inner_texts()}
    many.locator("#scores .tools").first.get_by_label("script").select_option("Hans")
    assert (
        family.locator(".tile:visible i").all_inner_texts() == ["zh"] and family.locator(".group:visible").count() == 1
    )
    family.locator(".tile:visible").click()
    assert many.locator("#examples").get_by_label("language").input_value() == "zh"


def test_tabs_show_one_map_at_a_time_and_differences_are_marked(page: Page) -> None:
    page.get_by_role("tab", name="via-mnli − plain").click()
    assert page.locator("#scores [data-tab]:visible").count() == 1
    sure = page.locator(f"{MAP} td.up-3")
    assert sure.count() and all("*" in text for text in sure.all_inner_texts())
    unsure = page.locator(f"{MAP} td.unsure")
    assert unsure.count() and not any("*" in text for text in unsure.all_inner_texts())


def test_a_cell_leads_to_its_examples_which_are_searched_and_paged(page: Page) -> None:
    page.locator(f"{MAP} tbody tr", has_text="Arabic").locator("td a").last.click()
    section = page.locator("#examples")
    section.locator(".example").first.wait_for()
    assert section.get_by_label("language").input_value() == "ar"
    section.get_by_label("which").select_option("all")
    found = section.locator(".example")
    section.get_by_text("12 items, page 1 of 2").wait_for()
    assert found.count() == 10
    section.get_by_role("button", name="Next").click()
    section.get_by_text("page 2 of 2").wait_for()
    assert found.count() == 2
    text = found.first.locator("dd").nth(1).inner_text()
    section.get_by_label("search examples").fill(text)
    section.get_by_text("page 1 of 1").wait_for()
    assert text in found.first.inner_text() and section.locator("mark").first.inner_text() == text
    section.get_by_label("search examples").fill("no such text")
    section.get_by_text("No such items here.").wait_for()


def test_items_on_which_the_runs_differ_are_shown_with_both_answers(page: Page) -> None:
    page.locator(f"{MAP} tbody tr", has_text="Swahili").locator("td a").first.click()
    section = page.locator("#examples")
    section.get_by_label("which").select_option("differ")
    section.locator(".example").first.wait_for()
    for card in section.locator(".example").all():
        assert card.locator(".wrong").count() and card.locator("div.right", has_text="✓").count()
        assert {"✓", "✗"} == {
            said[0] for said in card.locator("dt").all_inner_texts() if said[2:] in ("plain", "via-mnli")
        }


def test_tables_are_copied_as_they_are_shown(page: Page) -> None:
    tools = page.locator("#scores [data-tab]:not([hidden]) .tools")
    tools.get_by_label("script").select_option("Latn")
    copied = {}
    for kind in ("CSV", "Markdown", "LaTeX"):
        tools.locator(".copy summary").click()
        tools.get_by_role("button", name=kind).click()
        tools.get_by_text(f"{kind} copied").wait_for()
        copied[kind] = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert copied["CSV"][0] == "language,class,XNLI,XQuAD"
    assert [line.split(",")[0] for line in copied["CSV"][1:]] == ["English en", "German de", "Swahili sw"]
    assert copied["Markdown"][1] == "| :-- | --: | --: | --: |" and len(copied["Markdown"]) == 5
    assert copied["LaTeX"][1] == r"\begin{tabular}{lrrr}" and copied["LaTeX"][-1] == r"\end{tabular}"


def test_every_chart_is_drawn_and_its_marks_say_what_they_are(page: Page) -> None:
    holders = page.locator("[data-chart]")
    for index in range(holders.count()):
        holder = holders.nth(index)
        holder.scroll_into_view_if_needed()
        holder.locator("svg").first.wait_for()
    mark = page.locator("#languages [data-tip]").first
    mark.focus()
    assert "95% interval" in page.locator("#tip").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_wider_than_the_screen_and_every_number_can_be_read(
    browser: Browser, url: str, scheme: str
) -> None:
    with opened(browser, url, width=390, color_scheme=scheme) as page:
        page.locator("[data-chart] svg").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        cells = page.evaluate(CONTRAST, "table.map td:not(.n):not(.none)")
        assert all(readable >= 4.5 for _, readable, _ in cells)
        best = [apart for name, _, apart in cells if name == "h8"]
        assert best and min(best) >= 3, "the best cells do not look like missing ones"
        first = page.locator(f"{MAP} tbody th").first
        page.locator(f"{MAP}").evaluate("table => { table.parentElement.scrollLeft = 200; }")
        box = first.bounding_box()
        assert box is not None and 0 <= box["x"] < 40, "the first column stays in sight"


def test_on_paper_all_maps_stand_below_each_other(browser: Browser, url: str) -> None:
    with opened(browser, url) as page:
        page.emulate_media(media="print")
        assert page.locator("#scores [data-tab]:visible").count() == 3
        assert page.locator("nav:visible, .tools:visible, .tabs:visible").count() == 0
        assert page.pdf().startswith(b"%PDF")


def test_on_paper_the_examples_stand_with_what_was_chosen(browser: Browser, url: str) -> None:
    with opened(browser, url) as page:
        page.locator("#examples .example").first.wait_for()  # without scrolling to them
        page.emulate_media(media="print")
        assert page.locator("#examples .example:visible").count()
        assert page.locator("#examples button:visible, #examples select:visible").count() == 0
        said = page.locator("#examples .printed").inner_text()
        assert re.search(r"wrong only: 1 to 5 of \d+$", said)


def test_without_scripts_all_tables_are_there(browser: Browser, url: str) -> None:
    with opened(browser, url, java_script_enabled=False) as page:
        assert page.locator("#scores table:visible").count() == 3
        assert page.locator("noscript").count()


def test_a_script_that_gets_into_the_page_does_not_run(browser: Browser, url: str, tmp_path: Path) -> None:
    page = browser.new_page()
    page.goto(url)
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))"
    )
    assert page.evaluate("window.ran") is None
    page.close()


def test_bars_and_intervals_have_no_length_where_all_values_are_equal(browser: Browser, tmp_path: Path) -> None:
    same = ("neutral\n" * 40, "neutral\n" * 40)
    write_run(tmp_path / "run", {"xnli": {"en": same, "de": same}})
    path = tmp_path / "report.html"
    path.write_text(report([tmp_path / "run"], "html"), encoding="utf-8")
    with opened(browser, path.as_uri()) as page:
        bar = page.locator("[aria-label='bar'] rect")
        bar.first.scroll_into_view_if_needed()
        bar.first.wait_for(state="attached")
        assert page.eval_on_selector_all("[aria-label='bar'] rect", "all => all.map((r) => r.width.baseVal.value)") == [
            0
        ]


def test_all_charts_are_drawn_without_scrolling_and_no_gap_is_cut_off(page: Page) -> None:
    holders = page.locator("[data-chart]")
    page.wait_for_function(
        "[...document.querySelectorAll('[data-chart]')].every((holder) => holder.querySelector('svg'))"
    )
    assert holders.count() > 3 and page.evaluate("scrollY") == 0
    box = page.locator("#gap .scroll")
    assert box.locator("th", has_text="gap").count() == 1
    assert box.evaluate("box => box.scrollWidth <= box.clientWidth"), "no scrollbar hides the gap"


def test_charts_name_their_tasks_in_full_and_no_word_is_broken_on_a_phone(browser: Browser, url: str) -> None:
    with opened(browser, url, width=390) as page:
        page.locator("#gap [data-chart] svg, [data-chart] svg").first.wait_for()
        drawn = page.locator("[data-chart] svg text").all_text_contents()
        tasks = page.locator("#overview tbody th").all_inner_texts()
        assert "XNLI" in tasks and not [text for text in drawn if text.endswith("…")]
        heights = {
            name: cell.evaluate("cell => cell.clientHeight")
            for name, cell in zip(tasks, page.locator("#overview tbody th").all(), strict=True)
        }
        assert all(height < 40 for name, height in heights.items() if name.isalnum()), heights


def test_what_holds_of_all_runs_is_said_once(browser: Browser, url: str) -> None:
    with opened(browser, url) as page:
        boxes = page.locator(".caveats")
        lines = page.locator(".caveats li").all_inner_texts()
        assert boxes.first.locator("b").inner_text() == "all runs" and len(set(lines)) == len(lines)
