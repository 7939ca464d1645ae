"""The leaderboard page in a real browser, with the published rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser import opened

from harness.cli.main import main

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SHOWN = "[data-tab]:not([hidden])"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("board")
    out = folder / "board.html"
    assert main(["leaderboard", "render", "--rows", str(folder / "none"), "--html", str(out)]) == 0
    return out.as_uri()


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with opened(browser, url) as shown:
        yield shown


def test_each_setting_has_a_tab_and_no_system_stands_twice(page: Page) -> None:
    tabs = page.get_by_role("tab")
    assert tabs.first.inner_text() == "Zero-shot from English" and tabs.count() > 5
    assert page.locator("table:visible").count() == 1
    names = page.locator(f"{SHOWN} tbody tr:visible").evaluate_all(
        "rows => rows.map((row) => row.cells[0].textContent + row.dataset.recipe)"
    )
    assert len(set(names)) == len(names) > 20
    page.get_by_role("tab", name="Translate-test").click()
    assert "Translate-test BERT-Large" in page.locator(f"{SHOWN} table").inner_text()


def test_very_many_languages_are_chosen_by_their_family(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.report.pages.board_page.MANY", 5)
    out = tmp_path / "xnli.html"
    assert main(["leaderboard", "render", "--task", "xnli", "--rows", str(tmp_path / "none"), "--html", str(out)]) == 0
    with opened(browser, out.as_uri()) as page:
        heads = page.locator(f"{SHOWN} thead th[data-task]:visible")
        everything = [text.split("\n")[0] for text in heads.all_inner_texts()]
        assert everything.index("Arabic") < everything.index("Vietnamese") < everything.index("Bulgarian")
        page.locator(f"{SHOWN}").get_by_label("family").select_option("Sino-Tibetan")
        assert [text.split("\n")[0] for text in heads.all_inner_texts()] == ["Chinese"]


def test_averages_over_other_languages_are_shown_on_request(page: Page) -> None:
    heads = page.locator(f"{SHOWN} thead th:visible")
    before, rows = heads.count(), page.locator(f"{SHOWN} tbody tr:visible").count()
    page.get_by_label("averages over other languages").check()
    assert heads.count() > before
    assert page.locator(f"{SHOWN} tbody tr:visible").count() > rows, "systems that have no other number"


def test_a_number_says_where_it_is_from_and_its_rank(page: Page) -> None:
    row = page.locator(f"{SHOWN} tbody tr", has=page.get_by_text("mT5-xxl", exact=True))
    row.locator("td", has_text="85.0").hover()
    said = page.locator("#tip").inner_text()
    assert "xue2021_mt5" in said and "rank 1" in said and "also 85.0" in said


def test_sizes_sort_by_number_and_charts_follow_the_choice(page: Page) -> None:
    head = page.locator(f"{SHOWN} th", has_text="size")
    head.click()
    sizes = page.locator(f"{SHOWN} tbody tr:visible td:nth-child(3)").all_inner_texts()
    assert sizes[0] == "13.0B" and "300M" in sizes and sizes[-1] == ""
    chart = page.locator(f"{SHOWN} [data-chart]").first
    chart.scroll_into_view_if_needed()
    chart.locator("circle").first.wait_for()
    drawn = chart.locator("svg").inner_html()
    chart.locator("select").select_option(index=1)
    assert chart.locator("svg").inner_html() != drawn


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_the_board_scrolls_in_its_own_box(browser: Browser, url: str, scheme: str) -> None:
    with opened(browser, url, width=390, color_scheme=scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        box = page.locator(f"{SHOWN} .scroll")
        assert box.evaluate("box => box.scrollWidth > box.clientWidth")
