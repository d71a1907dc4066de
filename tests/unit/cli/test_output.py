"""How commands print."""

import json

from virtrigaud_secrets.cli.output import complain, console, print_json, remark, visible, write_text


def test_an_error_is_one_block_on_standard_error(capsys):
    complain("first line\nsecond line", code="manifest")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "error[manifest]: first line\n  second line\n"


def test_nothing_is_read_as_markup(capsys):
    console().print("[bold]x[/bold] :smile:")
    remark("[red]y")
    captured = capsys.readouterr()
    assert captured.out == "[bold]x[/bold] :smile:\n"
    assert captured.err == "[red]y\n"


def test_json_is_utf_8_and_keeps_its_order(capsys):
    print_json({"b": "é", "a": 1})
    text = capsys.readouterr().out
    assert "é" in text
    assert list(json.loads(text)) == ["b", "a"]


def test_control_characters_do_not_reach_the_terminal(capsys):
    complain("a\x1b[2Jb\rc\x9b1m\n\u202ed")
    remark("\x1b]0;title\x07")
    assert capsys.readouterr().err == "error: a\\x1b[2Jb\\rc\\x9b1m\n  \\u202ed\n\\x1b]0;title\\x07\n"
    assert visible("é → · 日本\n") == "é → · 日本\n"


def test_text_for_programs_is_utf_8_and_never_fails(capfdbinary):
    write_text("é\udc80\n")
    assert capfdbinary.readouterr().out == "é\\udc80\n".encode()
