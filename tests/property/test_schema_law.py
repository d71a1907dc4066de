"""Law: an editor underlines nothing in a manifest that the models take without a remark and that holds no null."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from virtrigaud_secrets.models.json_schema import schema_of_all
from virtrigaud_secrets.models.kinds import KINDS
from virtrigaud_secrets.models.reading import read

VALIDATOR = Draft7Validator(schema_of_all())
VALUES = st.sampled_from(
    [True, 0, 1, 60, "", "a", "1h", "b.c", "YQ==", [], ["a"], {}, {"a": "b"}, "2026-01-31T12:00:00Z"]
)


def changed(document: Any, steps: list[int], value: object) -> Any:
    """The document with `value` where the steps lead."""
    if not steps or not isinstance(document, dict | list) or not document:
        return value
    keys = list(document) if isinstance(document, dict) else list(range(len(document)))
    chosen = keys[steps[0] % len(keys)]
    inner = {key: document[key] for key in keys}
    inner[chosen] = changed(document[chosen], steps[1:], value)
    return inner if isinstance(document, dict) else list(inner.values())


def holds_null(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(holds_null, value.values()))
    return any(map(holds_null, value)) if isinstance(value, list) else value is None


@given(number=st.integers(0, 999), steps=st.lists(st.integers(0, 99), min_size=1, max_size=7), value=VALUES)
@settings(max_examples=400, deadline=None)
def test_what_the_models_take_the_schema_takes(
    every_document: list[dict[str, Any]], number: int, steps: list[int], value: object
) -> None:
    whole = every_document[number % len(every_document)]
    document = whole | {"spec": changed(whole["spec"], steps, value)}
    kind = KINDS[document["apiVersion"].rpartition("/")[0], document["kind"]]
    model, remarks = read(kind.model, document)
    if model is None or remarks or holds_null(document):
        return

    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
