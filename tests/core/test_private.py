"""What is published names no folder of the machine and no secret, and is otherwise what it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.private import publishable, without_secrets

NAME = st.from_regex(r"[a-z][a-z0-9._-]{0,8}", fullmatch=True)


@given(st.lists(NAME, min_size=2, max_size=5), st.sampled_from(["{}", "--out={}", "see {}: gone", "('{}')", "a {} b"]))
def test_an_absolute_path_keeps_its_last_part_alone(parts: list[str], around: str) -> None:
    for path in ("/" + "/".join(parts), "~/" + "/".join(parts), "C:\\" + "\\".join(parts)):
        assert publishable(around.format(path)) == around.format(parts[-1])


def test_a_path_with_spaces_is_one_path() -> None:
    assert publishable(["--data-dir", "/data/of-me/my data/all of it/"]) == ["--data-dir", "all of it"]


@pytest.mark.parametrize(
    "text",
    [
        "xnli/ar/test: no data",
        "google/xtreme/XNLI/test[language=de]",
        "https://huggingface.co/org/name",
        "runs/xlmr-xtreme/record.json",
        "org/name@0123456789abcdef",
        "12/40 languages",
        "acc/f1",
        "-",
        "/",
    ],
)
def test_other_texts_are_left_alone(text: str) -> None:
    assert publishable(text) == text


@given(
    st.recursive(
        st.none() | st.integers() | st.booleans(), lambda inner: st.lists(inner) | st.dictionaries(NAME, inner)
    )
)
def test_values_without_texts_are_left_alone(value: object) -> None:
    assert publishable(value) == value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("hf_" + "aB3" * 10, "hf_..."),
        ("--set=token=abc", "--set=token=..."),
        ("HF_TOKEN=abc", "HF_TOKEN=..."),
        ("https://me:secret@host/x", "https://...@host/x"),
        ("lr=2e-5", "lr=2e-5"),
        ("tokens=3", "tokens=3"),
        ("hf_home", "hf_home"),
    ],
)
def test_secrets_are_not_shown(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
