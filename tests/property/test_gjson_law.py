"""Laws: a look-up raises nothing but its limit; a key that is there is found; what is valid is what Go calls valid."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from virtrigaud_secrets import gjson
from virtrigaud_secrets.gjson.validity import is_valid
from virtrigaud_secrets.golang import encoding_json

DOCUMENT_TEXT = st.text() | st.text(alphabet='[]{}",:\\u0dD8c1e.-ntf() ', max_size=40)
PATH_TEXT = st.text() | st.lists(
    st.sampled_from([
        "a", ".", "|", "#", "#(", ")", "[", "]", "{", "}", ",", ":", "*", "?", "\\", "==", "!%", '"', "~true", "0",
        "..", "@reverse", "@flatten", "@pretty", "@join", "@keys", "@dig:",
        "@group", "@tostr", "@fromstr", "!true", "!{",
    ]),
    max_size=10,
).map("".join)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(DOCUMENT_TEXT | st.binary(), PATH_TEXT)
def test_nothing_but_the_limit_is_raised(document: str | bytes, path: str) -> None:
    with suppress(gjson.PathLimitError):
        found = gjson.get(document, path)
        assert isinstance(found.text, str)
        assert found.exists or not found.raw


@given(st.dictionaries(st.text(min_size=1), VALUES, min_size=1, max_size=5), st.data(), st.booleans())
def test_a_key_that_is_there_is_found(members: dict[str, Any], data: st.DataObject, ascii_only: bool) -> None:
    key = data.draw(st.sampled_from(sorted(members)))
    path = re.sub(r"([^A-Za-z0-9])", r"\\\1", key)

    found = gjson.get(json.dumps(members, ensure_ascii=ascii_only), path)

    assert json.loads(found.raw) == members[key]
    if isinstance(members[key], str):
        assert found.text == members[key]


@given(DOCUMENT_TEXT | VALUES.map(json.dumps))
def test_valid_means_the_same_everywhere(text: str) -> None:
    assert is_valid(text) == encoding_json.valid(text)
