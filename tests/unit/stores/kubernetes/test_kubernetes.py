from __future__ import annotations

import importlib.util

import pytest

from virtrigaud_secrets.errors import ConfigurationError, InvalidRequestError, MissingDependencyError
from virtrigaud_secrets.models.backends.fake import FakeProvider
from virtrigaud_secrets.models.backends.kubernetes import KubernetesProvider
from virtrigaud_secrets.stores.base import Fetch, StoreKey
from virtrigaud_secrets.stores.kubernetes import FACTORY

STORE = StoreKey("SecretStore", "team", "s")
SPEC = KubernetesProvider(remote_namespace="remote")


def test_a_preview_names_the_secret_and_drops_what_a_cluster_has_not(make_context):
    fetch = Fetch(store=STORE, key="db", version="3", parameters=(("a", "1"),), metadata=True)
    preview = FACTORY.preview(SPEC, fetch, make_context())
    assert (preview.method, preview.path, preview.side_effect) == ("GET", "namespaces/remote/secrets/db", False)
    assert preview.fetch == Fetch(store=STORE, key="db", metadata=True)


@pytest.mark.parametrize("key", ["", "a/b", "../x", "UPPER", "a\n", "a_b", "a" * 254, "-a", "é"])
def test_a_key_that_is_no_name_is_told_before_anything_is_sent(make_context, key):
    with pytest.raises(InvalidRequestError, match="no name of a Secret") as caught:
        FACTORY.preview(SPEC, Fetch(store=STORE, key=key), make_context())
    assert caught.value.store == str(STORE)


def test_another_backends_spec_is_refused(make_context):
    spec = FakeProvider(data=())
    with pytest.raises(ConfigurationError, match="another backend's spec"):
        FACTORY.preview(spec, Fetch(store=STORE, key="db"), make_context())
    with pytest.raises(ConfigurationError, match="another backend's spec"):
        FACTORY.connect(spec, make_context())


def test_it_needs_its_extra(make_context, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"virtrigaud-secrets\[kubernetes\]"):
        FACTORY.connect(SPEC, make_context())


def test_its_model():
    assert FACTORY.spec_model is KubernetesProvider
