"""Selectors: which units a user's words mean, in which order, and what is said about words that mean nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.core.errors import HarnessError, PluginError, UsageError
from harness.registry.default import get_registry
from harness.registry.registry import Registry
from harness.registry.select import select
from harness.types.units import Unit

XNLI = "ar bg de el en es fr hi ru sw th tr ur vi zh".split()


@pytest.fixture(scope="module")
def registry() -> Registry:
    return get_registry()


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """Benchmarks with their own order, and one that asks for what is not there."""
    path = tmp_path_factory.mktemp("plugins") / "boards.py"
    path.write_text(
        "from harness import Benchmark, hookimpl\n"
        "@hookimpl\n"
        "def harness_benchmarks():\n"
        "    yield Benchmark('small', 1, 'S', {'xquad': ('th', 'ar'), 'xnli': ('ur', 'en', 'sw')}, {}, 'mean')\n"
        "    yield Benchmark('holes', 1, 'H', {'xnli': ('sw', 'qu'), 'gone': ('de',), 'panx': ('de',)}, {}, 'mean')\n",
        encoding="utf-8",
    )
    return Registry([path])


def chosen(registry: Registry, *tasks: str, languages: Sequence[str] = (), **options: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for unit in select(registry, tasks=tasks, languages=languages, **options):
        found.setdefault(unit.task, []).append(unit.language)
    return found


def test_the_key_of_a_unit_is_its_task_language_and_split() -> None:
    assert Unit("xnli", "sw", "test").key == "xnli/sw/test"


def test_a_benchmark_gives_all_its_tasks_and_languages_in_its_order(registry: Registry) -> None:
    units = select(registry, benchmark="xtreme")
    assert list(dict.fromkeys(unit.task for unit in units)) == list(registry.benchmark("xtreme").tasks)
    assert chosen(registry, "xnli", benchmark="xtreme")["xnli"] == list(registry.benchmark("xtreme").tasks["xnli"])
    assert len(units) == len(set(units)) == sum(len(codes) for codes in registry.benchmark("xtreme").tasks.values())


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        (["xnli"], {"xnli": XNLI}),
        (["xnli[ur,sw]"], {"xnli": ["sw", "ur"]}),
        (["xnli[sw]", "xnli[ar]"], {"xnli": ["ar", "sw"]}),
        (["xnli[ sw , ur ]"], {"xnli": ["sw", "ur"]}),
        (["xnli[sw],pawsx[de,fr]"], {"pawsx": ["de", "fr"], "xnli": ["sw"]}),
        (["xnli[script:Cyrl]"], {"xnli": ["bg", "ru"]}),
        (["xnli[family:Bantu]"], {"xnli": ["sw"]}),
        (["xnli[family:niger-congo,th]"], {"xnli": ["sw", "th"]}),
        (["x*[ar]"], {"xnli": ["ar"], "xquad": ["ar"], "xnli_cloze": ["ar"], "xquad_gen": ["ar"]}),
        (["?nli[en]"], {"xnli": ["en"]}),
        (["family:tagging[my]"], {"panx": ["my"]}),
        (["xnli", "-xnli[en]"], {"xnli": [code for code in XNLI if code != "en"]}),
        (["-xnli[en]", "xnli"], {"xnli": [code for code in XNLI if code != "en"]}),
        (["x*[sw,ar]", "-xquad*"], {"xnli": ["ar", "sw"], "xcopa": ["sw"], "xnli_cloze": ["ar", "sw"]}),
        (["xnli[sw]", "xn*[sw]"], {"xnli": ["sw"], "xnli_cloze": ["sw"]}),
    ],
)
def test_selectors_choose_their_tasks_and_languages(
    registry: Registry, selectors: list[str], expected: dict[str, list[str]]
) -> None:
    assert chosen(registry, *selectors) == expected


def test_only_exclusions_start_from_everything(registry: Registry) -> None:
    everything, without = select(registry), select(registry, tasks=["-family:tagging", "-*[de]"])
    assert {u.task for u in everything} - {u.task for u in without} == {"panx", "udpos", "udpos_hub"}
    assert "de" not in {unit.language for unit in without}


def test_a_family_and_a_benchmark_select_their_tasks(registry: Registry, extended: Registry) -> None:
    assert set(chosen(registry, "family:tagging")) == {"panx", "udpos", "udpos_hub"}
    assert chosen(extended, "benchmark:small") == {"xnli": ["ur", "en", "sw"], "xquad": ["th", "ar"]}
    assert chosen(extended, "benchmark:small", "xnli[de]")["xnli"] == ["ur", "en", "sw", "de"]
    assert chosen(extended, benchmark="small") == {"xquad": ["th", "ar"], "xnli": ["ur", "en", "sw"]}
    assert chosen(extended, "xnli[sw,ur]", benchmark="small") == {"xnli": ["ur", "sw"]}


def test_languages_narrow_what_was_selected(registry: Registry) -> None:
    assert chosen(registry, "xnli", "pawsx", languages=["sw"]) == {"xnli": ["sw"]}
    assert chosen(registry, "xnli", languages=["script:cyrl", "ur,sw"]) == {"xnli": ["bg", "ru", "sw", "ur"]}
    assert set(chosen(registry, languages=["my"])) == {"panx"}


def test_dev_units_are_those_that_have_a_dev_split(registry: Registry) -> None:
    units = select(registry, tasks=["xnli", "udpos"], split="dev")
    assert units and all(unit.split in registry.task(unit.task).languages[unit.language] for unit in units)
    assert {"kk", "th", "tl", "yo"}.isdisjoint(u.language for u in units if u.task == "udpos")


@pytest.mark.parametrize(
    ("selectors", "languages", "message", "hint"),
    [
        (["xnil"], [], "unknown task 'xnil'", "did you mean 'xnli'?"),
        (["XNLI"], [], "unknown task 'XNLI'", "'xnli'"),
        (["xnli[sw"], [], "unbalanced brackets", "selectors:"),
        (["xnli]sw["], [], "unbalanced brackets", "selectors:"),
        (["xnli[[sw]]"], [], "unbalanced brackets", "selectors:"),
        (["xnli[sw]x"], [], "cannot read", "selectors:"),
        (["xnli[]"], [], "an empty language", "script:"),
        (["xnli[sw,]"], [], "an empty language", "script:"),
        (["xnli[sw,sw]"], [], "'sw' is given twice", ""),
        (["xnli", "xnli"], [], "'xnli' is given twice", ""),
        (["xnli[qq]"], [], "unknown language 'qq'", ""),
        (["xnli[qu]"], [], "'qu' in 'xnli[qu]' is not among the languages that xnli has", "sw"),
        (["xnli[script:Klingon]"], [], "unknown script 'Klingon'", ""),
        (["xnli[family:Bantoo]"], [], "unknown family 'Bantoo'", ""),
        (["xnli[group:Bantu]"], [], "unknown kind of language 'group:'", "family:"),
        (["family:taging"], [], "unknown family 'taging'", "did you mean 'tagging'?"),
        (["benchmark:xtrem"], [], "unknown benchmark 'xtrem'", "did you mean 'xtreme' or 'xtreme-r'?"),
        (["famly:tagging"], [], "unknown kind of selector 'famly:'", "did you mean 'family'?"),
        (["zz*"], [], "no task matches 'zz*'", "xnli"),
        (["mnli"], [], "'mnli' is an intermediate task", "--via mnli"),
        ([""], [], "names no task", "selectors:"),
        (["xnli,"], [], "names no task", "selectors:"),
        (["[sw]"], [], "names no task", "selectors:"),
        (["-"], [], "names no task", "selectors:"),
        (["--josn"], [], "no such option", "selectors:"),
        (["xnli", "-xnli"], [], "nothing is left", ""),
        (["xnli"], ["German"], "unknown language 'German'", "did you mean 'de'?"),
        (["xnli"], ["qu"], "'qu' is not among the languages that xnli has", "sw"),
        (["xnli"], ["sw,sw"], "'sw' is given twice", ""),
        (["xnli"], [""], "an empty language", ""),
    ],
)
def test_what_cannot_be_selected_is_explained(
    registry: Registry, selectors: list[str], languages: list[str], message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        select(registry, tasks=selectors, languages=languages)
    assert message in str(caught.value)
    assert hint in caught.value.hint


def test_a_task_outside_the_benchmark_is_explained(extended: Registry) -> None:
    with pytest.raises(UsageError, match="'panx' is not a task of the benchmark 'small'") as caught:
        select(extended, benchmark="small", tasks=["panx"])
    assert "xquad" in caught.value.hint
    with pytest.raises(UsageError, match="no task in the benchmark 'small' matches 'family:tagging'"):
        select(extended, benchmark="small", tasks=["family:tagging"])


def test_a_benchmark_that_asks_for_too_much_fails_only_where_it_is_asked(extended: Registry) -> None:
    with pytest.raises(UsageError, match="benchmark 'holes': unknown target task 'gone'"):
        select(extended, benchmark="holes", tasks=["-xnli"])
    with pytest.raises(PluginError, match=r"\(file:boards\) lists xnli in qu.*\(xtreme-harness:xnli\) does not have"):
        select(extended, benchmark="holes", tasks=["xnli"])
    assert chosen(extended, "panx", benchmark="holes") == {"panx": ["de"]}


def test_a_split_that_nothing_has_is_explained(registry: Registry) -> None:
    with pytest.raises(UsageError, match="has a split 'tset'") as caught:
        select(registry, tasks=["xnli"], split="tset")
    assert "did you mean 'test'?" in caught.value.hint


WORDS = st.sampled_from(
    [
        "xnli",
        "x*",
        "*",
        "?",
        "-",
        "[",
        "]",
        ",",
        "sw",
        "en",
        "qq",
        "script:Latn",
        "family:",
        "benchmark:xtreme",
        ":",
        " ",
    ]
)


@given(st.lists(st.one_of(st.text(max_size=12), st.lists(WORDS, max_size=8).map("".join)), max_size=3), st.lists(WORDS))
@example(["xnli[sw]\n"], [])
@example(["x*[script:Latn]", "-xnli"], ["en"])
def test_any_words_give_ordered_units_or_an_explanation(selectors: list[str], languages: list[str]) -> None:
    registry = get_registry()
    try:
        units = select(registry, tasks=selectors, languages=languages)
    except HarnessError as error:
        assert isinstance(error, UsageError) and str(error)
        return
    assert units and len(set(units)) == len(units)
    order = list(registry.tasks())
    assert units == sorted(units, key=lambda unit: order.index(unit.task))
    for unit in units:
        assert "test" in registry.task(unit.task).languages[unit.language]


@given(st.data())
def test_selecting_and_excluding_split_the_whole(data: st.DataObject) -> None:
    registry = get_registry()
    name = data.draw(st.sampled_from([name for name in registry.tasks() if name != "bucc2018"]))
    everything = chosen(registry, name)[name]
    codes = data.draw(st.lists(st.sampled_from(everything), min_size=1, max_size=len(everything) - 1, unique=True))
    listed = ",".join(codes)
    included, excluded = chosen(registry, f"{name}[{listed}]"), chosen(registry, name, f"-{name}[{listed}]")
    assert included[name] == [code for code in everything if code in codes]
    assert excluded[name] == [code for code in everything if code not in codes]


def test_the_order_does_not_depend_on_how_it_was_asked(registry: Registry, tmp_path: Path) -> None:
    assert select(registry, tasks=["xquad", "xnli", "panx"]) == select(registry, tasks=["panx", "xquad", "xnli"])
