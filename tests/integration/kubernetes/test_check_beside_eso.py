"""Verdicts of `check` beside those of a kube-apiserver that has the schemas of External Secrets Operator itself.

The schemas, and the manifests that its documentation shows, are of the release that `tests/tools/eso/go.mod` pins. What
came to ESO later is named here, with what it changes.
"""

from __future__ import annotations

import json
import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.manifests.kinds import recognise
from virtrigaud_secrets.models.kinds import GROUPS
from virtrigaud_secrets.testing.servers.kubernetes import KubernetesAPI

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

VERSION = re.search(r"external-secrets (v\S+)", (Path(__file__).parents[2] / "tools/eso/go.mod").read_text())
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "virtrigaud-secrets/eso"
ESO = CACHE / VERSION[1] if VERSION else CACHE
MISSING = "" if (ESO / "crds").is_dir() else "no schemas of External Secrets Operator: run tests/tools/fetch-eso"
MADE = {"SecretStore": 400, "ClusterSecretStore": 100}
"""Documents made of the schema, by kind; 60 of the others. Stores have the most fields by far."""
DROPPED_SINCE = {"alibaba", "device42"}
"""Providers that v1 had in that release and has no more."""
TEXTS = (
    "a", "default", "a.b", "my-name", "1h", "1h0m0s", "YQ==", "@daily", "* * * * *", "https://x.example", "A_B", "0",
    "123456789012", "us-east-1", "2020-01-01", "RS256", "/a", "arn:aws:iam::123456789012:role/x", "v2",
)  # fmt: skip

Take = Callable[[KubernetesAPI, str, dict[str, Any]], bool]
Damage = Callable[[dict[str, Any], random.Random], dict[str, Any]]


@dataclass(frozen=True)
class Served:
    """A version of a kind as the cluster has it."""

    path: str
    kind: str
    schema: dict[str, Any]


@dataclass(frozen=True)
class Cluster:
    """A cluster with ESO's definitions."""

    api: KubernetesAPI
    served: Mapping[tuple[str, str], Served]
    """By apiVersion and kind."""


@pytest.fixture(scope="module")
def cluster(require: Callable[[str], None]) -> Iterator[Cluster]:
    """A cluster of its own, which serves the old versions as well."""
    require(KubernetesAPI.missing_reason())
    require(MISSING)
    with KubernetesAPI() as api:
        served: dict[tuple[str, str], Served] = {}
        for file in sorted((ESO / "crds").glob("*_*.yaml")):
            definition = yaml.load(file.read_bytes(), yaml.CSafeLoader)
            spec = definition["spec"]
            names, scope = spec["names"], "namespaces/default/" if spec["scope"] == "Namespaced" else ""
            for version in spec["versions"]:
                version["served"] = True
                api_version = f"{spec['group']}/{version['name']}"
                served[api_version, names["kind"]] = Served(
                    f"apis/{api_version}/{scope}{names['plural']}", names["kind"], version["schema"]["openAPIV3Schema"]
                )
            api.ask("POST", "apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
        for one in served.values():
            api.process.wait_until(lambda path=one.path: is_served(api, path), timeout=timedelta(seconds=120))
        yield Cluster(api, served)


def is_served(api: KubernetesAPI, path: str) -> bool:
    try:
        return bool(api.ask("GET", path))
    except LocalServerError:
        return False


def documented() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every manifest of ESO's documentation, and where it is."""
    for file in sorted([*ESO.glob("docs/**/*"), *ESO.glob("design/**/*")]):
        if file.suffix not in {".yaml", ".yml", ".md"}:
            continue
        text = file.read_text()
        blocks = [text] if file.suffix != ".md" else re.findall(r"(?ms)^[ \t]*```\s*ya?ml[^\n]*\n(.*?)^[ \t]*```", text)
        for block in blocks:
            try:
                # What a template engine of the site takes out.
                found = list(yaml.load_all(re.sub(r"\{%-?\s*(?:end)?raw\s*-?%\}", "", block), yaml.CSafeLoader))
            except yaml.YAMLError:
                # Some are cut short, or are templates.
                continue
            for document in found:
                if isinstance(document, dict) and str(document.get("apiVersion")).rpartition("/")[0] in GROUPS:
                    yield str(file.relative_to(ESO)), json.loads(json.dumps(document, default=str))


def made(schema: dict[str, Any], chance: random.Random, depth: int = 0) -> Any:
    """Something that the schema takes, except where fields exclude each other."""
    match schema.get("type"):
        case "string":
            return made_text(schema, chance)
        case "integer" | "number":
            return schema.get("minimum", chance.choice([1, 2]))
        case "boolean":
            return chance.random() < 0.5
        case "array":
            count = max(schema.get("minItems", 0), chance.choice([0, 1, 1, 2]))
            return [made(schema["items"], chance, depth + 1) for _ in range(count)]
        case "object":
            return made_mapping(schema, chance, depth)
        case _:
            return chance.choice([1, "5"])


def made_text(schema: dict[str, Any], chance: random.Random) -> str:
    if "enum" in schema:
        return str(chance.choice(schema["enum"]))
    if schema.get("format") == "date-time":
        return "2020-01-01T00:00:00Z"
    least, most, pattern = schema.get("minLength", 0), schema.get("maxLength", 999), schema.get("pattern", "")
    if schema.get("format") == "byte":
        pattern = "=="
    return chance.choice([text for text in TEXTS if least <= len(text) <= most and re.search(pattern, text)])


def made_mapping(schema: dict[str, Any], chance: random.Random, depth: int) -> dict[str, Any]:
    fields = schema.get("properties")
    if not fields:
        values = schema.get("additionalProperties") or {}
        return {key: made(values, chance, depth + 1) for key in chance.sample(["a", "b.c", "D"], chance.choice([0, 1]))}
    if schema.get("maxProperties") == 1 or (depth and schema.get("minProperties")):
        name = chance.choice(sorted(fields))
        return {name: made(fields[name], chance, depth + 1)}
    likely = (1.0, 0.8, 0.55, 0.55)[depth] if depth < 4 else 0.35
    return {
        name: made(part, chance, depth + 1)
        for name, part in fields.items()
        if name in schema.get("required", ()) or chance.random() < likely
    }


def joined(one: Any, other: Any) -> Any:
    """All fields of both, so that there are more of them than may stand beside each other."""
    if isinstance(one, dict) and isinstance(other, dict):
        return other | {name: joined(part, other.get(name, part)) for name, part in one.items()}
    if isinstance(one, list) and isinstance(other, list):
        return [joined(*pair) for pair in zip(one, other, strict=False)] or one
    return one


def came_later(document: dict[str, Any]) -> bool:
    """Whether the pinned release judges the document by rules that are others today."""
    spec = document.get("spec")
    if "SecretStore" not in document["kind"] or not isinstance(spec, dict):
        return False
    provider = spec.get("provider")
    named = set(provider) if isinstance(provider, dict) else set()
    if "barbican" in named:
        # Logins other than by password since.
        return True
    # The interval is text as well as a number of seconds since.
    return document["apiVersion"].endswith("/v1") and (
        isinstance(spec.get("refreshInterval"), str) or bool(DROPPED_SINCE & named)
    )


def has_list_for_text(document: dict[str, Any], schema: dict[str, Any]) -> bool:
    """A server takes any list for text that has a format, and ESO then cannot read it."""

    def look(value: object, part: dict[str, Any]) -> bool:
        if isinstance(value, list):
            if part.get("type") == "string":
                return "format" in part
            return any(look(item, part.get("items", {})) for item in value)
        if isinstance(value, dict):
            fields = part.get("properties", {})
            return any(look(item, fields[key]) for key, item in value.items() if key in fields)
        return False

    return look(document, schema)


def test_every_manifest_of_its_documentation_gets_the_verdict_of_its_schema(cluster: Cluster, is_taken: Take) -> None:
    verdicts: Counter[str] = Counter()
    for file, document in documented():
        served = cluster.served.get((document["apiVersion"], document["kind"]))
        expected = (
            "skipped" if served is None else "valid" if is_taken(cluster.api, served.path, document) else "invalid"
        )
        found = recognise(document, strict=False)
        if not came_later(document):
            assert found.judgement.value == expected, (file, document, found.remarks)
            verdicts[expected] += 1
    assert verdicts.total() > 300
    assert min(verdicts[verdict] for verdict in ("valid", "invalid", "skipped")) > 10


def test_made_and_damaged_documents_get_the_verdict_of_its_schema(
    cluster: Cluster, is_taken: Take, damaged: Damage
) -> None:
    verdicts: Counter[tuple[str, bool]] = Counter()
    differing: list[tuple[dict[str, Any], object]] = []
    for (api_version, kind), served in cluster.served.items():
        chance = random.Random(f"{api_version} {kind}")
        # A document of the old version may use what only the new one has.
        newest = next(one for (_, name), one in cluster.served.items() if name == kind)
        for number in range(MADE.get(kind, 60)):
            schema = chance.choice([served.schema, newest.schema])
            document = {
                "apiVersion": api_version,
                "kind": kind,
                "metadata": {"name": "a"},
                "spec": made(schema["properties"]["spec"], chance, 1),
            }
            if number % 3 == 1:
                document["spec"] = joined(document["spec"], made(newest.schema["properties"]["spec"], chance, 1))
            if number % 2 and document["spec"]:
                document = damaged(document, chance)
            if came_later(document) or has_list_for_text(document, newest.schema):
                continue
            taken = is_taken(cluster.api, served.path, document)
            found = recognise(document, strict=False)
            if found.judgement.value != ("valid" if taken else "invalid"):
                differing.append((document, found.remarks))
            verdicts[kind, taken] += 1
    assert differing == []
    assert verdicts.total() > 2000
    assert {kind for kind, taken in verdicts if taken} == {kind for _, kind in cluster.served}
