"""What `resolve` prints of a bundle, and what it writes."""

import json
import shlex
import stat
import subprocess
from datetime import UTC, datetime

import pytest

from virtrigaud_secrets.bundle import Bundle, Lease, Provenance
from virtrigaud_secrets.cli.resolve import describe, environment, write_directory
from virtrigaud_secrets.errors import ConfigurationError

CANARY = b"canary'\n$(value)"


def bundle(**data):
    lease = Lease(lease_id="secret-lease-id", duration=6, renewable=True, expires_at=datetime(2030, 1, 1, tzinfo=UTC))
    origin = Provenance(store="SecretStore ns/v", path="vsphere/creds/r", property="password", lease=lease)
    return Bundle(data, name="b", namespace="ns", provenance=dict.fromkeys(data, (origin,)))


def test_json_without_reveal_holds_no_value():
    text = json.dumps(describe(bundle(password=CANARY)))
    assert "canary" not in text
    assert "secret-lease-id" not in text
    assert json.loads(text)["keys"]["password"]["sources"][0]["path"] == "vsphere/creds/r"


def test_json_with_reveal_tells_text_from_bytes():
    keys = describe(bundle(password=CANARY, blob=b"\xff"), reveal=True)["keys"]
    assert (keys["password"]["value"], keys["password"]["encoding"]) == (CANARY.decode(), "utf-8")
    assert (keys["blob"]["value"], keys["blob"]["encoding"]) == ("/w==", "base64")


def test_json_without_reveal_hides_labels_and_annotations_that_may_be_rendered():
    made = Bundle({}, labels={"l": "canary"}, annotations={"a": "canary"})
    assert "canary" not in json.dumps(describe(made))
    assert describe(made)["annotations"] == {"a": "[redacted]"}
    assert describe(made, reveal=True)["labels"] == {"l": "canary"}


def test_environment_hides_unless_asked():
    assert environment(bundle(password=CANARY)) == "PASSWORD='[redacted]'\n"


def test_environment_survives_a_shell():
    text = environment(bundle(**{"tls.key": CANARY, "9": b"x"}), reveal=True)
    assert text.startswith("_9=x\nTLS_KEY=")
    shell = subprocess.run(
        ["/bin/sh", "-c", text + 'printf %s "$TLS_KEY"'], capture_output=True, check=True, timeout=30
    )
    assert shell.stdout == CANARY
    assert shlex.split(text)


def test_environment_refuses_what_a_variable_cannot_hold():
    with pytest.raises(ConfigurationError, match="two keys"):
        environment(bundle(**{"a.b": b"1", "a-b": b"2"}), reveal=True)
    for value in (b"\xff", b"a\0b"):
        with pytest.raises(ConfigurationError, match="not text"):
            environment(bundle(a=value), reveal=True)


def test_directory_appears_whole_and_private(tmp_path):
    target = tmp_path / "out"
    write_directory(bundle(username=b"u", password=CANARY), target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o700
    assert {file.name: file.read_bytes() for file in target.iterdir()} == {"username": b"u", "password": CANARY}
    assert {stat.S_IMODE(file.stat().st_mode) for file in target.iterdir()} == {0o600}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_directory_is_never_mixed_into_one_that_exists(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    with pytest.raises(ConfigurationError, match="exists"):
        write_directory(bundle(a=b"1"), target)


@pytest.mark.parametrize("key", ["../escape", "..", "a/b", "."])
def test_directory_refuses_keys_that_are_paths(tmp_path, key):
    with pytest.raises(ConfigurationError):
        write_directory(bundle(**{key: b"1"}), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_directory_that_no_file_system_takes(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot make"):
        write_directory(bundle(a=b"1"), tmp_path / ("x" * 300))
