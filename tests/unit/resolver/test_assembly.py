"""From answers to the map that templates see."""

from datetime import UTC, datetime

import pytest

from virtrigaud_secrets.bundle import Lease
from virtrigaud_secrets.errors import DecodingError, PropertyNotFoundError, ResolveError
from virtrigaud_secrets.models.external_secret import ExternalSecretRewrite
from virtrigaud_secrets.resolver.assembly import assemble
from virtrigaud_secrets.resolver.plan import DataStep, Decoding, ExtractStep, FindStep, GeneratorStep, Plan
from virtrigaud_secrets.stores.base import Answer, Fetch, Payload, Query, StoreKey

STORE = StoreKey("SecretStore", "ns", "store")
ONE = Fetch(store=STORE, key="one")
TWO = Fetch(store=STORE, key="two")


class Fields(Payload):
    def __init__(self, **fields):
        self.fields = fields

    def whole(self):
        return b"whole"

    def property(self, name):
        if name not in self.fields:
            raise PropertyNotFoundError("no such property", property_name=name)
        return self.fields[name]

    def entries(self, name=""):
        return self.fields[name] if name else self.fields


def plan(*steps, skip_missing=False):
    return Plan(name="es", namespace="ns", target=None, requests=(), steps=steps, skip_missing=skip_missing)


def data(key, fetch=ONE, **options):
    return DataStep(field=f"spec.data[{key}]", fetch=fetch, secret_key=key, **options)


def extract(fetch=ONE, **options):
    return ExtractStep(field="spec.dataFrom[0]", fetch=fetch, **options)


def resolved(plan, answers):
    return {key: value.data for key, value in assemble(plan, answers).items()}


def answer(**fields):
    return Answer(payload=Fields(**fields), path="kv/one")


def test_property_and_whole():
    steps = plan(data("a", property="x"), data("b"))
    assert resolved(steps, {ONE: answer(x=b"1")}) == {"a": b"1", "b": b"whole"}


def test_a_later_key_replaces_an_earlier_one():
    steps = plan(extract(), data("x", fetch=TWO, property="x"))
    answers = {ONE: answer(x=b"old", y=b"kept"), TWO: answer(x=b"new")}
    assert resolved(steps, answers) == {"x": b"new", "y": b"kept"}


def test_extract_converts_then_checks_then_decodes():
    steps = plan(extract(conversion="Unicode", decoding=Decoding(strategy="Base64")))
    assert resolved(steps, {ONE: answer(**{"a/b": b"YQ=="})}) == {"a_U002f_b": b"a"}


def test_provenance_says_path_property_and_end():
    end = datetime(2030, 1, 1, tzinfo=UTC)
    sooner = datetime(2029, 1, 1, tzinfo=UTC)
    lease = Lease(lease_id="l", duration=6, renewable=True, expires_at=sooner)
    one = Answer(payload=Fields(x=b"canary"), path="vsphere/creds/r", version="3", lease=lease, expires_at=end)
    value = assemble(plan(data("a", property="x")), {ONE: one})["a"]
    (origin,) = value.origins
    assert (origin.store, origin.path, origin.property, origin.version) == (
        "SecretStore ns/store",
        "vsphere/creds/r",
        "x",
        "3",
    )
    assert origin.lease is lease
    assert origin.expires_at == sooner
    assert value.data == b"canary"
    assert "canary" not in repr(value)


def test_each_fault_is_reported_with_its_field_store_and_path():
    steps = plan(data("a", property="x"), data("b", property="nope"), data("c", property="y"))
    steps = plan(*steps.steps, data("d", property="x", decoding=Decoding(strategy="Base64")))
    with pytest.raises(ResolveError) as caught:
        assemble(steps, {ONE: answer(x=b"canary!", y=b"2")})
    missing, undecodable = caught.value.errors
    assert isinstance(missing, PropertyNotFoundError)
    assert (missing.fields, missing.path, missing.store) == (("spec.data[b]",), "kv/one", "SecretStore ns/store")
    assert isinstance(undecodable, DecodingError)
    assert "canary" not in str(caught.value)


def test_a_missing_property_is_an_error_even_where_missing_secrets_are_skipped():
    with pytest.raises(PropertyNotFoundError):
        assemble(plan(data("a", property="nope"), skip_missing=True), {ONE: answer(x=b"1")})


def test_an_answer_left_out_leaves_its_keys_out():
    steps = plan(data("a", property="x"), data("b", fetch=TWO), skip_missing=True)
    assert resolved(steps, {ONE: answer(x=b"1")}) == {"a": b"1"}


def test_a_payload_that_calls_a_property_missing_is_skipped_where_the_plan_says_so():
    class Fake(Fields):
        def property(self, name):
            raise PropertyNotFoundError("Secret does not exist", property_name=name, missing=True)

    answers = {ONE: Answer(payload=Fake(), path="one")}
    assert resolved(plan(data("a", property="x"), skip_missing=True), answers) == {}
    with pytest.raises(PropertyNotFoundError):
        resolved(plan(data("a", property="x")), answers)


def test_found_secrets_are_whole_under_their_converted_names():
    query = Query(store=STORE, name="x")
    step = FindStep(field="spec.dataFrom[0]", query=query, conversion="Unicode")
    found = {name: Answer(payload=Fields(), path=f"kv/{name}") for name in ("b/c", "a")}
    values = assemble(plan(step), {query: found})
    assert {key: (value.data, value.origins[0].path) for key, value in values.items()} == {
        "a": (b"whole", "kv/a"),
        "b_U002f_c": (b"whole", "kv/b/c"),
    }


def test_found_names_that_collide_are_a_fault_of_the_search():
    query = Query(store=STORE, name="x")
    step = FindStep(field="spec.dataFrom[0]", query=query)
    with pytest.raises(DecodingError, match="collision") as caught:
        assemble(plan(step), {query: {name: answer() for name in ("a/b", "a b")}})
    assert caught.value.fields == ("spec.dataFrom[0]",)


def regexp(source, target):
    return ExternalSecretRewrite.model_validate({"regexp": {"source": source, "target": target}})


MERGE = ExternalSecretRewrite.model_validate({"merge": {}})


def test_a_rewrite_sees_raw_names_and_stands_in_for_the_conversion():
    steps = plan(extract(rewrite=(regexp("^team/", ""),), conversion="Unicode"))
    values = assemble(steps, {ONE: answer(**{"team/user": b"u"})})
    assert values["user"].data == b"u"
    assert values["user"].origins[0].property == "team/user"


def test_without_conversion_a_name_that_no_secret_may_have_is_refused():
    with pytest.raises(DecodingError, match="invalid secret key 'b/user'"):
        assemble(plan(extract(rewrite=(regexp("^a", "b"),))), {ONE: answer(**{"a/user": b"u"})})


def test_a_name_that_is_rewritten_to_nothing_is_dropped():
    steps = plan(extract(rewrite=(regexp("^drop$", ""),)))
    assert resolved(steps, {ONE: answer(drop=b"1", keep=b"2")}) == {"keep": b"2"}


def test_decoding_comes_after_the_rewrite():
    steps = plan(extract(rewrite=(MERGE,), decoding=Decoding(strategy="Base64")))
    assert resolved(steps, {ONE: answer(a=b'{"x":"YQ=="}', b=b'{"y":"Yg=="}')}) == {"x": b"a", "y": b"b"}


@pytest.mark.parametrize(("converts_first", "expected"), [(True, {"a_b"}), (False, {"a.b"})])
def test_some_providers_convert_what_they_find_before_a_rewrite_sees_it(converts_first, expected):
    query = Query(store=STORE, name="x")
    step = FindStep(field="f", query=query, rewrite=(regexp("/", "."),), converts_first=converts_first)
    assert set(assemble(plan(step), {query: {"a/b": answer()}})) == expected


def test_a_fault_of_a_rewrite_names_the_operation():
    with pytest.raises(DecodingError) as caught:
        assemble(plan(extract(rewrite=(regexp("x", "y"), MERGE))), {ONE: answer(a=b"canary")})
    assert caught.value.fields == ("spec.dataFrom[0].rewrite[1]",)
    assert caught.value.manifest == "ExternalSecret ns/es"
    assert "canary" not in str(caught.value)


def test_entries_of_a_property_say_so():
    values = assemble(plan(extract(property="inner")), {ONE: answer(inner={"user": b"u"})})
    assert values["user"].origins[0].property == "inner.user"


def generated(**options):
    return GeneratorStep(field="spec.dataFrom[0]", fetch=ONE, **options)


def test_what_a_generator_makes_is_rewritten_and_neither_converted_nor_decoded():
    steps = plan(generated(rewrite=(regexp("^", "x-"),)))
    values = assemble(steps, {ONE: answer(password=b"YQ==\0")})
    assert {key: value.data for key, value in values.items()} == {"x-password": b"YQ==\0"}
    assert values["x-password"].origins[0].property == "password"


def test_a_name_that_no_secret_may_have_is_refused_of_a_generator_too():
    with pytest.raises(DecodingError, match="invalid secret key 'a/b'"):
        assemble(plan(generated()), {ONE: answer(**{"a/b": b"1"})})
