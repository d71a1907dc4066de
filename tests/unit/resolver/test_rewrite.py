"""Rewriting of names and merging of secrets: ESO §2.5 and the vectors of §7."""

import pytest

from virtrigaud_secrets.bundle import Provenance
from virtrigaud_secrets.errors import DecodingError, TemplateError
from virtrigaud_secrets.golang.regexp import RegexpError
from virtrigaud_secrets.models.external_secret import ExternalSecretRewrite
from virtrigaud_secrets.resolver.rewrite import faults, rewrite
from virtrigaud_secrets.resolver.values import Value


def origin(name):
    return Provenance(store="SecretStore ns/s", path=name)


def operations(*written):
    return tuple(ExternalSecretRewrite.model_validate(one) for one in written)


def values(**data):
    return {name: Value(text.encode(), (origin(name),)) for name, text in data.items()}


def names(*keys):
    return {key: Value(key.encode(), (origin(key),)) for key in keys}


def run(given, *written):
    made = rewrite(operations(*written), given, field="spec.dataFrom[0]")
    return {key: value.data.decode() for key, value in made.items()}


def merge(**options):
    return {"merge": options}


# ------------------------------------------------------------------------------------------------ regexp


@pytest.mark.parametrize(
    ("source", "target", "name", "expected"),
    [
        ("a(.)", "$1_z", "xabyac", "xy"),  # the group is called `1_z`, and there is none
        ("a(.)", "${1}_z", "xabyac", "xb_zyc_z"),
        ("^team/", "", "team/vc", "vc"),
        ("(?P<who>[a-z]+)-(?P<what>[a-z]+)", "${what}.${who}", "svc-key", "key.svc"),
        ("/", "$$", "a/b", "a$b"),
        ("nope", "x", "a", "a"),
        ("", "-", "ab", "-a-b-"),
        ("é", "e", "café", "cafe"),
    ],
)
def test_regexp_replaces_every_match(source, target, name, expected):
    assert run(names(name), {"regexp": {"source": source, "target": target}}) == {expected: name}


def test_operations_follow_one_another():
    upper = {"transform": {"template": "{{ .value | upper }}"}}
    shorter = {"regexp": {"source": "^TEAM_", "target": ""}}
    assert run(names("team_a", "team_b"), upper, shorter) == {"A": "team_a", "B": "team_b"}


def test_of_two_names_that_become_one_the_one_that_sorts_last_stays():
    assert run(names("b", "a", "c"), {"regexp": {"source": ".", "target": "x"}}) == {"x": "c"}


def test_no_operation_changes_nothing():
    assert run(names("a/b")) == {"a/b": "a/b"}


# --------------------------------------------------------------------------------------------- transform


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ .value }}", "a/b"),
        ('{{ .value | replace "/" "_" | upper }}', "A_B"),
        ('{{ index (splitList "/" .value) 1 }}', "b"),
        ("{{ .nope }}", "<no value>"),  # no missingkey=error here
        ("constant", "constant"),
    ],
)
def test_transform_makes_the_name_from_a_template(text, expected):
    assert run(names("a/b"), {"transform": {"template": text}}) == {expected: "a/b"}


def test_a_transform_that_fails_names_the_operation_and_no_value():
    given = {"name": Value(b"canary", (origin("name"),))}
    with pytest.raises(TemplateError) as caught:
        run(given, {"regexp": {"source": "x", "target": "y"}}, {"transform": {"template": '{{ fail "on purpose" }}'}})
    assert caught.value.fields == ("spec.dataFrom[0].rewrite[1]",)
    assert "canary" not in str(caught.value)


# ------------------------------------------------------------------------------------------------- merge


def test_merge_extracts_the_top_level_keys():
    given = values(a='{"user":"u","port":5432,"ratio":1.50,"on":true,"none":null}', b='{"o":{"z":"<","a":1.0}}')
    assert run(given, merge()) == {
        "user": "u",
        "port": "5432",
        "ratio": "1.5",
        "on": "true",
        "none": "",
        "o": '{"a":1,"z":"\\u003c"}',
    }


def test_numbers_go_through_float64():
    assert run(values(a='{"n":12345678901234567890}'), merge()) == {"n": "12345678901234567000"}


def test_null_counts_as_an_empty_object():
    assert run(values(a="null", b='{"x":"1"}'), merge()) == {"x": "1"}


@pytest.mark.parametrize("text", ["", "canary", "[]", '"canary"', "1", '{"a":1e999}', '{"a":1} x'])
def test_what_is_no_object_is_refused_by_name(text):
    with pytest.raises(DecodingError, match='"bad" is none') as caught:
        run(values(bad=text, good="{}"), merge())
    assert "canary" not in str(caught.value)


def test_a_key_found_twice_is_a_conflict_even_when_equal():
    with pytest.raises(DecodingError, match="more than one secret: x, y"):
        run(values(a='{"x":"1","y":"1","z":"1"}', b='{"x":"1","y":"2"}'), merge())


def test_priority_alone_does_not_settle_a_conflict():
    with pytest.raises(DecodingError, match="more than one secret: x"):
        run(values(a='{"x":"1"}', b='{"x":"2"}'), merge(priority=["a"]))


def test_where_conflicts_are_ignored_the_name_that_sorts_last_wins():
    given = values(b='{"x":"b"}', a='{"x":"a"}', c='{"x":"c"}')
    assert run(given, merge(conflictPolicy="Ignore")) == {"x": "c"}


def test_the_last_of_the_priority_wins():
    given = values(a='{"x":"a"}', b='{"x":"b"}', c='{"x":"c"}')
    assert run(given, merge(conflictPolicy="Ignore", priority=["b", "a"])) == {"x": "a"}


def test_a_name_twice_in_the_priority_conflicts_with_itself():
    with pytest.raises(DecodingError, match="more than one secret: x"):
        run(values(a='{"x":"1"}'), merge(priority=["a", "a"]))


def test_a_priority_that_is_not_there_is_an_error_unless_ignored():
    given = values(a='{"x":"1"}')
    with pytest.raises(DecodingError, match='a priority for "b"'):
        run(given, merge(priority=["b"]))
    assert run(given, merge(priority=["b"], priorityPolicy="IgnoreNotFound")) == {"x": "1"}


def test_json_keeps_what_was_found_and_adds_the_whole():
    given = values(b='{"y":"<\u2028","n":1e21}', a='{"x":1.0}')
    assert run(given, merge(strategy="JSON", into="all")) == {
        "a": '{"x":1.0}',
        "b": '{"y":"<\u2028","n":1e21}',
        "all": '{"n":1e+21,"x":1,"y":"<\\u2028"}',
    }


def test_json_replaces_a_name_that_is_there():
    assert run(values(a='{"x":"1"}'), merge(strategy="JSON", into="a")) == {"a": '{"x":"1"}'}


def test_json_without_a_name_for_the_whole_is_an_error():
    with pytest.raises(DecodingError, match="into"):
        run(values(a="{}"), merge(strategy="JSON"))


def test_nothing_found_merges_to_nothing():
    assert run({}, merge()) == {}
    assert run({}, merge(strategy="JSON", into="all")) == {"all": "{}"}


def test_a_merged_key_comes_from_its_source_and_the_whole_from_all():
    given = values(a='{"x":"1"}', b='{"y":"2"}')
    extracted = rewrite(operations(merge()), given, field="f")
    assert {key: value.origins for key, value in extracted.items()} == {"x": (origin("a"),), "y": (origin("b"),)}
    joined = rewrite(operations(merge(strategy="JSON", into="all")), given, field="f")
    assert joined["all"].origins == (origin("a"), origin("b"))


# ------------------------------------------------------------------------------------- before anything is read


def test_faults_that_need_no_secret():
    found = list(
        faults(
            operations(
                {"regexp": {"source": "(?=x)", "target": ""}},
                {"regexp": {"source": "x", "target": "$nope"}},
                {"transform": {"template": "{{ .value "}},
                merge(strategy="JSON"),
                merge(),
            ),
            field="spec.dataFrom[3]",
        )
    )
    assert isinstance(found[0], RegexpError)
    assert [fault.fields for fault in found] == [
        ("spec.dataFrom[3].rewrite[0]",),
        ("spec.dataFrom[3].rewrite[2]",),
        ("spec.dataFrom[3].rewrite[3]",),
    ]
