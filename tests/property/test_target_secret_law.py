"""Laws of target Secrets: whatever was there, writing the same twice changes nothing the second time; what a failure
leads to is never a write; keys of others outlive a merge; what was written is valid."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.delivery.live_secret import LiveSecret
from virtrigaud_secrets.delivery.managed_fields import field_manager
from virtrigaud_secrets.delivery.secret_target import SecretTarget
from virtrigaud_secrets.delivery.target_decision import Action, Decision, decide, is_valid
from virtrigaud_secrets.errors import (
    DecodingError,
    NothingFoundError,
    ResolveError,
    StoreSealedError,
    StoreUnavailableError,
)

CREATED_BY = "reconcile.external-secrets.io/created-by"
KEYS = st.sampled_from(["a", "b", "tls.crt"])
DATA = st.dictionaries(KEYS, st.binary(max_size=3))
LABELS = st.dictionaries(st.sampled_from(["app", "team", CREATED_BY]), st.sampled_from(["x", "y"]))
TYPES = st.sampled_from(["Opaque", "example.org/own"])
OWNERS = st.lists(
    st.fixed_dictionaries({
        "apiVersion": st.sampled_from(["external-secrets.io/v1", "v1"]),
        "kind": st.sampled_from(["ExternalSecret", "ConfigMap"]),
        "name": st.sampled_from(["es", "other"]),
        "uid": st.just("u"),
        "controller": st.booleans(),
    }),
    max_size=1,
)  # fmt: skip


@st.composite
def live(draw: st.DrawFn) -> LiveSecret | None:
    if draw(st.booleans()):
        return None
    data = draw(DATA)
    managed = draw(st.sets(KEYS))
    metadata: dict[str, Any] = {
        "name": "s",
        "namespace": "ns",
        "uid": "s1",
        "resourceVersion": "1",
        "labels": draw(LABELS),
        "annotations": draw(LABELS),
        "ownerReferences": draw(OWNERS),
        "finalizers": draw(st.lists(st.just("example.org/f"), max_size=1)),
        "managedFields": [fields(managed)],
        **draw(st.sampled_from([{}, {"deletionTimestamp": "2026-11-26T00:00:00Z"}])),
    }
    encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
    document = {"type": draw(TYPES), "immutable": draw(st.booleans()), "data": encoded, "metadata": metadata}
    return LiveSecret.from_document(document)


def fields(keys: set[str], labels: set[str] = frozenset()) -> dict[str, Any]:  # type: ignore[assignment]
    parts = {"f:data": {f"f:{key}": {} for key in keys}, "f:metadata": {"f:labels": {f"f:{key}": {} for key in labels}}}
    return {"manager": field_manager("es"), "fieldsV1": parts}


targets = st.builds(
    SecretTarget,
    name=st.just("s"),
    namespace=st.just("ns"),
    manifest=st.just("es"),
    uid=st.just("u"),
    creation_policy=st.sampled_from(["Owner", "Orphan", "Merge", "CreateOrMerge", "None"]),
    deletion_policy=st.sampled_from(["Delete", "Merge", "Retain"]),
    immutable=st.booleans(),
    type=st.sampled_from(["", "Opaque", "example.org/own"]),
    finalizers=st.sampled_from([(), ("example.org/f", "example.org/g")]),
)
bundles = st.builds(Bundle, DATA, type=TYPES, labels=LABELS, annotations=LABELS)
failures = st.sampled_from([
    StoreUnavailableError("no answer"),
    StoreSealedError("sealed"),
    DecodingError("bad"),
    ResolveError("two", errors=[StoreUnavailableError("a"), NothingFoundError("b", deletion_policy="Delete")]),
])  # fmt: skip


def carried_out(before: LiveSecret | None, decision: Decision) -> LiveSecret | None:
    """What the API server keeps: what a manager changes is its own from then on, what it leaves stays whose it was."""
    if decision.action is Action.LEAVE:
        return before
    if decision.action is Action.DELETE:
        return None
    assert decision.secret is not None
    after = decision.secret
    old_data = {} if before is None else before.values()
    old_labels: Mapping[str, str] = {} if before is None else before.labels
    entries = () if before is None else before.managed_fields
    keys = {key for key, value in after.values().items() if old_data.get(key) != value}
    labels = {key for key, value in after.labels.items() if old_labels.get(key) != value}
    document = after.to_document()
    metadata = {**cast("dict[str, Any]", document["metadata"]), "uid": "s1", "resourceVersion": "2"}
    return LiveSecret.from_document(
        {**document, "metadata": {**metadata, "managedFields": [*entries, fields(keys, labels)]}}
    )


@settings(max_examples=400)
@given(targets, live(), bundles)
def test_the_second_time_changes_nothing(target: SecretTarget, before: LiveSecret | None, bundle: Bundle) -> None:
    first = decide(target, before, bundle)
    after = carried_out(before, first)
    second = decide(target, after, bundle)
    assert second.action is Action.LEAVE
    assert second.condition == first.condition
    if first.failure is None and after is not None:
        assert target.creation_policy == "None" or is_valid(after, target.creation_policy)


@settings(max_examples=200)
@given(targets, live(), failures)
def test_a_failure_is_never_a_write(target: SecretTarget, before: LiveSecret | None, failure: Any) -> None:
    decision = decide(target, before, failure)
    assert (decision.action, decision.secret, decision.condition.status) == (Action.LEAVE, None, "False")


@settings(max_examples=200)
@given(targets, live(), bundles)
def test_what_is_written_is_what_was_asked_for(target: SecretTarget, before: LiveSecret | None, bundle: Bundle) -> None:
    decision = decide(target, before, bundle)
    after = carried_out(before, decision)
    if decision.failure is not None or after is None or decision.action is Action.LEAVE:
        return
    values = after.values()
    assert all(values[key] == value for key, value in bundle.items())
    there = {} if before is None else before.values()
    extra = set(values) - set(bundle)
    assert not extra or target.creation_policy in {"Merge", "CreateOrMerge"}
    assert all(values[key] == there[key] for key in extra)


@settings(max_examples=200)
@given(targets, live())
def test_only_what_it_made_is_deleted(target: SecretTarget, before: LiveSecret | None) -> None:
    decision = decide(target, before, NothingFoundError("nothing", deletion_policy=target.deletion_policy))
    if decision.action is not Action.DELETE:
        assert decision.action is Action.LEAVE
        return
    assert before is not None
    assert (target.deletion_policy, target.creation_policy) == ("Delete", "Owner")
    controllers = [owner for owner in before.owners if owner.get("controller")]
    assert all(owner["name"] == "es" and owner["kind"] == "ExternalSecret" for owner in controllers)
