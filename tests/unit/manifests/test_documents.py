from __future__ import annotations

import pytest
import yaml

from virtrigaud_secrets.manifests import documents
from virtrigaud_secrets.manifests.documents import Chunk, PlainDocument, YamlFault, compose, events, split
from virtrigaud_secrets.manifests.limits import MAX_ALIASED_NODES, MAX_DEPTH


@pytest.fixture(params=["libyaml", "python"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "python":
        monkeypatch.setattr(documents, "LOADER", yaml.SafeLoader)


def load(text: str) -> list[object]:
    return [document.data for chunk in split(text) if (document := compose(chunk)) is not None]


def one(text: str) -> object:
    (data,) = load(text)
    return data


def fault(text: str) -> YamlFault:
    with pytest.raises(YamlFault) as caught:
        load(text)
    return caught.value


def test_plain_scalars_are_what_go_makes_of_them() -> None:
    text = "a: yes\nb: 'yes'\nc: 0600\nd: 2024-01-31\ne: 1e3\nf: =\ng: ~\nh: 1:30\n"

    assert one(text) == {
        "a": True,
        "b": "yes",
        "c": 0o600,
        "d": "2024-01-31",
        "e": 1000.0,
        "f": "=",
        "g": None,
        "h": "1:30",
    }


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("!!str 5", "5"),
        ("!!int 5", 5),
        ("!!float 1.5", 1.5),
        ("!custom 5", "5"),
        ("! 5", "5"),
        ('"5"', "5"),
        ("|\n  a\n  b\n", "a\nb\n"),
        (">\n  a\n  b\n", "a b\n"),
        ("[]", []),
        ("{}", {}),
        ("[a, {b: c}]", ["a", {"b": "c"}]),
        ('{"a": [1, 2.5, null, true]}', {"a": [1, 2.5, None, True]}),
    ],
)
def test_values(text: str, data: object) -> None:
    assert one(text) == data


def test_keys_become_text() -> None:
    text = "1: a\nyes: b\n1.5: c\n'2': d\n1e3: e\n.inf: f\noff: g\n-1e300: h\n"

    assert one(text) == {
        "1": "a",
        "true": "b",
        "1.5": "c",
        "2": "d",
        "1000": "e",
        "+Inf": "f",
        "false": "g",
        "-Inf": "h",
    }


@pytest.mark.parametrize("text", ["[a]: b", "{a: b}: c", "~: b", "? [a, b]\n: c", "a: {{ .x }}", "&a [x]: b"])
def test_keys_that_cannot(text: str) -> None:
    assert fault(text).reason.startswith("a mapping's key must be text")


def test_an_alias_of_a_list_is_no_key() -> None:
    assert fault("a: &a [x]\n*a : b").reason == "a mapping's key must be text"


def test_an_alias_as_a_key() -> None:
    assert one("a: &a x\n*a : b") == {"a": "x", "x": "b"}


def test_aliases() -> None:
    assert one("a: &a {b: &b [1]}\nc: *a\nd: *b\ne: &e text\nf: *e") == {
        "a": {"b": [1]},
        "c": {"b": [1]},
        "d": [1],
        "e": "text",
        "f": "text",
    }


def test_merges_fill_in_what_is_not_there() -> None:
    text = "a: &a {x: 1, w: 1}\nb: &b {w: 2, z: 2}\nc: {w: 0, <<: [*a, *b]}\nd: {<<: *a, x: 9}\n'<<': kept\n"

    assert one(text) == {
        "a": {"x": 1, "w": 1},
        "b": {"w": 2, "z": 2},
        "c": {"w": 0, "x": 1, "z": 2},
        "d": {"x": 9, "w": 1},
        "<<": "kept",
    }


def test_two_merges_in_one_mapping() -> None:
    assert one("a: &a {x: 1}\nb: &b {x: 2, w: 2}\nc:\n  <<: *a\n  <<: *b\n") == {
        "a": {"x": 1},
        "b": {"x": 2, "w": 2},
        "c": {"x": 1, "w": 2},
    }


@pytest.mark.parametrize("text", ["a: {<<: 5}", "a: {<<: [1]}", "a: {<<: text}"])
def test_a_merge_needs_mappings(text: str) -> None:
    assert fault(text).reason == "<< needs a mapping, or a list of them"


def test_a_merge_sign_in_a_list_is_text() -> None:
    assert one("[<<]") == ["<<"]


def test_documents_end_where_a_line_begins_with_three_dashes() -> None:
    text = "# head\n---\na: |\n  ---\n  text\n---\nb: '--- x'\n--- # next\nc: 1\n---\n# nothing\n---x: 1\n"

    assert load(text) == [{"a": "---\ntext\n"}, {"b": "--- x"}, {"c": 1}, {"---x": 1}]


def test_lines_of_the_chunks() -> None:
    chunks = list(split("# head\n---\na: 1\n---\n\nb: 1\n"))

    assert [chunk.line for chunk in chunks] == [0, 3]
    assert [document.line for chunk in chunks if (document := compose(chunk))] == [2, 2]


def test_directives_belong_to_the_document_behind_them() -> None:
    assert load("%YAML 1.1\n---\na: 1\n") == [{"a": 1}]


def test_no_text_is_no_document() -> None:
    assert load("") == []
    assert load("# only a comment\n") == []
    assert load("---\n---\n") == [None, None]


def test_three_dots_end_a_document_too() -> None:
    assert load("a: 1\n...\n--- \nb: 1\n...\n") == [{"a": 1}, {"b": 1}]


def test_repeated_keys_are_told() -> None:
    single = {"a": {"b": 1}, "c": {"b": 1}}

    assert compose(Chunk("a: {b: 1, b: 2}", 0)) == PlainDocument({"a": {"b": 2}}, 0, repeats_keys=True)
    assert compose(Chunk("a: {b: 1}\nc: {b: 1}", 0)) == PlainDocument(single, 0, repeats_keys=False)


def test_windows_line_ends() -> None:
    assert load("a: 1\r\n---\r\nb: 2\r\n") == [{"a": 1}, {"b": 2}]


def test_json_has_pairs_of_escapes() -> None:
    assert one('{"a": "\\ud83d\\ude00"}') == {"a": "\U0001f600"}
    assert one('---\n{"a": "\\\\ud83d\\\\ude00"}') == {"a": "\\ud83d\\ude00"}


@pytest.mark.parametrize(
    "text", ["a: b: c", "a: [", "\ta: 1", "a: 'x", "a: 1\n b: 2", "a: *x", "@a", "a: 1\n...\nb: 1"]
)
def test_what_is_no_yaml(text: str) -> None:
    found = fault(text)

    assert found.reason
    assert not found.hostile


def test_a_fault_knows_its_place() -> None:
    found = fault("a: 1\nb: c: d\n")

    assert (found.line, found.column) == (1, 4)


@pytest.mark.parametrize(
    "text",
    [
        "&a [*a]",
        "a: &a {b: *a}",
        "a: &a\n  - b: [*a]",
        "[" * (MAX_DEPTH + 1),
        "- " * (MAX_DEPTH + 1) + "a",
        '{"a":' * (MAX_DEPTH + 1),
        "- &a0 [x]\n" + "".join(f"- &a{i + 1} [*a{i}]\n" for i in range(MAX_DEPTH)),
        "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(9)),
        "a: &a {b: 1}\n" + "c: {" + ",".join("<<: *a" for _ in range(MAX_ALIASED_NODES)) + "}",
    ],
    ids=["cycle", "cycle-in-mapping", "deep-cycle", "lists", "items", "json", "alias-chain", "laughs", "merges"],
)
def test_hostile_documents(text: str) -> None:
    assert fault(text).hostile


def test_as_deep_as_allowed() -> None:
    data = one("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    depth = 0
    while isinstance(data, list):
        data, depth = (data[0] if data else None), depth + 1

    assert depth == MAX_DEPTH


def test_a_character_that_yaml_does_not_have() -> None:
    found = fault("a: \x01hunter2")

    assert found.hostile
    assert "hunter2" not in found.reason


def test_binary_scalars_are_refused() -> None:
    assert "!!binary" in fault("a: !!binary YQ==").reason


def test_events_are_those_of_the_chunk() -> None:
    assert [type(event).__name__ for event in events(Chunk("a", 0))][2:3] == ["ScalarEvent"]
