from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

import pytest

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    ConfigurationError,
    DecodingError,
    InvalidRequestError,
    PropertyNotFoundError,
    SecretNotFoundError,
    StoreError,
    StoreUnavailableError,
)
from virtrigaud_secrets.models.backends.fake import FakeProvider
from virtrigaud_secrets.models.backends.files import FilesProvider
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores import files
from virtrigaud_secrets.stores.base import Fetch, Payload, StoreClient
from virtrigaud_secrets.stores.files import FACTORY, MAX_BYTES
from virtrigaud_secrets.testing.contract import STORE, store_context


def client(path: Path, *, loose: bool = False) -> StoreClient:
    context = store_context(settings=Settings(allow_loose_files=loose))
    return FACTORY.connect(FilesProvider(path=str(path)), context)


def get(path: Path, key: str, *, loose: bool = False) -> Payload:
    return client(path, loose=loose).get(Fetch(store=STORE, key=key)).payload


def one_file(path: Path, text: str | bytes, *, mode: int = 0o600) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    directory = tmp_path / "root"
    directory.mkdir()
    return directory


class TestDirectory:
    def test_a_file_is_a_secret_byte_for_byte(self, root: Path) -> None:
        (root / "password").write_bytes(b"\x00\xff word\n")
        assert get(root, "password").whole() == b"\x00\xff word\n"

    def test_a_key_with_slashes_goes_down(self, root: Path) -> None:
        (root / "secret/data").mkdir(parents=True)
        (root / "secret/data/vsphere").write_text('{"username": "u", "a.b": "dotted"}')
        payload = get(root, "secret/data/vsphere")
        assert payload.property("username") == b"u"
        assert payload.property("a.b") == b"dotted"

    def test_a_directory_is_a_secret_of_its_files(self, root: Path) -> None:
        (root / "tls").mkdir()
        (root / "tls/tls.crt").write_text("certificate")
        (root / "tls/config").write_text('{"port": 443, "nested": {"a": "b"}}')
        (root / "tls/deeper").mkdir()
        payload = get(root, "tls")
        assert payload.property("tls.crt") == b"certificate"
        assert payload.property("config.port") == b"443"
        assert payload.entries("config") == {"port": b"443", "nested": b'{"a": "b"}'}
        assert json.loads(payload.whole()) == {
            "config": '{"port": 443, "nested": {"a": "b"}}',
            "tls.crt": "certificate",
        }

    def test_the_root_itself_is_a_secret(self, root: Path) -> None:
        (root / "username").write_text("u")
        assert get(root, ".").entries() == {"username": b"u"}

    def test_a_directory_of_binary_files_has_no_whole(self, root: Path) -> None:
        (root / "keystore").write_bytes(b"\xff\xfe")
        payload = get(root, ".")
        assert payload.property("keystore") == b"\xff\xfe"
        with pytest.raises(DecodingError, match="not UTF-8"):
            payload.whole()

    @pytest.mark.parametrize("name", ["nothing", "nothing.at.all", "text.a", "te"])
    def test_a_property_without_a_file(self, root: Path, name: str) -> None:
        (root / "text").write_text("plain")
        with pytest.raises(PropertyNotFoundError) as caught:
            get(root, ".").property(name)
        assert str(root) in caught.value.path

    def test_rotation_is_seen_at_once(self, root: Path) -> None:
        (root / "password").write_text("old")
        with client(root) as store:
            fetch = Fetch(store=STORE, key="password")
            assert store.get(fetch).payload.whole() == b"old"
            (root / "password").write_text("new")
            assert store.get(fetch).payload.whole() == b"new"

    def test_a_key_longer_than_a_file_name(self, root: Path) -> None:
        with pytest.raises(InvalidRequestError, match="cannot be a path"):
            get(root, "a" * 300)

    def test_a_disk_that_fails(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (root / "password").write_text("p")

        def fail(*_: object) -> int:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(os, "open", fail)
        with pytest.raises(StoreUnavailableError, match="Input/output error"):
            get(root, "password")

    @pytest.mark.parametrize("key", ["absent", "password/below"])
    def test_no_such_file(self, root: Path, key: str) -> None:
        (root / "password").write_text("p")
        with pytest.raises(SecretNotFoundError) as caught:
            get(root, key)
        assert caught.value.path == str(root / key)

    def test_no_such_root(self, tmp_path: Path) -> None:
        with pytest.raises(StoreUnavailableError, match="own directory or file does not exist"):
            get(tmp_path / "absent", "key")

    def test_others_may_read_a_directory(self, root: Path) -> None:
        one_file(root / "password", "p", mode=0o644)
        assert get(root, "password").whole() == b"p"

    def test_what_may_not_be_read(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (root / "password").write_text("p")

        def refuse(*_: object) -> int:
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(os, "open", refuse)
        with pytest.raises(AccessDeniedError, match="may not read") as caught:
            get(root, "password")
        assert caught.value.capability == "read"


class TestEscape:
    @pytest.mark.parametrize(
        "key", ["", "/etc/passwd", "../outside", "a/../../outside", "..", "..data/x", "a/..b", "a\0b"]
    )
    def test_a_key_that_leaves_by_its_text(self, root: Path, tmp_path: Path, key: str) -> None:
        (tmp_path / "outside").write_text("canary")
        with pytest.raises(InvalidRequestError, match="below the store's directory"):
            get(root, key)
        with pytest.raises(InvalidRequestError, match="below the store's directory"):
            FACTORY.preview(FilesProvider(path=str(root)), Fetch(store=STORE, key=key), store_context())

    @pytest.mark.parametrize("target", ["../outside", "{outside}", "../root-neighbour/file"])
    def test_a_link_that_leaves(self, root: Path, tmp_path: Path, target: str) -> None:
        (tmp_path / "outside").write_text("canary")
        (tmp_path / "root-neighbour").mkdir()
        (tmp_path / "root-neighbour/file").write_text("canary")
        (root / "link").symlink_to(target.format(outside=tmp_path / "outside"))
        with pytest.raises(InvalidRequestError, match="leads out"):
            get(root, "link")
        with pytest.raises(InvalidRequestError, match="leads out"):
            get(root, ".")

    def test_a_directory_link_that_leaves(self, root: Path, tmp_path: Path) -> None:
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside/file").write_text("canary")
        (root / "..data").symlink_to("../outside")
        with pytest.raises(InvalidRequestError, match="leads out"):
            get(root, ".")

    def test_a_link_that_stays(self, root: Path) -> None:
        (root / "real").write_text("v")
        (root / "link").symlink_to("real")
        assert get(root, "link").whole() == b"v"

    def test_links_in_a_circle(self, root: Path) -> None:
        (root / "a").symlink_to("b")
        (root / "b").symlink_to("a")
        with pytest.raises(InvalidRequestError, match=r"circle|cannot be a path"):
            get(root, "a")

    def test_a_root_that_is_a_link(self, root: Path, tmp_path: Path) -> None:
        (root / "password").write_text("p")
        (tmp_path / "link").symlink_to(root)
        assert get(tmp_path / "link", "password").whole() == b"p"


class TestLimits:
    def test_a_file_of_the_largest_size(self, root: Path) -> None:
        (root / "big").write_bytes(b"x" * MAX_BYTES)
        assert len(get(root, "big").whole()) == MAX_BYTES

    def test_a_larger_file(self, root: Path) -> None:
        (root / "big").write_bytes(b"x" * (MAX_BYTES + 1))
        with pytest.raises(InvalidRequestError, match="larger than"):
            get(root, "big")

    def test_a_pipe_is_no_secret_and_nobody_waits_for_it(self, root: Path) -> None:
        os.mkfifo(root / "pipe")
        with pytest.raises(InvalidRequestError, match="neither"):
            get(root, "pipe")

    def test_too_many_files(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(files, "MAX_PROPERTIES", 2)
        for name in "abc":
            (root / name).write_text(name)
        with pytest.raises(InvalidRequestError, match="more than 2"):
            get(root, ".")


class TestKubeletSwap:
    def mount(self, root: Path, snapshot: str, **values: str) -> None:
        """What the kubelet's atomic writer does."""
        (root / snapshot).mkdir()
        for name, value in values.items():
            (root / snapshot / name).write_text(value)
            if not (root / name).is_symlink():
                (root / name).symlink_to(f"..data/{name}")
        (root / "..data_tmp").symlink_to(snapshot)
        (root / "..data_tmp").replace(root / "..data")

    def test_a_swap_is_seen(self, root: Path) -> None:
        self.mount(root, "..1", username="u1", password="p1")
        assert get(root, ".").entries() == {"username": b"u1", "password": b"p1"}
        self.mount(root, "..2", username="u2", password="p2")
        assert get(root, ".").entries() == {"username": b"u2", "password": b"p2"}
        assert get(root, "password").whole() == b"p2"

    def test_a_swap_in_the_middle_of_a_read(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.mount(root, "..1", username="u1", password="p1")
        read = files._read_file

        def read_while_swapping(path: Path) -> bytes:
            if path.parent.name == "..1" and path.name == "username":
                self.mount(root, "..2", username="u2", password="p2")
                for old in (root / "..1").iterdir():
                    old.unlink()
            return read(path)

        monkeypatch.setattr(files, "_read_file", read_while_swapping)
        assert get(root, ".").entries() == {"username": b"u2", "password": b"p2"}

    def test_a_file_that_vanishes_each_time(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (root / "password").write_text("p")
        attempts: list[Path] = []

        def vanish(path: Path) -> bytes:
            attempts.append(path)
            raise FileNotFoundError

        monkeypatch.setattr(files, "_read_file", vanish)
        with pytest.raises(SecretNotFoundError):
            get(root, "password")
        assert len(attempts) == files.SWAP_ATTEMPTS


class TestOneFile:
    YAML = """\
plain: text
octal: 0600
yes-word: yes
empty:
quoted: "a: b"
several: |
  line
  line
secret/data/vsphere:
  username: u
  port: 443
  hosts: [a, b]
  nested: {deep: "1"}
"""

    @pytest.mark.parametrize(
        ("key", "whole"),
        [
            ("plain", b"text"),
            ("octal", b"0600"),
            ("yes-word", b"yes"),
            ("empty", b""),
            ("quoted", b"a: b"),
            ("several", b"line\nline\n"),
            ("secret/data/vsphere", b'{"hosts":["a","b"],"nested":{"deep":"1"},"port":"443","username":"u"}'),
        ],
    )
    def test_yaml_scalars_are_text_as_written(self, tmp_path: Path, key: str, whole: bytes) -> None:
        assert get(one_file(tmp_path / "s.yaml", self.YAML), key).whole() == whole

    def test_json_values_are_source_text(self, tmp_path: Path) -> None:
        file = one_file(tmp_path / "s.json", '{"a": "x\\n", "b": {"port": 443,  "on": true}}')
        assert get(file, "a").whole() == b"x\n"
        assert get(file, "b").whole() == b'{"port": 443,  "on": true}'
        assert get(file, "b").property("port") == b"443"

    @pytest.mark.parametrize("name", ["s.yaml", "s.json"])
    def test_no_such_key(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(SecretNotFoundError, match="no such key") as caught:
            get(one_file(tmp_path / name, '{"a": "x"}'), "b")
        assert caught.value.path.endswith(f"{name}/b")

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o610, 0o666])
    def test_others_may_not_read_it(self, tmp_path: Path, mode: int) -> None:
        file = one_file(tmp_path / "s.yaml", "a: canary", mode=mode)
        with pytest.raises(StoreError, match=rf"mode {mode:04o}\): run `chmod 600 {file}`"):
            get(file, "a")
        assert get(file, "a", loose=True).whole() == b"canary"

    def test_a_link_to_it_does_not_hide_its_mode(self, tmp_path: Path) -> None:
        one_file(tmp_path / "real.yaml", "a: canary", mode=0o644)
        (tmp_path / "s.yaml").symlink_to("real.yaml")
        with pytest.raises(StoreError, match="chmod 600"):
            get(tmp_path / "s.yaml", "a")

    def test_read_only_by_its_owner_is_fine(self, tmp_path: Path) -> None:
        file = one_file(tmp_path / "s.yaml", "a: v", mode=0o400)
        assert stat.S_IMODE(file.stat().st_mode) == 0o400
        assert get(file, "a").whole() == b"v"

    @pytest.mark.parametrize(
        ("name", "text", "reason"),
        [
            ("s.json", '{"a": "canary"', "must be a JSON object"),
            ("s.json", '["canary"]', "must be a JSON object"),
            ("s.yaml", "", "must be a mapping"),
            ("s.yaml", "- canary", "must be a mapping"),
            ("s.yaml", "a: canary\nb: [canary\n", "line 3: this is no YAML"),
            ("s.yaml", "a: canary\n---\na: canary\n", "no YAML"),
            ("s.yaml", "a: canary\nb: x\na: canary\n", "line 3: the key is there twice"),
            ("s.yaml", "a: canary\n? [b]\n: canary\n", "line 2: a key must be a text"),
            ("s.yaml", "a: {b: canary, b: canary}\n", "line 1: the key is there twice"),
            ("s.yaml", "x: &x [canary]\na: [*x, *x]\n", "line 1: aliases are not allowed"),
            ("s.yaml", "a: &a [*a]\n", "line 1: aliases are not allowed"),
            ("s.yaml", "a: &a {b: {c: *a}}\n", "line 1: aliases are not allowed"),
            ("s.yaml", "a: canary\x07\n", "no YAML"),
            ("s.yaml", "b: 1\na: " + "[" * 900_000, "nests deeper than 100"),
            ("s.yaml", "{a: " * 200_000, "nests deeper than 100"),
            ("s.yaml", b"a: \xff\xfe canary\n", "no YAML"),
        ],
    )
    def test_a_broken_file_is_told_by_line_and_not_quoted(
        self, tmp_path: Path, name: str, text: str | bytes, reason: str
    ) -> None:
        with pytest.raises(DecodingError, match=reason) as caught:
            get(one_file(tmp_path / name, text), "a")
        assert "canary" not in str(caught.value)
        assert caught.value.__cause__ is None

    def test_aliases_elsewhere_do_no_harm(self, tmp_path: Path) -> None:
        file = one_file(tmp_path / "s.yaml", "x: &x v\na: {one: *x, two: *x}\n")
        assert get(file, "a").entries() == {"one": b"v", "two": b"v"}


class TestRequests:
    @pytest.mark.parametrize(
        "fetch", [Fetch(store=STORE, key="k", version="1"), Fetch(store=STORE, key="k", metadata=True)]
    )
    def test_what_files_do_not_have_is_refused(self, root: Path, fetch: Fetch) -> None:
        with pytest.raises(InvalidRequestError, match="keeps no"):
            client(root).get(fetch)

    def test_equal_paths_are_one_fetch(self, root: Path) -> None:
        previews = [
            FACTORY.preview(FilesProvider(path=str(root)), Fetch(store=STORE, key=key), store_context())
            for key in ("a/b", "a//b", "./a/b", "a/./b/")
        ]
        assert {preview.fetch.key for preview in previews} == {"a/b"}
        assert {preview.path for preview in previews} == {str(root / "a/b")}

    def test_another_backends_spec_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="another backend"):
            FACTORY.connect(FakeProvider(data=()), store_context())

    def test_the_factory_knows_its_model(self) -> None:
        assert FACTORY.spec_model is FilesProvider
