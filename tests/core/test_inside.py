"""Names that others have written: what leads out of a folder is told from what does not, for both kinds of slashes."""

from __future__ import annotations

import os
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.inside import names_inside

PARTS = st.lists(st.sampled_from(["a", "b.tsv", "..", ".", "...", "C:", ""]), min_size=1, max_size=5)


@pytest.mark.parametrize("name", ["a", "a/b", "a\\b", "./a", "...", "..a/b", "a..", "test-en.tsv", "यह/ß"])
def test_names_in_the_folder(name: str) -> None:
    assert names_inside(name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "/", "..", "/a", "\\a", "a/..", "a/../b", "a\\..\\..\\b", "C:\\a", "C:a", "//host/share/a", "a\0b"],
)
def test_names_that_lead_out_or_nowhere(name: str) -> None:
    assert not names_inside(name)


@given(PARTS, st.sampled_from(["/", "\\"]))
def test_no_name_that_is_let_through_leaves_the_folder(parts: list[str], slash: str) -> None:
    name = slash.join(parts)
    if names_inside(name):
        posix = os.path.normpath(PurePosixPath("/folder") / name.replace("\\", "/"))
        assert posix.startswith("/folder/")
        windows = PureWindowsPath("D:/folder") / name
        assert windows.parts[:2] == ("D:\\", "folder") and ".." not in windows.parts
