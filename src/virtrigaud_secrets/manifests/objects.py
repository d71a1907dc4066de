"""Secrets, ConfigMaps, Namespaces and ServiceAccounts among the manifests: kept to answer references, never shown."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from virtrigaud_secrets.findings import Severity
from virtrigaud_secrets.models.remarks import Remark
from virtrigaud_secrets.sensitive import Sensitive

NAMESPACE_LABEL: Final = "kubernetes.io/metadata.name"
"""Label that every namespace carries its own name in."""

DEFAULT_TYPE: Final = "Opaque"
"""Type of a Secret that names none."""

KINDS: Final = frozenset({"Secret", "ConfigMap", "Namespace", "ServiceAccount"})
"""What is kept, all of apiVersion v1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretManifest:
    """A Kubernetes Secret among the manifests, as a whole."""

    name: str
    """Its name."""
    data: Mapping[str, Sensitive]
    """Its values."""
    type: str = "Opaque"
    """Its type."""
    labels: Mapping[str, str]
    """Its labels."""
    annotations: Mapping[str, str] = field(repr=False)
    """Its annotations: `kubectl apply` keeps a copy of the whole Secret there."""


class KubernetesObjects:
    """The objects of one catalog."""

    def __init__(self) -> None:
        self._secrets: dict[tuple[str, str], dict[str, Sensitive]] = {}
        self._secret_labels: dict[tuple[str, str], dict[str, str]] = {}
        self._secret_annotations: dict[tuple[str, str], dict[str, str]] = {}
        self._secret_types: dict[tuple[str, str], str] = {}
        self._config_maps: dict[tuple[str, str], dict[str, Sensitive]] = {}
        self._namespaces: dict[str, dict[str, str]] = {}
        self._accounts: dict[tuple[str, str], dict[str, str]] = {}

    def add(self, kind: str, data: Mapping[str, object], *, default_namespace: str) -> Iterator[Remark]:
        """Keep one object; remarks on parts of it that cannot be used."""
        metadata = _mapping(data.get("metadata"))
        name, namespace = metadata.get("name"), metadata.get("namespace") or default_namespace
        if not isinstance(name, str) or not isinstance(namespace, str):
            yield _remark(("metadata",), "expected name and namespace as text: nothing can refer to it")
        elif kind == "Namespace":
            self._namespaces[name] = _texts(metadata.get("labels"))
        elif kind == "ServiceAccount":
            # The guide declares one account in several documents, each with the annotations of one cloud.
            self._accounts.setdefault((namespace, name), {}).update(_texts(metadata.get("annotations")))
        elif kind == "Secret":
            values = self._secrets.setdefault((namespace, name), {})
            self._secret_labels[namespace, name] = _texts(metadata.get("labels"))
            self._secret_annotations[namespace, name] = _texts(metadata.get("annotations"))
            self._secret_types[namespace, name] = str(data.get("type") or DEFAULT_TYPE)
            yield from _decoded(data.get("data"), "data", values)
            yield from _plain(data.get("stringData"), "stringData", values)
        else:
            values = self._config_maps.setdefault((namespace, name), {})
            yield from _decoded(data.get("binaryData"), "binaryData", values)
            yield from _plain(data.get("data"), "data", values)

    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive | None:
        """One key of a Secret, None where the manifests have none."""
        return self._secrets.get((namespace, name), {}).get(key)

    def labelled_secret(self, name: str, *, namespace: str) -> tuple[dict[str, str], dict[str, Sensitive]] | None:
        """Labels and values of a Secret, None where the manifests have none."""
        values = self._secrets.get((namespace, name))
        return None if values is None else (dict(self._secret_labels[namespace, name]), dict(values))

    def secret(self, name: str, *, namespace: str) -> SecretManifest | None:
        """A Secret as a whole, None where the manifests have none."""
        place = (namespace, name)
        if place not in self._secrets:
            return None
        return SecretManifest(
            name=name,
            data=dict(self._secrets[place]),
            type=self._secret_types[place],
            labels=self._secret_labels[place],
            annotations=self._secret_annotations[place],
        )

    def secrets(self, *, namespace: str) -> list[SecretManifest]:
        """The Secrets of a namespace, by name."""
        names = sorted(name for where, name in self._secrets if where == namespace)
        found = (self.secret(name, namespace=namespace) for name in names)
        return [secret for secret in found if secret is not None]

    def config_map_value(self, name: str, key: str, *, namespace: str) -> str | None:
        """One key of a ConfigMap, None where the manifests have none or it is no text."""
        value = self._config_maps.get((namespace, name), {}).get(key)
        if value is None:
            return None
        try:
            return value.reveal_text()
        except ValueError:
            return None

    def service_account_annotations(self, name: str, *, namespace: str) -> dict[str, str] | None:
        """The annotations of a ServiceAccount, None where the manifests have none of that name."""
        found = self._accounts.get((namespace, name))
        return None if found is None else dict(found)

    def namespace_labels(self, namespace: str) -> dict[str, str]:
        """The labels of a namespace: those of its manifest, and the one that every namespace has."""
        return self._namespaces.get(namespace, {}) | {NAMESPACE_LABEL: namespace}

    def knows_namespace(self, namespace: str) -> bool:
        """Whether there is a manifest of that namespace."""
        return namespace in self._namespaces


def _mapping(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _texts(value: object) -> dict[str, str]:
    return {key: text for key, text in _mapping(value).items() if isinstance(text, str)}


def _plain(data: object, part: str, values: dict[str, Sensitive]) -> Iterator[Remark]:
    for key, text in _mapping(data).items():
        if isinstance(text, str):
            values[key] = Sensitive(text)
        elif text is not None:
            yield _remark((part, key), "expected text")


def _decoded(data: object, part: str, values: dict[str, Sensitive]) -> Iterator[Remark]:
    for key, text in _mapping(data).items():
        if text is None:
            continue
        decoded = _base64(text)
        if decoded is None:
            yield _remark((part, key), "expected base64")
        else:
            values[key] = Sensitive(decoded)


def _base64(text: object) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        # Go's decoder, which reads Secrets in an API server, passes over line ends.
        return base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        return None


def _remark(location: tuple[str | int, ...], message: str) -> Remark:
    return Remark(location=location, message=message, severity=Severity.WARNING, code="unreadable-object")
