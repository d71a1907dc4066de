from __future__ import annotations

from virtrigaud_secrets.stores.aws.tags import changes_of, tag_list, tags_in


def test_tags_of_either_service() -> None:
    found = [{"Key": "a", "Value": "1"}, {"Key": "b"}, "no tag"]

    assert tags_in({"Tags": found}) == {"a": "1", "b": ""}
    assert tags_in({"TagList": found}) == {"a": "1", "b": ""}
    assert tags_in({}) == {}
    assert tags_in({"Tags": "no list"}) == {}


def test_tags_of_a_request_are_sorted() -> None:
    assert tag_list({"b": "2", "a": "1"}) == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]


def test_what_has_to_be_done_for_others() -> None:
    assert changes_of({"a": "1", "b": "2"}, {"b": "3", "c": "4"}) == (["a"], {"b": "3", "c": "4"})
    assert changes_of({"a": "1"}, {"a": "1"}) == ([], {})
