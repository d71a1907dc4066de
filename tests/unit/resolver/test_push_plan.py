from __future__ import annotations

import pytest

from virtrigaud_secrets.errors import DecodingError, ManifestError, ResolveError, SecretsError
from virtrigaud_secrets.models.push_secret import PushSecretSpec
from virtrigaud_secrets.resolver.push_plan import PushStep, PushStore, Source, check_stores, steps_for
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import StoreKey

KEYS = {"username": "u", "db-host": "h", "db-port": "5432", "a_U002f_b": "x"}
SOURCE = Source(
    name="source",
    entries={key: Sensitive(value) for key, value in KEYS.items()},
    type="kubernetes.io/tls",
    labels={"l": "1"},
    annotations={"z": "2"},
)
STORE = PushStore(key=StoreKey("SecretStore", "n", "s"), kind="SecretStore", name="s", labels={"team": "x"})


def spec(**fields: object) -> PushSecretSpec:
    required = {"secretStoreRefs": [{"name": "s"}], "selector": {"secret": {"name": "source"}}}
    return PushSecretSpec.model_validate(required | fields)


def entry(key: str | None, remote: str, name: str | None = None, **fields: object) -> dict[str, object]:
    match = {"secretKey": key, "remoteRef": {"remoteKey": remote, "property": name}}
    return {"match": match, **fields}


def bulk(**fields: object) -> dict[str, object]:
    return {"storeRef": {"name": "s"}, **fields}


def steps(written: PushSecretSpec, *, store: PushStore = STORE) -> list[PushStep]:
    return steps_for(written, SOURCE, store)


def told(found: list[PushStep]) -> list[tuple[str, str, str, str]]:
    return [
        (step.field, step.push.target.key, step.push.target.property, step.push.value.reveal_text()) for step in found
    ]


def fault(written: PushSecretSpec) -> SecretsError:
    with pytest.raises(SecretsError) as caught:
        steps(written)
    return caught.value


def test_one_key_and_the_whole() -> None:
    found = steps(spec(data=[entry("username", "r"), entry("db-port", "r", "p"), entry(None, "all")]))

    assert told(found) == [
        ("spec.data[0]", "r", "", "u"),
        ("spec.data[1]", "r", "p", "5432"),
        ("spec.data[2]", "all", "", '{"a_U002f_b":"x","db-host":"h","db-port":"5432","username":"u"}'),
    ]
    push = found[0].push
    assert (push.type, push.labels, push.annotations) == (SOURCE.type, SOURCE.labels, SOURCE.annotations)
    assert (push.target.store, push.dry_run) == (STORE.key, False)


def test_a_dry_run_marks_every_write() -> None:
    found = steps_for(spec(data=[entry("username", "r")]), SOURCE, STORE, dry_run=True)

    assert [step.push.dry_run for step in found] == [True]


def test_metadata_travels() -> None:
    assert steps(spec(data=[entry("username", "r", metadata={"a": 1})]))[0].push.metadata == {"a": 1}
    assert steps(spec(dataTo=[bulk(metadata={"b": 2})]))[0].push.metadata == {"b": 2}


def test_reverse_unicode_gives_keys_back() -> None:
    written = spec(data=[entry("a/b", "r", conversionStrategy="ReverseUnicode")])

    assert told(steps(written)) == [("spec.data[0]", "r", "", "x")]
    assert isinstance(fault(spec(data=[entry("a/b", "r")])), DecodingError)


def test_a_key_that_is_not_there_is_told_by_field() -> None:
    error = fault(spec(data=[entry("username", "r"), entry("absent", "s")]))

    assert isinstance(error, DecodingError)
    assert (error.fields, "absent" in str(error)) == (("spec.data[1]",), True)


def test_an_entry_for_all_keys_is_one_for_each() -> None:
    assert [(key, value) for _, key, _, value in told(steps(spec(dataTo=[bulk()])))] == sorted(KEYS.items())


def test_keys_are_chosen_and_renamed_in_turn() -> None:
    rewrite = [
        {"regexp": {"source": "^db-", "target": "prod/"}},
        {"transform": {"template": "{{ .value | upper }}"}},
    ]
    found = steps(spec(dataTo=[bulk(match={"regexp": "^db-"}, rewrite=rewrite)]))

    assert told(found) == [("spec.dataTo[0]", "PROD/HOST", "", "h"), ("spec.dataTo[0]", "PROD/PORT", "", "5432")]
    assert [step.push.secret_key for step in found] == ["db-host", "db-port"]


def test_keys_are_bundled_under_a_remote_key() -> None:
    found = steps(spec(dataTo=[bulk(match={"regexp": "^db-"}, remoteKey="db")]))

    assert told(found) == [("spec.dataTo[0]", "db", "", '{"db-host":"h","db-port":"5432"}')]


def test_conversion_comes_before_the_match() -> None:
    found = steps(spec(dataTo=[bulk(match={"regexp": "/"}, conversionStrategy="ReverseUnicode")]))

    assert told(found) == [("spec.dataTo[0]", "a/b", "", "x")]


def test_what_matches_nothing_is_no_fault() -> None:
    assert (
        steps(spec(dataTo=[bulk(match={"regexp": "^nothing$"}), bulk(match={"regexp": "^no$"}, remoteKey="r")])) == []
    )


def test_data_wins_over_bulk_for_the_same_source_key() -> None:
    written = spec(dataTo=[bulk(match={"regexp": "^db-"})], data=[entry("db-host", "elsewhere")])

    assert [key for _, key, _, _ in told(steps(written))] == ["db-port", "elsewhere"]


@pytest.mark.parametrize(
    ("reference", "meant"),
    [
        ({"name": "s"}, True),
        ({"name": "t"}, False),
        ({"name": "s", "kind": "ClusterSecretStore"}, False),
        ({"labelSelector": {"matchLabels": {"team": "x"}}}, True),
        ({"labelSelector": {"matchLabels": {"team": "y"}}}, False),
        ({"labelSelector": {}, "kind": "ClusterSecretStore"}, False),
        ({"name": "t", "labelSelector": {}}, False),
    ],
)
def test_a_bulk_entry_is_for_the_stores_it_means(reference: dict[str, object], *, meant: bool) -> None:
    assert bool(steps(spec(dataTo=[{"storeRef": reference, "match": {"regexp": "^username$"}}]))) is meant


@pytest.mark.parametrize(
    "fields",
    [
        {"data": [entry("username", "r"), entry("db-host", "r")]},
        {"data": [entry("username", "r", "p"), entry("db-host", "r", "p")]},
        {"dataTo": [bulk(rewrite=[{"regexp": {"source": ".*", "target": "same"}}], match={"regexp": "^db"})]},
        {"dataTo": [bulk(match={"regexp": "^username$"}), bulk(match={"regexp": "^username$"})]},
        {"dataTo": [bulk(remoteKey="username")], "data": [entry("db-host", "username")]},
    ],
)
def test_two_that_write_to_one_place_are_refused(fields: dict[str, object]) -> None:
    error = fault(spec(**fields))

    assert isinstance(error, ManifestError)
    assert "written to one place" in str(error)


def test_two_properties_of_one_secret_are_no_double() -> None:
    assert len(steps(spec(data=[entry("username", "r", "a"), entry("username", "r", "b")]))) == 2


def test_all_faults_are_told() -> None:
    error = fault(
        spec(
            data=[entry("absent", "r"), entry("username", "x"), entry("db-host", "x")],
            dataTo=[
                bulk(match={"regexp": "("}),
                bulk(rewrite=[{"transform": {"template": "{{ nope }}"}}]),
                bulk(rewrite=[{"regexp": {"source": ".*", "target": ""}}]),
            ],
        )
    )

    assert isinstance(error, ResolveError)
    assert [one.fields for one in error.errors] == [
        ("spec.dataTo[0]",),
        ("spec.dataTo[1]",),
        ("spec.dataTo[2]",),
        ("spec.data[0]",),
        ("spec.data[1]", "spec.data[2]"),
    ]
    assert not any(value in str(error) for value in ("5432",))


def test_a_bulk_entry_names_one_of_the_stores() -> None:
    check_stores(spec(dataTo=[bulk(), {"storeRef": {"labelSelector": {}}}]))
    check_stores(spec(secretStoreRefs=[{"labelSelector": {}}], dataTo=[{"storeRef": {"name": "other"}}]))
    for reference in ({"name": "other"}, {"name": "s", "kind": "ClusterSecretStore"}):
        with pytest.raises(ManifestError, match=r"spec\.dataTo\[0\]\.storeRef: .* none of spec\.secretStoreRefs"):
            check_stores(spec(dataTo=[{"storeRef": reference}]))
