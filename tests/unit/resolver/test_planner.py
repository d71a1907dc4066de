"""From one ExternalSecret to its plan, without I/O."""

from types import SimpleNamespace

import pytest

from virtrigaud_secrets.errors import (
    InvalidRequestError,
    ManifestError,
    ResolveError,
    StoreNotFoundError,
)
from virtrigaud_secrets.golang.regexp import RegexpError
from virtrigaud_secrets.models.external_secret import ExternalSecretSpec
from virtrigaud_secrets.resolver.plan import DataStep, ExtractStep, FindStep, GeneratorStep
from virtrigaud_secrets.resolver.planner import PARAMETERS_ANNOTATION, Planner
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Preview, StoreKey


class Binding:
    """A store that spells keys without their mount and knows one request that cannot work."""

    converts_found_names = True

    def __init__(self, name, namespace, repairs=()):
        self.key = StoreKey("SecretStore", namespace, name)
        self.repairs = repairs

    def preview(self, fetch):
        if fetch.key == "pki/issue/nameless":
            raise InvalidRequestError("common_name is missing", path=fetch.key)
        canonical = type(fetch)(
            store=fetch.store,
            key=fetch.key.removeprefix("secret/data/"),
            version=fetch.version,
            metadata=fetch.metadata,
            parameters=fetch.parameters,
        )
        return Preview(fetch=canonical, method="GET", path=canonical.key, repairs=("mount-routing",))


def bind(reference, namespace):
    if reference.name == "nowhere":
        raise StoreNotFoundError('could not get SecretStore "nowhere", not found')
    return Binding(reference.name, namespace, repairs=("store-namespace",))


def document(annotations=None, **spec):
    written = {"secretStoreRef": {"name": "store"}, **spec}
    return SimpleNamespace(
        name="es",
        namespace="ns",
        file="es.yaml",
        line=3,
        index=0,
        labels={"team": "x"},
        annotations=annotations or {},
        spec=ExternalSecretSpec.model_validate(written),
    )


def plan(annotations=None, settings=None, **spec):
    return Planner(bind, settings=settings or Settings()).plan(document(annotations, **spec))


def entry(key, name="k", **more):
    store = more.pop("store", None)
    source = {"sourceRef": {"storeRef": {"name": store}}} if store else {}
    return {"secretKey": name, "remoteRef": {"key": key, **more}, **source}


def test_equal_references_become_one_request():
    made = plan(data=[entry("a", "u", property="u"), entry("a", "p", property="p"), entry("b")])
    assert [request.path for request in made.requests] == ["a", "b"]
    assert [step.property for step in made.steps] == ["u", "p", ""]


def test_two_spellings_of_one_path_become_one_request():
    assert len(plan(data=[entry("secret/data/a", "u"), entry("a", "p")]).requests) == 1


def test_other_versions_metadata_and_stores_are_other_requests():
    made = plan(
        data=[
            entry("a", "1"),
            entry("a", "2", version="2"),
            entry("a", "3", metadataPolicy="Fetch"),
            entry("a", "4", store="other"),
        ]
    )
    assert len(made.requests) == 4


def test_data_from_comes_before_data():
    made = plan(data=[entry("a")], dataFrom=[{"extract": {"key": "b", "decodingStrategy": "Base64"}}])
    first, second = made.steps
    assert isinstance(first, ExtractStep)
    assert (first.field, first.decoding.strategy) == ("spec.dataFrom[0]", "Base64")
    assert isinstance(second, DataStep)
    assert second.field == "spec.data[0]"


def test_a_search_is_planned_with_its_criteria():
    find = {"name": {"regexp": "^vc"}, "tags": {"b": "2", "a": "1"}, "path": "team", "conversionStrategy": "Unicode"}
    made = plan(dataFrom=[{"find": find}, {"find": find}])
    step = made.steps[0]
    assert isinstance(step, FindStep)
    assert (step.query.name, step.query.tags, step.query.path) == ("^vc", (("a", "1"), ("b", "2")), "team")
    assert step.conversion == "Unicode"
    assert made.searches == (step.query,)
    assert made.fields_of(step.query) == ("spec.dataFrom[0]", "spec.dataFrom[1]")
    assert made.requests == ()


def test_rewrites_travel_with_their_entry():
    operations = [{"regexp": {"source": "a", "target": "b"}}, {"merge": {}}]
    extract, find = plan(
        dataFrom=[
            {"extract": {"key": "x"}, "rewrite": operations},
            {"find": {"path": "y"}, "rewrite": operations},
        ]
    ).steps
    assert [one.regexp is not None for one in extract.rewrite] == [True, False]
    assert find.rewrite == extract.rewrite
    assert find.converts_first


def test_each_entry_of_a_generator_is_a_request_of_its_own():
    entry = {"sourceRef": {"generatorRef": {"kind": "Password", "name": "pw"}}}
    made = plan(dataFrom=[entry, entry | {"rewrite": [{"regexp": {"source": "^", "target": "x"}}]}])
    first, second = made.steps
    assert isinstance(first, GeneratorStep)
    assert [request.fetch for request in made.requests] == [first.fetch, second.fetch]
    assert first.fetch.key == "ExternalSecret ns/es spec.dataFrom[0]"
    assert len(second.rewrite) == 1


def test_an_entry_that_names_only_a_store_contributes_nothing():
    made = plan(data=[entry("a")], dataFrom=[{"sourceRef": {"storeRef": {"name": "other"}}}])
    assert len(made.steps) == 1


def test_repairs_are_named_once():
    assert plan(data=[entry("a"), entry("b")]).repairs == ("store-namespace", "mount-routing")


def test_parameters_of_the_annotation_go_before_the_settings():
    settings = Settings(parameters={"pki/issue/r": {"common_name": "settings"}, "x": {"ttl": "1h"}})
    annotation = '{"pki/issue/r": {"common_name": "annotation"}}'
    made = plan({PARAMETERS_ANNOTATION: annotation}, settings, data=[entry("pki/issue/r", "1"), entry("x", "2")])
    assert [request.fetch.parameters for request in made.requests] == [
        (("common_name", '"annotation"'),),
        (("ttl", '"1h"'),),
    ]


@pytest.mark.parametrize("text", ["", "canary", "[]", '{"a": 1}', '"canary"', "[" * 200_000])
def test_a_bad_annotation_names_the_field_and_not_its_text(text):
    with pytest.raises(ManifestError) as caught:
        plan({PARAMETERS_ANNOTATION: text}, data=[entry("a")])
    assert "es.yaml:3" in str(caught.value)
    assert PARAMETERS_ANNOTATION in str(caught.value)
    assert "canary" not in str(caught.value)


def test_one_missing_store_is_one_fault_that_names_all_its_fields():
    with pytest.raises(StoreNotFoundError) as caught:
        plan(secretStoreRef={"name": "nowhere"}, data=[entry("a"), entry("b")])
    assert caught.value.manifest == "ExternalSecret ns/es"
    assert caught.value.fields == ("spec.data[0]", "spec.data[1]")


def test_all_faults_are_reported():
    with pytest.raises(ResolveError) as caught:
        plan(
            data=[entry("a", store="nowhere"), entry("pki/issue/nameless")],
            dataFrom=[{"extract": {"key": "x"}, "rewrite": [{"regexp": {"source": "(?=a)", "target": "b"}}]}],
        )
    assert [type(error) for error in caught.value.errors] == [
        RegexpError,
        StoreNotFoundError,
        InvalidRequestError,
    ]
    assert caught.value.errors[0].fields == ("spec.dataFrom[0].rewrite[0]",)


def test_no_store_at_all_is_said_plainly():
    with pytest.raises(ManifestError, match="no store"):
        plan(secretStoreRef=None, data=[entry("a")])


@pytest.mark.parametrize(("policy", "skips"), [("Retain", False), ("Delete", True), ("Merge", True)])
def test_deletion_policy_decides_about_missing_secrets(policy, skips):
    assert plan(target={"deletionPolicy": policy}, data=[entry("a")]).skip_missing is skips
