from virtrigaud_secrets.errors import TemplateExecutionError, TemplateSyntaxError
from virtrigaud_secrets.template.source import Source


def test_a_fault_is_shown_with_line_column_and_caret() -> None:
    error = Source("tls.crt", "a\r\n\tb {{ x }}\r\nc").syntax_error("bad", 9)
    assert isinstance(error, TemplateSyntaxError)
    assert str(error) == "tls.crt:2:7: bad\n   b {{ x }}\n        ^"


def test_a_failure_may_have_no_place() -> None:
    source = Source("k", "{{ .a }}")
    error = source.execution_error("too much", None)
    assert isinstance(error, TemplateExecutionError)
    assert str(error) == "k: too much"
    assert source.execution_error("bad", 3).column == 4


def test_a_very_long_line_is_not_shown() -> None:
    error = Source("k", "x" * 1000).syntax_error("bad", 500)
    assert error.source_line is None
    assert str(error) == "k:1:501: bad"
