"""No text and no data makes rendering end in anything but an output or a `TemplateError`."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from virtrigaud_secrets.errors import TemplateError
from virtrigaud_secrets.template import Limits, Options
from virtrigaud_secrets.template import compile as compile_template
from virtrigaud_secrets.template.functions import NAMES

SLOW = {
    "genPrivateKey",
    "genCA",
    "genCAWithKey",
    "genSelfSignedCert",
    "genSelfSignedCertWithKey",
    "genSignedCert",
    "genSignedCertWithKey",
    "buildCustomCert",
    "derivePassword",
    "bcrypt",
    "htpasswd",
}
PIECES = [
    "{{",
    "}}",
    "{{-",
    "-}}",
    " -}}",
    "{{- ",
    "(",
    ")",
    "|",
    " := ",
    " = ",
    ", ",
    "$x",
    "$",
    ".a",
    ".",
    ".a.b",
    '"x"',
    '"',
    "`",
    "'",
    "/*",
    "*/",
    "if ",
    "else",
    "end",
    "range ",
    "with ",
    "nil",
    "true",
    "1",
    "-1",
    "1.5",
    "2i",
    "0x",
    "'a'",
    "define ",
    "block ",
    "template ",
    "break",
    "continue",
    "\n",
    " ",
    "é",
    "\udcff",
    "\x00",
    "{{end}}",
    "{{else}}",
    "{{range .}}",
    "{{if .a}}",
    "{{with .a}}",
    '{{define "t"}}',
]
LIMITS = Limits(steps=2000, value_size=20_000, output_size=50_000, items=1000)
functions = st.sampled_from(sorted(NAMES - SLOW))
soup = st.lists(
    st.one_of(st.sampled_from(PIECES), functions.map(lambda name: f" {name} "), st.text(max_size=3)), max_size=15
)
arguments = st.sampled_from(
    [
        " .a",
        " .b",
        ' ""',
        ' "a,b"',
        " 0",
        " -1",
        " 3",
        " 2.5",
        " nil",
        " true",
        " (list 1 `a` nil)",
        " (dict `a` 1)",
        " .",
        " (now)",
        " (until 3)",
        " (int64 5)",
        " (split `,` `a`)",
        " (list)",
        " `%d`",
        " `[`",
        " 9223372036854775807",
        " -9223372036854775808",
        " (toDate `2006` `1999`)",
    ]
)
calls = st.builds(lambda name, values: f"{{{{ {name}{''.join(values)} }}}}", functions, st.lists(arguments, max_size=4))
values = st.one_of(
    st.binary(max_size=20), st.sampled_from([b"a: [1, {b: c}]", b'{"a":[1,null]}', b"1.2.3", b"2006-01-02", b"5"])
)


def ends_well(text: str, data: dict[str, bytes], options: Options) -> None:
    output, reason = b"", ""
    try:
        output = compile_template(text, options=options, limits=LIMITS).render(data)
    except TemplateError as error:
        reason = error.reason
    assert not any(words in reason for words in ("internal error", "nested too deep")), (text, data)
    assert len(output) <= LIMITS.output_size


@given(
    soup.map("".join),
    values,
    st.sampled_from([Options(), Options(missing_key="default"), Options(delimiters=("<", ">"))]),
)
@example("{{range 2}}{{range list}}{{else}}{{break}}{{end}}{{.}}{{end}}", b"", Options())
@settings(max_examples=400, deadline=None)
def test_any_text(text: str, value: bytes, options: Options) -> None:
    ends_well(text, {"a": value, "b": b"x"}, options)


@given(st.lists(calls, min_size=1, max_size=3).map("".join), values, values)
@example("{{ jwkPublicKeyPem .a }}", b"NaN", b"")
@settings(max_examples=600, deadline=None)
def test_any_call(text: str, first: bytes, second: bytes) -> None:
    ends_well(text, {"a": first, "b": second}, Options())


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_function_refuses_nil(name: str) -> None:
    for count in range(4):
        ends_well(f"{{{{ {name}{' nil' * count} }}}}", {}, Options())
