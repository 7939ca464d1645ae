"""Treatment of a model that sets its results apart from those of most others, for the keys of results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.data.subset import written_fingerprint
from harness.families.base import Predictor
from harness.models.languages import model_languages
from harness.models.load import load_tokenizer
from harness.models.padding import known_to_read_padding
from harness.models.resolve import ResolvedModel
from harness.types.examples import Example


def treatment(family: Predictor, model: ResolvedModel | None, *examples: Sequence[Example]) -> dict[str, Any]:
    """Describes how a family treats these examples with a model, where that is unusual; empty for most, and for baselines.

    ``written`` is there where words are taken from the text: what the sources tell about its spaces, which is no part of
    the data's own fingerprint, since most models never see it; ``padding`` where the architecture is known to read its
    padding and is computed without; ``languages`` where each row goes through the module of its language. ModelError
    where the model has no usable tokenizer.
    """
    if model is None:
        return {}
    found: dict[str, Any] = {"padding": "none"} if known_to_read_padding(model.config) else {}
    found |= {"languages": "of rows"} if model_languages(model.config) else {}
    if type(family).treatment is not Predictor.treatment:
        found |= family.treatment(load_tokenizer(model.folder, family.tokenizer_settings()))
    written = [written_fingerprint(each) for each in examples] if "words" in found else []
    return {**found, **({"written": written} if any(written) else {})}
