from __future__ import annotations

import pytest

from virtrigaud_secrets.manifests import positions
from virtrigaud_secrets.manifests.documents import Chunk
from virtrigaud_secrets.manifests.positions import Place, RepeatedKey, locate

TEXT = """# head
a:
  b: 1
  c:
    - x
    - y: 1
      z:
        1
d: &d {e: 1,
  f: 2}
g: *d
h:
  <<: *d
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ((), 1),
        (("a",), 1),
        (("a", "b"), 2),
        (("a", "c"), 3),
        (("a", "c", 0), 4),
        (("a", "c", 1), 5),
        (("a", "c", 1, "y"), 5),
        (("a", "c", 1, "z"), 6),
        (("d", "f"), 9),
        (("g",), 10),
        (("g", "f"), 10),
        (("h", "<<"), 12),
        (("h", "f"), 11),
        (("a", "c", 7, "y"), 3),
        (("zz",), 1),
    ],
)
def test_lines(place: Place, line: int) -> None:
    assert locate(Chunk(TEXT, 0)).line(place) == line


def test_repeated_keys() -> None:
    found = locate(Chunk("a:\n  b: 1\n  c: {b: 1}\n  b: 2\n<<: {}\n<<: {}\n", 0))

    assert found.repeated == [RepeatedKey(("a", "b"), 1, 3)]


def test_keys_are_equal_by_their_text() -> None:
    found = locate(Chunk("1: a\n'1': b\ntrue: a\nyes: b\n", 0))

    assert [repeated.place for repeated in found.repeated] == [("1",), ("true",)]


def test_a_scalar() -> None:
    assert locate(Chunk("\n\ntext", 0)).line(()) == 2


def test_an_empty_chunk() -> None:
    assert locate(Chunk("", 0)).line(("a",)) == 0


def test_lines_are_not_kept_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(positions, "MAX_PLACES", 2)
    found = locate(Chunk("a: 1\nb: 1\nc: 1\na: 2\n", 0))

    assert len(found.lines) == 2
    assert [repeated.place for repeated in found.repeated] == [("a",)]


def test_an_alias_as_key() -> None:
    assert locate(Chunk("a: &a x\n*a : b\nc: 1", 0)).line(("c",)) == 2
