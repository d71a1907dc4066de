from __future__ import annotations

from pathlib import Path

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.errors import ClosedError, ManifestNotFoundError, PushError, UnsupportedFeatureError
from virtrigaud_secrets.resolver.push_report import PushReport
from virtrigaud_secrets.testing.contract import assert_hidden

CANARY = "canary-5f1c0e-never-show"
MANIFESTS = """
apiVersion: v1
kind: Secret
metadata: {{name: source, namespace: ns}}
stringData: {{a: "{canary}", b: "{canary}-b"}}
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {{name: dev, namespace: ns}}
spec: {{provider: {{fake: {{data: [{{key: theirs, value: "{canary}"}}]}}}}}}
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {{name: bao, namespace: ns}}
spec: {{provider: {{vault: {{server: "https://bao.invalid", auth: {{tokenSecretRef: {{name: t, key: k}}}}}}}}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: back, namespace: ns}}
spec: {{secretStoreRef: {{name: dev}}, data: [{{secretKey: a, remoteRef: {{key: r, property: inner}}}}]}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: made, namespace: ns}}
spec: {{secretStoreRef: {{name: dev}}, data: [{{secretKey: a, remoteRef: {{key: theirs}}}}]}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: issued, namespace: ns}}
spec: {{secretStoreRef: {{name: bao}}, data: [{{secretKey: a, remoteRef: {{key: db/creds/r, property: password}}}}]}}
---
apiVersion: external-secrets.io/v1alpha1
kind: PushSecret
metadata: {{name: p, namespace: ns}}
spec:
  secretStoreRefs: [{{name: dev}}]
  selector: {{secret: {{name: {source}}}}}
  deletionPolicy: Delete
  dataTo: [{{storeRef: {{name: dev}}, match: {{regexp: "{match}"}}}}]
  data: [{{match: {{secretKey: a, remoteRef: {{remoteKey: {remote}, property: inner}}}}}}]
"""


def resolver(directory: Path, *, source: str = "source", match: str = "^b$", remote: str = "r") -> Resolver:
    text = MANIFESTS.format(canary=CANARY, source=source, match=match, remote=remote)
    (directory / "all.yaml").write_text(text)
    return Resolver.from_path(directory)


def told(report: PushReport) -> list[str]:
    return [str(entry).partition(" [")[0] for entry in report.entries]


def test_what_is_pushed_can_be_resolved(tmp_path: Path) -> None:
    with resolver(tmp_path) as made:
        assert told(made.push("p")) == ["created: b", "created: r, property inner"]
        assert made.resolve("back").text("a") == CANARY
        assert told(made.push("p", namespace="ns")) == ["unchanged: b", "unchanged: r, property inner"]


def test_a_dry_run_tells_and_writes_nothing(tmp_path: Path) -> None:
    with resolver(tmp_path) as made:
        report = made.push("p", dry_run=True)

        assert report.dry_run
        assert told(report) == told(made.push("p"))


def test_what_a_former_push_reported_is_deleted_when_it_is_gone(tmp_path: Path) -> None:
    with resolver(tmp_path) as made:
        before = made.push("p")
    with resolver(tmp_path, match="^none$") as made:
        assert told(made.push("p", previous=before)) == ["created: r, property inner", "absent: b"]
        # And what this resolver pushed last is remembered without being told.
        assert told(made.push("p")) == ["unchanged: r, property inner"]


def test_a_bundle_of_this_library_is_a_source(tmp_path: Path) -> None:
    with resolver(tmp_path, source="made", match="^none$") as made:
        assert told(made.push("p")) == ["created: r, property inner"]
        assert made.resolve("back").text("a") == CANARY


def test_a_dry_run_makes_no_credential(tmp_path: Path) -> None:
    with resolver(tmp_path, source="issued") as made, pytest.raises(UnsupportedFeatureError) as caught:
        made.push("p", dry_run=True)
    assert str(caught.value).startswith("PushSecret ns/p: spec.selector.secret.name: a dry run would make something")


def test_no_error_shows_a_value(tmp_path: Path) -> None:
    with resolver(tmp_path, remote="theirs") as made, pytest.raises(PushError) as caught:
        made.push("p")
    assert "theirs" in str(caught.value)
    assert_hidden(caught.value)
    for error in caught.value.errors:
        assert_hidden(error)
    assert told(caught.value.report) == ["created: b"]


def test_what_failed_in_part_is_remembered(tmp_path: Path) -> None:
    with resolver(tmp_path, remote="theirs") as made:
        with pytest.raises(PushError):
            made.push("p")
        with pytest.raises(PushError) as caught:
            made.push("p")
    assert told(caught.value.report) == ["unchanged: b"]


def test_a_closed_resolver_pushes_nothing(tmp_path: Path) -> None:
    made = resolver(tmp_path)
    made.close()
    with pytest.raises(ClosedError):
        made.push("p")


def test_a_push_secret_that_is_not_there(tmp_path: Path) -> None:
    with resolver(tmp_path) as made, pytest.raises(ManifestNotFoundError, match="did you mean ns/p"):
        made.push("pp")


GENERATED = """
{apiVersion: generators.external-secrets.io/v1alpha1, kind: Password, metadata: {name: pw, namespace: ns}}
---
{apiVersion: generators.external-secrets.io/v1alpha1, kind: Fake, metadata: {name: known, namespace: ns},
 spec: {data: {password: known}}}
---
{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {name: dev, namespace: ns},
 spec: {provider: {fake: {data: [{key: theirs, value: x}]}}}}
---
{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: back, namespace: ns},
 spec: {secretStoreRef: {name: dev}, data: [{secretKey: a, remoteRef: {key: r}}]}}
---
{apiVersion: external-secrets.io/v1alpha1, kind: PushSecret, metadata: {name: p, namespace: ns},
 spec: {secretStoreRefs: [{name: dev}], selector: {generatorRef: {kind: KIND, name: NAME}},
        data: [{match: {secretKey: password, remoteRef: {remoteKey: r}}}]}}
"""


def generating(directory: Path, kind: str, name: str) -> Resolver:
    (directory / "all.yaml").write_text(GENERATED.replace("KIND", kind).replace("NAME", name))
    return Resolver.from_path(directory)


def test_what_a_generator_makes_is_pushed_and_is_another_value_each_time(tmp_path: Path) -> None:
    with generating(tmp_path, "Password", "pw") as made:
        assert told(made.push("p")) == ["created: r"]
        assert len(made.resolve("back").text("a")) == 24
        assert told(made.push("p")) == ["updated: r"]


def test_a_dry_run_makes_nothing(tmp_path: Path) -> None:
    with (
        generating(tmp_path, "Password", "pw") as made,
        pytest.raises(UnsupportedFeatureError, match=r"spec.selector.generatorRef: a dry run would make something"),
    ):
        made.push("p", dry_run=True)
    with generating(tmp_path, "Fake", "known") as made:
        assert told(made.push("p", dry_run=True)) == ["created: r"]
