"""What has another type than it should counts as absent."""

from virtrigaud_secrets.operations.bodies import mapping, name_of, number, sequence, text


def test_each_type_is_itself_or_empty():
    assert mapping({"a": 1}) == {"a": 1}
    assert mapping([1]) == {}
    assert sequence([1]) == [1]
    assert sequence("ab") == []
    assert text("a") == "a"
    assert text(None) == ""
    assert number(3) == 3
    assert number(None, 1) == 1


def test_the_name_of_an_object():
    assert name_of({"metadata": {"namespace": "ns", "name": "a"}}) == ("ns", "a")
    assert name_of({"metadata": {"name": "a"}}) == ("", "a")
    assert name_of({}) == ("", "")
