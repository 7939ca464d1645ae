"""Values against a JSON Schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator, ValidationError


def schema_errors(validator: Draft202012Validator, value: Any) -> list[ValidationError]:
    """Lists what a schema finds wrong with a value that was read from JSON.

    JSON may hold halves of a character ("\\ud83d"), which the validator, written in Rust, does not take. They are
    question marks for it.
    """
    try:
        return list(validator.iter_errors(value))
    except UnicodeEncodeError:
        whole = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        return list(validator.iter_errors(json.loads(whole)))
