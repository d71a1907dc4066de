"""Verdicts of `check` beside those of a kube-apiserver that has the models' own JSON Schema as its schema.

The schema's content is not what is tested: what a server makes of it is, such as nulls that count as absent, numbers
without a fraction, unknown fields that are dropped, defaults that fill in for required fields.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.manifests.kinds import recognise
from virtrigaud_secrets.models.json_schema import schema_of
from virtrigaud_secrets.models.kinds import KINDS, Kind
from virtrigaud_secrets.testing.servers.kubernetes import KubernetesAPI

pytestmark = pytest.mark.integration

CASES = 60
"""Documents of each kind."""
KIND_NAMES = ("ClusterGenerator", "ExternalSecret", "PushSecret", "SSHKey", "SecretStore", "VaultDynamicSecret")
ONLY_OLD = frozenset({"alibaba", "device42"})
"""Providers that the JSON Schema has for v1beta1's sake."""
LEFT_OUT = frozenset({"$schema", "anyOf", "contentEncoding", "description", "examples", "not", "propertyNames"})


@pytest.fixture(scope="module")
def cluster(require: Callable[[str], None]) -> Iterator[KubernetesAPI]:
    """A cluster of its own: the session's knows the same kinds by other schemas."""
    require(KubernetesAPI.missing_reason())
    with KubernetesAPI() as server:
        yield server


def structural(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema in the part of OpenAPI that a server takes."""
    if "$ref" in schema:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return structural(definitions[schema["$ref"].rpartition("/")[2]] | rest, definitions)
    if len(schema.get("allOf", [])) == 1:
        return structural(schema["allOf"][0] | {k: v for k, v in schema.items() if k != "allOf"}, definitions)
    if {choice.get("type") for choice in schema.get("anyOf", [])} == {"integer", "string"}:
        return {"x-kubernetes-int-or-string": True}
    if "type" not in schema:
        return {"x-kubernetes-preserve-unknown-fields": True}
    found = {key: value for key, value in schema.items() if key not in LEFT_OUT}
    if "const" in found:
        found["enum"] = [found.pop("const")]
    if "contentEncoding" in schema:
        found["format"] = "byte"
    extra = found.pop("additionalProperties", None)
    if isinstance(extra, dict):
        found["additionalProperties"] = structural(extra, definitions)
    if "items" in found:
        found["items"] = structural(found["items"], definitions)
    if "properties" in found:
        found["properties"] = {name: structural(part, definitions) for name, part in found["properties"].items()}
    return found


def definition_of(kind: Kind) -> tuple[str, dict[str, Any]]:
    """The path at which its objects are made, and its CustomResourceDefinition."""
    schema = schema_of(kind)
    spec = structural(schema["$defs"][kind.attribute], schema["$defs"])["properties"]["spec"]
    plural = f"{kind.name.lower()}s"
    version = {
        "name": kind.versions[0],
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
    }
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{kind.group}"},
        "spec": {
            "group": kind.group,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "names": {
                "plural": plural,
                "singular": kind.name.lower(),
                "kind": kind.name,
                "listKind": f"{kind.name}List",
            },
            "versions": [version],
        },
    }
    return f"apis/{kind.api_versions[0]}/{'namespaces/default/' if kind.namespaced else ''}{plural}", definition


def documents_of(kind: Kind, every_document: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"apiVersion": whole["apiVersion"], "kind": kind.name, "metadata": {"name": "a"}, "spec": whole["spec"]}
        for whole in every_document
        if whole["kind"] == kind.name and not ONLY_OLD & set(whole["spec"].get("provider", {}))
    ]


@pytest.mark.parametrize("name", KIND_NAMES)
def test_documents_of_every_shape_are_judged_as_a_server_judges_them(
    cluster: KubernetesAPI,
    every_document: list[dict[str, Any]],
    damaged: Callable[[dict[str, Any], random.Random], dict[str, Any]],
    is_taken: Callable[[KubernetesAPI, str, dict[str, Any]], bool],
    name: str,
) -> None:
    kind = next(kind for kind in KINDS.values() if kind.name == name)
    path, definition = definition_of(kind)
    cluster.ask("POST", "apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)

    def is_served() -> bool:
        try:
            return bool(cluster.ask("GET", path))
        except LocalServerError:
            return False

    cluster.process.wait_until(is_served, timeout=timedelta(seconds=120))
    verdicts: list[bool] = []
    chance, wholes = random.Random(name), documents_of(kind, every_document)
    for _ in range(CASES):
        document = damaged(chance.choice(wholes), chance)
        taken = is_taken(cluster, path, document)
        verdicts.append(taken)
        judgement = recognise(document, strict=False).judgement
        assert judgement.value == ("valid" if taken else "invalid"), document["spec"]
    assert len(set(verdicts)) == 2
