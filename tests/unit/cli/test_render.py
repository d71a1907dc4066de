"""`render`: trying a template."""

import pytest

from virtrigaud_secrets.cli.exit_codes import ExitCode


def test_render(run, tmp_path):
    (tmp_path / "t.tpl").write_text("{{ .user | upper }}\n")
    (tmp_path / "data.yaml").write_text("user: yes\n")
    code, out, _ = run("render", str(tmp_path / "t.tpl"), "--data", str(tmp_path / "data.yaml"))
    assert (code, out) == (ExitCode.OK, "YES\n")


def test_render_shows_where_a_template_is_wrong(run, tmp_path):
    (tmp_path / "t.tpl").write_text("ok\n{{ .user | nope }}\n")
    (tmp_path / "data.yaml").write_text("user: u\n")
    code, _, err = run("render", str(tmp_path / "t.tpl"), "--data", str(tmp_path / "data.yaml"))
    assert code == ExitCode.CONTENT
    assert "t.tpl:2:" in err
    assert "^" in err


@pytest.mark.parametrize("content", [": :", "[1]", "a: {b: c}", "\x00", 'a: "\\ud800"', 'a: "\\U00110000"', "[" * 9000])
def test_render_refuses_data_that_is_no_mapping_of_text(run, tmp_path, content):
    (tmp_path / "t.tpl").write_text("x")
    (tmp_path / "data.yaml").write_text(content)
    assert run("render", str(tmp_path / "t.tpl"), "--data", str(tmp_path / "data.yaml"))[0] == ExitCode.CONFIGURATION


def test_a_template_that_is_no_text(run, tmp_path):
    (tmp_path / "t.tpl").write_bytes(b"\xff")
    (tmp_path / "data.yaml").write_text("a: b")
    code, out, err = run("render", str(tmp_path / "t.tpl"), "--data", str(tmp_path / "data.yaml"))
    assert (code, out) == (ExitCode.CONFIGURATION, "")
    assert "not UTF-8" in err
