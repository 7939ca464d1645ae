"""Every family on every published architecture: what comes of it is what docs/models.md says."""

from __future__ import annotations

import pytest
from model_matrix import FAMILIES, row_of, tried, written
from published_models import PUBLISHED, Published


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("published", PUBLISHED, ids=lambda published: published.kind)
def test_a_family_on_an_architecture_does_what_the_page_says(published: Published, family: str) -> None:
    found = tried(published, family)
    said = written().get((row_of(published), family))
    assert found == said, "if this is right: python tests/model_matrix.py > docs/models.md"


def test_the_page_has_no_row_of_a_model_that_is_not_tried() -> None:
    assert {head for head, _ in written()} == {row_of(published) for published in PUBLISHED}
