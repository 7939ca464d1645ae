"""The nearest relative of a language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.types.genealogy import nearest_relative
from harness.types.languages import first_party_languages

CODES = sorted(first_party_languages())
some = st.sets(st.sampled_from(CODES), max_size=6)


@pytest.mark.parametrize(
    ("code", "among", "expected"),
    [
        ("zh-Hant", ["en", "zh", "my"], ("zh", "the same language")),
        ("af", ["de", "hi", "sw"], ("de", "branch Germanic")),
        ("uk", ["pl", "ru", "en"], ("ru", "branch Slavic")),  # Cyrillic goes before Latin letters
        ("hi", ["en", "fa"], ("en", "family Indo-European")),  # neither in its script, English has more resources
        ("he", ["ar", "en"], ("ar", "branch Semitic")),
        ("az", ["kk", "tr"], ("tr", "branch Oghuz")),
        ("kk", ["tr", "en"], ("tr", "family Turkic")),
        ("eu", ["en", "es"], None),
        ("xx", ["en"], None),
        ("en", ["en"], None),
    ],
)
def test_the_nearest_relative_is_of_the_branch_or_else_of_the_family(code, among, expected) -> None:
    assert nearest_relative(code, among) == expected


def test_of_equally_near_relatives_the_preferred_one_is_taken() -> None:
    assert nearest_relative("es", ["de", "en"]) == ("de", "family Indo-European")
    assert nearest_relative("es", ["de", "en"], prefer="en") == ("en", "family Indo-European")
    assert nearest_relative("es", ["it", "en"], prefer="en") == ("it", "branch Romance")


@given(st.sampled_from(CODES), some)
def test_a_relative_is_another_language_of_those_that_are_there_and_of_the_same_family(code, among) -> None:
    found, known = nearest_relative(code, among), first_party_languages()
    family = [other for other in among if other != code and known[other].family == known[code].family]
    assert (found is None) == (not family)
    if found:
        assert found[0] in family
        branch = [other for other in family if known[other].genus == known[code].genus]
        assert (found[1] == f"branch {known[code].genus}") == bool(branch) == (found[0] in branch)


@given(st.sampled_from(CODES), some, some)
def test_more_distant_languages_do_not_change_the_relative(code, near, more) -> None:
    found, known = nearest_relative(code, near), first_party_languages()
    distant = {other for other in more if known[other].family != known[code].family}
    assert nearest_relative(code, near | distant) == found
