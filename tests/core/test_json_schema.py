"""Values against a JSON Schema, whatever JSON may hold."""

from __future__ import annotations

import json

from jsonschema_rs import Draft202012Validator

from harness.core.json_schema import schema_errors

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}, "text": {"type": "string"}}}


def test_half_a_character_in_a_text_does_not_stop_the_check_of_the_other_fields() -> None:
    validator = Draft202012Validator(SCHEMA)
    assert schema_errors(validator, json.loads('{"text": "a\\ud83d", "\\ud83d": 1}')) == []
    (error,) = schema_errors(validator, json.loads('{"text": "a\\ud83d", "n": "\\ud83d"}'))
    assert error.instance_path == ["n"] and "integer" in error.message
