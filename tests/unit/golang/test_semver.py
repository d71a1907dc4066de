from __future__ import annotations

import pytest

from virtrigaud_secrets.golang.semver import parse_constraint, parse_version


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("1", "1.0.0"), ("v1.2", "1.2.0"), ("1.2.3-rc.1+b.2", "1.2.3-rc.1+b.2"), ("01.002.3", "1.2.3"),
        ("18446744073709551615.0.0", "18446744073709551615.0.0"), ("1+x", "1.0.0+x"), ("1-", None), ("", None),
        ("1.2.3.4", None), ("1.2.3-01", None), ("1.2.3-a..b", None), ("1.2.3+", None), ("V1", None), ("1.2.3\n", None),
        ("18446744073709551616", None), ("1" * 5000, None), ("1.2.3-é", None),
    ],
)  # fmt: skip
def test_versions(text: str, written: str | None) -> None:
    if written is None:
        with pytest.raises(ValueError, match=r".") as caught:
            parse_version(text)
        assert not text.strip() or text not in str(caught.value)
    else:
        version = parse_version(text)
        assert str(version) == written
        assert version.original == text


ORDER = ["0.9", "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-a", "1.0.0-a.1", "1.0.0-b", "1.0.0", "1.0.1", "1.1.0", "2"]


def test_order() -> None:
    versions = [parse_version(text) for text in ORDER]
    for index, one in enumerate(versions):
        for other_index, other in enumerate(versions):
            assert one.compare(other) == (index > other_index) - (index < other_index)
    assert parse_version("1+a").compare(parse_version("1+b")) == 0
    assert parse_version("1-18446744073709551616").compare(parse_version("1-5")) == 1


def test_counting_up() -> None:
    version = parse_version("v1.2.3-rc+b")
    assert version.next_patch().original == "v1.2.3"
    assert str(version.next_minor()) == "1.3.0"
    assert str(version.next_major()) == "2.0.0"
    assert str(parse_version("1.2.3").next_patch()) == "1.2.4"
    assert str(version.with_prerelease("")) == "1.2.3+b"
    assert str(version.with_metadata("x.y")) == "1.2.3-rc+x.y"
    assert str(version.with_metadata("")) == "1.2.3-rc"
    for change in (version.with_prerelease, version.with_metadata):
        with pytest.raises(ValueError, match="string"):
            change("_")


@pytest.mark.parametrize(
    ("constraint", "yes", "no"),
    [
        ("1.2.3", ["1.2.3", "1.2.3+b"], ["1.2.4", "1.2.3-a"]),
        ("=1.2", ["1.2.0", "1.2.9"], ["1.3.0"]),
        ("!=1.2.3", ["1.2.4"], ["1.2.3"]),
        ("!=1.x", ["2.0.0"], ["1.5.0"]),
        ("!=1.2.x", ["1.3.0", "2.2.0"], ["1.2.5"]),
        ("!=1.2-a", ["1.2.0-b"], ["1.2.9-a"]),
        (">1.2.3", ["1.2.4"], ["1.2.3"]),
        (">1", ["2.0.0"], ["1.9.0", "0.9.0"]),
        (">1.2", ["1.3.0"], ["1.2.9"]),
        (">*", ["1.0.0"], ["0.0.0"]),
        ("<1.2", ["1.1.9"], ["1.2.0"]),
        (">=1.2", ["1.2.0", "2.0.0"], ["1.1.0"]),
        ("=>1.2", ["1.2.0"], ["1.1.0"]),
        ("<=1.2.3", ["1.2.3"], ["1.2.4"]),
        ("=<1.2", ["1.2.9"], ["1.3.0", "2.0.0"]),
        ("<=1", ["1.9.9"], ["2.0.0"]),
        ("~1.2.3", ["1.2.9"], ["1.3.0", "1.2.2", "2.2.3"]),
        ("~>1", ["1.9.0"], ["2.0.0"]),
        ("~0.0.0", ["5.0.0"], []),
        ("^1.2.3", ["1.9.0"], ["2.0.0", "1.2.2"]),
        ("^0.2.3", ["0.2.9"], ["0.3.0", "1.0.0"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4", "0.1.3"]),
        ("^0.0", ["0.0.9"], ["0.1.0"]),
        ("^0", ["0.9.0"], ["1.0.0"]),
        ("*", ["1.0.0"], ["1.0.0-a"]),
        (">=1.0.0-0", ["1.0.0-a", "2.0.0-b"], []),
        ("1.2 - 2.3", ["1.2.0", "2.3.9"], ["2.4.0"]),
        (">1 <3, !=2.1.0 || 5.x", ["2.0.0", "5.5.0"], ["2.1.0", "4.0.0"]),
    ],
)
def test_constraints(constraint: str, yes: list[str], no: list[str]) -> None:
    wanted = parse_constraint(constraint)
    assert [text for text in (*yes, *no) if wanted.check(parse_version(text))] == yes


@pytest.mark.parametrize("text", ["", "x.y", "==1", "1,,2", "1 ||", ">", "1.2.3.4", "é", "1 2 _", "1|2"])
def test_what_is_no_constraint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_constraint(text)
