import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.template import (
    Limits,
    Options,
    TemplateExecutionError,
    TemplateSyntaxError,
    compile,  # noqa: A004
    environment,
    render,
)
from virtrigaud_secrets.template.functions import find_function

SECRET = "hunter2-planted"


def test_render() -> None:
    assert render("{{ .a }}-{{ .b | upper }}", {"a": b"x", "b": b"y"}) == b"x-Y"
    assert render("plain", {}) == b"plain"


def test_bytes_pass_unchanged() -> None:
    data = bytes(range(256))
    assert render("{{ .a }}", {"a": data}) == data
    assert render("{{ $x := .a }}{{ $x }}{{ len .a }}", {"a": data}) == data + b"256"
    assert render("{{ .a }}{{ .b }}", {"a": b"\xc3", "b": b"\xa9"}).decode() == "é"


def test_the_name_is_in_errors() -> None:
    with pytest.raises(TemplateSyntaxError, match=r"^tls\.crt:1:4: "):
        render("{{ nope }}", {}, name="tls.crt")
    with pytest.raises(TemplateExecutionError, match=r"^tls\.crt:1:4: "):
        render("{{ .nope }}", {}, name="tls.crt")


def test_equal_templates_are_compiled_once() -> None:
    assert compile("{{ .once }}") is compile("{{ .once }}")
    assert compile("{{ .once }}") is not compile("{{ .once }}", name="other")
    assert compile("{{ .once }}") is not compile("{{ .once }}", limits=Limits(steps=5))
    large = "x" * (environment.CACHED_SOURCE_SIZE + 1)
    assert compile(large) is not compile(large)


def test_a_template_shows_no_text() -> None:
    template = compile("{{ .a }} some text")
    assert "some text" not in repr(template)
    assert template.name == "template"


def test_options() -> None:
    assert compile("[[ .a ]]", options=Options(delimiters=("[[", "]]"))).render({"a": b"x"}) == b"x"
    lenient = compile("{{ .a }}", options=Options(missing_key="default"))
    assert lenient.render({}) == b"<no value>"
    assert lenient.render({"a": b"x"}) == b"x"


def test_nested_data() -> None:
    template = compile("{{ .a.b }}{{ range .l }}{{ . }}{{ end }}{{ .n }}", options=Options(nested=True))
    assert (
        template.render({"a": {"b": b"x"}, "l": ["1", 2, 3.5, True, None], "n": None})
        == b"x123.5true<no value><no value>"
    )


def test_text_may_be_given_as_text() -> None:
    assert compile("{{ .a }}").render({"a": "é"}) == "é".encode()
    assert compile("{{ . }}").render({"a": "é"}) == "map[a:é]".encode()


@pytest.mark.parametrize("text", ["{{ .a }}", "{{ . }}", "{{ .a | upper }}"])
def test_what_is_no_text_needs_the_option(text: str) -> None:
    with pytest.raises(ConfigurationError, match="'a' is none"):
        compile(text).render({"a": 1})


@pytest.mark.parametrize(
    "text",
    [
        "{{ .a | int | until | index 5 }}",
        "{{ .nope }}",
        "{{ .a.b }}",
        "{{ range .a }}{{ end }}",
        "{{ index . .a .a }}",
        "{{ eq . .a }}",
        "{{ lt .a 1 }}",
        "{{ fail .a }}",
        "{{ print .a | fail }}",
        "{{ mustFromJson .a }}",
        "{{ mustToDate `2006` .a }}",
        "{{ semver .a }}",
        "{{ mustRegexMatch .a `[` }}{{ mustRegexMatch (print `[` .a) `x` }}",
        "{{ (dict .a 1).x }}",
        "{{ call .a }}",
        "{{ slice .a 1 }}",
        "{{ urlParse (print `://` .a) }}",
        "{{ genCA .a .a }}",
        "{{ pkcs12key .a }}",
        "{{ filterPEM `X` (print .a .a) }}",
        "{{ jwkPublicKeyPem .a }}",
        "{{ rsaDecrypt `RSA-OAEP` `None` .a .a }}",
        "{{ decryptAES .a .a }}",
        "{{ first .a }}",
        "{{ dig .a .a }}",
        "{{ template `x` .a }}",
    ],
)
def test_no_error_shows_a_value(text: str) -> None:
    with pytest.raises(TemplateExecutionError) as caught:
        render(text, {"a": SECRET.encode()})
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown
    assert "internal error" not in shown
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_message_that_is_part_of_the_template_is_shown() -> None:
    with pytest.raises(TemplateExecutionError, match="no certificate"):
        render("{{ if .a }}{{ fail `no certificate` }}{{ end }}", {"a": b"x"})


def test_a_fault_in_a_function_is_an_error_without_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    function = find_function("upper")
    assert function is not None

    def broken(text: str) -> str:
        raise KeyError(text)

    monkeypatch.setattr(environment, "_compile_cached", environment.compile_uncached)
    template = compile("{{ .a | upper }}")
    broken_function = type(function)("upper", broken, function.params, function.result)
    monkeypatch.setattr("virtrigaud_secrets.template.expressions.find_function", lambda _: broken_function)
    template = compile("{{ .a | upper }}")
    with pytest.raises(TemplateExecutionError, match="internal error: KeyError") as caught:
        template.render({"a": SECRET.encode()})
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_time_comes_from_the_clock() -> None:
    class Fixed:
        def now(self) -> datetime:
            return datetime(2024, 2, 29, 10, tzinfo=UTC)

        def elapsed(self) -> float:
            return 0.0

        def sleep(self, seconds: float) -> None:
            raise AssertionError(seconds)

    assert compile("{{ now | unixEpoch }}").render({}, clock=Fixed()) == b"1709200800"


def test_threads_share_a_template() -> None:
    template = compile("{{ $x := .n }}{{ range until 50 }}{{ $x }}{{ $x = print $.n }}{{ end }}")
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda number: template.render({"n": b"%d" % number}), range(100)))
    assert results == [b"%d" % number * 50 for number in range(100)]
