"""Law: what is marshalled reads back, and marshalling again gives the same text."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from virtrigaud_secrets.golang.encoding_json import JSONError, marshal, marshal_indent, unmarshal

VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_unmarshal_undoes_marshal(value: Any, escape_html: bool) -> None:
    text = marshal(value, escape_html=escape_html)

    assert unmarshal(text) == value
    assert unmarshal(marshal_indent(value, "", "\t", escape_html=escape_html)) == value
    assert marshal(unmarshal(text, use_number=True), escape_html=escape_html) == text


@given(st.binary(max_size=30) | st.text(alphabet='[]{}",:\\u0dD8c1e.-ntf ', max_size=20))
def test_a_text_is_json_or_refused(text: bytes | str) -> None:
    try:
        value = unmarshal(text)
    except JSONError:
        return
    assert unmarshal(marshal(value)) == value
