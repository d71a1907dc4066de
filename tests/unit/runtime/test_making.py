import math

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.cache.entries import SecretName
from virtrigaud_secrets.errors import ManifestNotFoundError, SecretNotFoundError, TemplateError
from virtrigaud_secrets.runtime.making import Access, Made
from virtrigaud_secrets.stores.base import Fetch

from_cache = Access(lambda _fetch, _kept: True, lambda _fetch, kept: kept)
anew = Access(lambda _fetch, _kept: False, lambda _fetch, kept: kept)


@pytest.fixture
def maker(resolver):
    return resolver.keeper.maker


def name(text):
    return SecretName("ns", text)


def test_a_name_is_looked_up_in_the_manifests(maker):
    assert maker.name_of("kv", None) == maker.name_of("kv", "ns") == name("kv")
    with pytest.raises(ManifestNotFoundError):
        maker.name_of("kvx", None)


def test_a_plan_is_made_once(maker):
    assert maker.plan(name("kv")) is maker.plan(name("kv"))


def test_the_interval_is_the_manifests(maker):
    assert maker.interval(name("kv")) == 60
    assert maker.interval(name("db")) == 3600


@pytest.mark.parametrize("spec", ["refreshInterval: 0s", "refreshInterval: 60s\n  refreshPolicy: CreatedOnce"])
def test_some_manifests_want_no_periodic_reads(lab, clock, tmp_path, spec):
    from virtrigaud_secrets import Resolver, Settings

    (tmp_path / "m.yaml").write_text(
        "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: a, namespace: ns}\n"
        f"spec:\n  {spec}\n  secretStoreRef: {{name: lab}}\n  data: [{{secretKey: a, remoteRef: {{key: k}}}}]\n"
    )
    with Resolver.from_path(tmp_path, settings=Settings(), clock=clock) as resolver:
        assert resolver.keeper.maker.interval(name("a")) == math.inf


def test_what_was_made_says_of_what(maker, lab):
    made = maker.make(name("kv"), anew)
    assert {fetch.key for fetch in made.used} == {"kv/a", "kv/b"}
    assert sorted(made.bundle) == ["a", "b"]
    assert made.found == {}


def test_what_is_kept_is_used(maker, lab):
    maker.make(name("kv"), from_cache)
    maker.make(name("kv-too"), from_cache)
    assert lab.count("get", "kv/a") == 1
    maker.make(name("kv-too"), anew)
    assert lab.count("get", "kv/a") == 2


def test_searches_are_made_anew_unless_they_are_given(maker, lab):
    made = maker.make(name("search"), from_cache)
    maker.make(name("search"), from_cache)
    assert lab.count("find") == 2
    again = maker.make(name("search"), Access(from_cache.usable, from_cache.took, made.found))
    assert lab.count("find") == 2
    assert dict(again.bundle) == dict(made.bundle)


def test_reading_ahead_leaves_faults_to_the_makings(maker, lab):
    del lab.secrets["kv/b"]
    plan = maker.plan(name("kv"))
    store = plan.requests[0].fetch.store
    maker.read([(store, [request.fetch for request in plan.requests])], from_cache)
    assert lab.count("get") == 2
    with pytest.raises(SecretNotFoundError):
        maker.make(name("kv"), from_cache)
    assert lab.count("get", "kv/a") == 1


def test_reading_ahead_uses_batches_where_there_are_any(make_resolver, lab):
    lab.batches = True
    maker = make_resolver().keeper.maker
    store = maker.plan(name("kv")).requests[0].fetch.store
    maker.read([(store, [Fetch(store=store, key=f"kv/{key}") for key in "ab"])], from_cache)
    assert lab.batch_sizes == [2]


def test_a_template_that_refuses_is_an_error_that_names_the_manifest(maker, lab):
    lab.mode = "poison"
    with pytest.raises(TemplateError) as caught:
        maker.make(name("db"), anew)
    assert caught.value.manifest == "ExternalSecret ns/db"


def test_what_was_made_is_the_same_only_with_type_labels_and_annotations():
    made = Made(Bundle({"a": b"1"}, type="t", labels={"l": "1"}, annotations={"n": "1"}), {}, {})
    assert made.gives_what(Bundle({"a": b"1"}, type="t", labels={"l": "1"}, annotations={"n": "1"}))
    assert not made.gives_what(Bundle({"a": b"2"}, type="t", labels={"l": "1"}, annotations={"n": "1"}))
    assert not made.gives_what(Bundle({"a": b"1"}, labels={"l": "1"}, annotations={"n": "1"}))
    assert not made.gives_what(Bundle({"a": b"1"}, type="t", annotations={"n": "1"}))
    assert not made.gives_what(Bundle({"a": b"1"}, type="t", labels={"l": "1"}))
