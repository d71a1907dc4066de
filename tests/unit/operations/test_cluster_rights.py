"""Whose rights are asked about, and what is said of an answer; with a real cluster in tests/integration/operations."""

from __future__ import annotations

from datetime import timedelta

import pytest

from virtrigaud_secrets.errors import AuthenticationError
from virtrigaud_secrets.manifests import load
from virtrigaud_secrets.operations import cluster_rights
from virtrigaud_secrets.operations.cluster_rights import ClusterRights
from virtrigaud_secrets.operations.diagnosis import Level
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import StoreKey
from virtrigaud_secrets.stores.cluster_access import ClusterAccess
from virtrigaud_secrets.testing import ManualClock

ACCESS = ClusterAccess(server="https://cluster", origin="a test")
KEY = StoreKey("SecretStore", "ns", "remote")
MANIFESTS = """
{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {name: remote, namespace: ns},
 spec: {provider: {kubernetes: {remoteNamespace: far, auth: {token: {bearerToken: {name: login, key: token}}}}}}}
---
{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: one, namespace: ns},
 spec: {secretStoreRef: {name: remote}, data: [{secretKey: a, remoteRef: {key: k}}]}}
"""


@pytest.fixture
def reviewer(monkeypatch):
    """A cluster that grants what it is told to grant."""

    class Reviewer:
        granted = frozenset()
        fault = None
        closed = 0

        def __init__(self, access, **_):
            assert access is ACCESS

        def reviewed(self, verb, resource, *, namespace="", subresource="", name=""):
            del subresource
            if self.fault is not None:
                raise self.fault
            return (verb, resource.plural, namespace, name) in self.granted

        def close(self):
            Reviewer.closed += 1

    monkeypatch.setattr(cluster_rights, "ClusterObjects", Reviewer)
    return Reviewer


@pytest.fixture
def rights(tmp_path):
    (tmp_path / "all.yaml").write_text(MANIFESTS)
    return ClusterRights(load(tmp_path), settings=Settings(), clock=ManualClock())


def asked(rights, key=KEY):
    limit = timedelta(seconds=1)
    of_store = rights.of_process(ACCESS, timeout=limit) if key is None else rights.of_store(key, ACCESS, timeout=limit)
    return [(one.level, one.subject, one.message) for one in of_store]


def test_each_account_is_asked_about_its_own(reviewer, rights):
    lack = "RBAC does not grant get on secrets {} in {}"
    assert asked(rights) == [(Level.ERROR, str(KEY), lack.format("k", "far"))]
    assert asked(rights, None) == [(Level.ERROR, "cluster https://cluster", lack.format("login", "ns"))]
    reviewer.granted = {("get", "secrets", "far", "k")}
    assert asked(rights) == [(Level.OK, str(KEY), "RBAC grants all that the manifests need")]
    assert reviewer.closed == 3


def test_stores_whose_policies_have_one_name_are_told_apart(reviewer, tmp_path):
    other = MANIFESTS.replace("name: remote, namespace: ns", "name: b-remote, namespace: a").replace("far", "b")
    same = MANIFESTS.replace("name: remote, namespace: ns", "name: remote, namespace: a-b").replace("far", "a")
    other = other.replace("namespace: ns", "namespace: a").replace(
        "secretStoreRef: {name: remote}", "secretStoreRef: {name: b-remote}"
    )
    (tmp_path / "two.yaml").write_text(f"{other}---\n{same.replace('namespace: ns', 'namespace: a-b')}")
    rights = ClusterRights(load(tmp_path), settings=Settings(), clock=ManualClock())
    for namespace, name, remote in (("a", "b-remote", "b"), ("a-b", "remote", "a")):
        ((_, _, message),) = asked(rights, StoreKey("SecretStore", namespace, name))
        assert message == f"RBAC does not grant get on secrets k in {remote}"


def test_who_needs_nothing_is_not_asked_about(reviewer, rights):
    assert asked(rights, StoreKey("SecretStore", "ns", "other")) == []
    assert reviewer.closed == 0


def test_a_cluster_that_does_not_answer(reviewer, rights):
    reviewer.fault = AuthenticationError("refused")
    ((level, _, message),) = asked(rights)
    assert (level, message) == (Level.ERROR, "refused")
