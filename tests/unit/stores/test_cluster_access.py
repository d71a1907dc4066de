from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from virtrigaud_secrets.errors import ConfigurationError, MissingDependencyError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores import cluster_access
from virtrigaud_secrets.stores.cluster_access import (
    EXEC_RENEWAL_MARGIN,
    MAX_CREDENTIAL_FILE_BYTES,
    ExecToken,
    find_cluster,
    import_kubernetes,
    parse_kubeconfig,
    read_kubeconfig,
    read_service_account,
    read_token,
    where_looked,
)

PLANTED = "planted-value-7f3a"


class SteppingClock:
    def __init__(self) -> None:
        self.time = datetime(2026, 1, 2, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def elapsed(self) -> float:
        raise AssertionError

    def sleep(self, seconds: float) -> None:
        raise AssertionError


CLOCK = SteppingClock()


def write_kubeconfig(
    directory: Path, *, user: Mapping[str, object] | None = None, cluster: Mapping[str, object] | None = None
) -> Path:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "dev",
        "contexts": [{"name": "other", "context": {}}, {"name": "dev", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://k.example:6443/"} | dict(cluster or {})}],
        "users": [{"name": "u", "user": dict(user or {})}],
    }
    path = directory / "kubeconfig"
    path.write_text(json.dumps(document))
    return path


def pod(directory: Path, *, token: bytes = b"a.b.c\n") -> Settings:
    (directory / "token").write_bytes(token)
    (directory / "ca.crt").write_text("authority")
    return Settings(service_account_directory=directory)


def test_a_pod_logs_in_with_its_directory(tmp_path: Path) -> None:
    access = read_service_account(pod(tmp_path))
    assert access is not None
    assert (access.server, access.authorities) == ("https://kubernetes.default.svc", "authority")
    assert access.token is not None
    assert access.token().reveal() == b"a.b.c"
    (tmp_path / "token").write_bytes(b"d.e.f")
    assert access.token().reveal() == b"d.e.f"


@pytest.mark.parametrize("missing", ["token", "ca.crt"])
def test_half_a_directory_is_no_cluster_and_the_message_says_so(tmp_path: Path, missing: str) -> None:
    settings = pod(tmp_path)
    (tmp_path / missing).unlink()
    assert find_cluster(settings, CLOCK) is None
    assert str(tmp_path) in where_looked(settings)


def test_a_kubeconfig_goes_before_the_pod(tmp_path: Path) -> None:
    settings = pod(tmp_path)
    both = Settings(service_account_directory=tmp_path, kubeconfig=write_kubeconfig(tmp_path))
    found, in_pod = find_cluster(both, CLOCK), find_cluster(settings, CLOCK)
    assert found is not None
    assert in_pod is not None
    assert found.server == "https://k.example:6443"
    assert in_pod.server == "https://kubernetes.default.svc"


def test_kubeconfig_data_and_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes("# Zertifikat für uns\nauthority".encode())
    (tmp_path / "tok").write_bytes(b"from-file")
    cluster = {"certificate-authority": "ca.pem", "tls-server-name": "k8s", "proxy-url": "http://proxy:3128"}
    user = {
        "client-certificate-data": base64.b64encode(b"certificate").decode(),
        "client-key-data": base64.b64encode(PLANTED.encode()).decode(),
        "tokenFile": "tok",
        "token": "inline",
    }
    access = read_kubeconfig(write_kubeconfig(tmp_path, user=user, cluster=cluster), CLOCK)
    assert access.authorities == "# Zertifikat fr uns\nauthority"
    assert (access.server_name, access.proxy) == ("k8s", "http://proxy:3128")
    assert access.client_certificate == b"certificate"
    assert access.client_key.reveal_text() == PLANTED
    assert access.token is not None
    assert access.token().reveal() == b"from-file"
    assert PLANTED not in repr(access)


def test_an_inline_token(tmp_path: Path) -> None:
    access = read_kubeconfig(write_kubeconfig(tmp_path, user={"token": f"{PLANTED}\n"}), CLOCK)
    assert access.token is not None
    assert access.token().reveal_text() == PLANTED


def test_a_user_without_credentials_is_anonymous(tmp_path: Path) -> None:
    assert read_kubeconfig(write_kubeconfig(tmp_path), CLOCK).token is None


@pytest.mark.parametrize(
    ("user", "cluster", "message"),
    [
        ({}, {"server": "http://k.example"}, "plain HTTP from another machine"),
        ({}, {"server": "k.example"}, "no usable https://"),
        ({}, {"server": "https://["}, "no usable https://"),
        ({}, {"server": ""}, "no usable https://"),
        ({}, {"server": 7}, r"clusters\[c\]\.cluster\.server must be text"),
        ({}, {"insecure-skip-tls-verify": True}, "cannot prove who it is"),
        ({}, {"certificate-authority-data": PLANTED}, "certificate-authority-data is not base64"),
        ({}, {"certificate-authority": "nowhere.pem"}, r"cannot read .*nowhere\.pem .*No such file"),
        ({"client-certificate-data": "YQ=="}, {}, "needs both client-certificate and client-key"),
        ({"auth-provider": {"name": "gcp"}}, {}, "was removed from Kubernetes"),
        ({"exec": [PLANTED]}, {}, r"users\[u\]\.user\.exec must be a mapping"),
        ({"token": f"{PLANTED}\nX-Evil: 1"}, {}, "blanks or control bytes"),
        ({"token": " "}, {}, "is empty"),
    ],
)
def test_what_cannot_be_used_is_named_and_not_shown(
    tmp_path: Path, user: dict[str, object], cluster: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        read_kubeconfig(write_kubeconfig(tmp_path, user=user, cluster=cluster), CLOCK)
    assert PLANTED not in str(caught.value)


@pytest.mark.parametrize("server", ["http://127.0.0.1:8001", "http://localhost:8001", "http://[::1]:8001"])
def test_a_proxy_on_this_machine_may_be_plain(tmp_path: Path, server: str) -> None:
    assert read_kubeconfig(write_kubeconfig(tmp_path, cluster={"server": server}), CLOCK).server == server


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"- {PLANTED}", "is no kubeconfig"),
        (f"a: [{PLANTED}", "is no kubeconfig"),
        ("a: b", "has no current-context"),
        ("current-context: x", "has no 'x' in its contexts"),
        ("current-context: x\ncontexts: [7, {name: x, context: 7}]", r"contexts\[x\]\.context must be a mapping"),
        ("current-context: x\ncontexts: [{name: x, context: {cluster: c}}]", "has no 'c' in its clusters"),
    ],
)
def test_a_file_that_is_no_kubeconfig(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=message) as caught:
        read_kubeconfig(path, CLOCK)
    assert PLANTED not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b" \n", b"a b", b"a\nb", "ä".encode()])
def test_a_token_that_fits_into_no_header_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"the token file {tmp_path}/token"):
        read_token(tmp_path / "token")


def test_token_files_are_bounded_and_must_exist(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"a" * (MAX_CREDENTIAL_FILE_BYTES + 1))
    with pytest.raises(ConfigurationError, match="larger than"):
        read_token(tmp_path / "token")
    with pytest.raises(ConfigurationError, match="Is a directory"):
        read_token(tmp_path)


class Plugin:
    """Stands for the official client's runner of credential plugins."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[object, str]] = []

    def ConfigNode(self, name: str, value: object) -> object:  # noqa: N802  # the client's name
        return value

    def ExecProvider(self, node: object, directory: str) -> object:  # noqa: N802  # the client's name
        self.calls.append((node, directory))
        return SimpleNamespace(run=self.run)

    def run(self) -> object:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def exec_token(plugin: Plugin, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch) -> ExecToken:
    monkeypatch.setattr(cluster_access, "import_kubernetes", lambda _name: plugin)
    return ExecToken({"command": "aws"}, Path("/home/dev"), "users[u].user.exec", clock)


def test_a_plugin_is_asked_again_shortly_before_its_token_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SteppingClock()
    end = clock.now() + timedelta(minutes=15)
    plugin = Plugin({"token": "one", "expirationTimestamp": end.isoformat()}, {"token": "two"})
    token = exec_token(plugin, clock, monkeypatch)
    assert [token().reveal(), token().reveal()] == [b"one", b"one"]
    assert plugin.calls == [({"command": "aws"}, "/home/dev")]
    clock.time = end - EXEC_RENEWAL_MARGIN
    assert token().reveal() == b"two"
    clock.time = end + timedelta(days=9)
    assert token().reveal() == b"two"


def test_a_kubeconfig_may_name_a_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_access, "import_kubernetes", lambda _name: Plugin({"token": "given"}))
    access = read_kubeconfig(write_kubeconfig(tmp_path, user={"exec": {"command": "aws"}}), CLOCK)
    assert access.token is not None
    assert access.token().reveal() == b"given"


@pytest.mark.parametrize("stamp", ["tomorrow", 7, None])
def test_an_end_that_cannot_be_read_counts_as_none(monkeypatch: pytest.MonkeyPatch, stamp: object) -> None:
    token = exec_token(Plugin({"token": "one", "expirationTimestamp": stamp}), SteppingClock(), monkeypatch)
    assert [token().reveal(), token().reveal()] == [b"one", b"one"]


def test_an_end_without_a_zone_is_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = Plugin({"token": "one", "expirationTimestamp": "2026-01-01T00:00:00"}, {"token": "two"})
    token = exec_token(plugin, SteppingClock(), monkeypatch)
    assert [token().reveal(), token().reveal()] == [b"one", b"two"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (RuntimeError(PLANTED), r"credential plugin aws failed \(RuntimeError\)"),
        ({"clientCertificateData": PLANTED}, "gave no token"),
        ({"token": f"{PLANTED} {PLANTED}"}, "blanks or control bytes"),
    ],
)
def test_a_failing_plugin_is_named_and_its_output_is_not(
    monkeypatch: pytest.MonkeyPatch, answer: object, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        exec_token(Plugin(answer), SteppingClock(), monkeypatch)()
    assert PLANTED not in str(caught.value)
    assert caught.value.__context__ is None


def test_without_the_official_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes.client", None)
    with pytest.raises(MissingDependencyError, match=r"virtrigaud-secrets\[kubernetes\]"):
        import_kubernetes("kubernetes.client")


def test_a_kubeconfig_from_elsewhere_is_read_like_a_file(tmp_path: Path) -> None:
    written = Sensitive(write_kubeconfig(tmp_path, user={"token": PLANTED}).read_bytes())
    access = parse_kubeconfig(written, "a Secret", CLOCK)
    assert (access.server, access.origin) == ("https://k.example:6443", "kubeconfig of a Secret, context dev")
    assert access.token is not None
    assert access.token().reveal_text() == PLANTED


@pytest.mark.parametrize(
    "user",
    [
        {"tokenFile": "token"},
        {"client-certificate": "tls.crt", "client-key": "tls.key"},
        {"exec": {"command": "id"}},
    ],
)
def test_a_kubeconfig_from_elsewhere_reads_and_runs_nothing_here(tmp_path: Path, user: Mapping[str, object]) -> None:
    for name in ("token", "tls.crt", "tls.key"):
        (tmp_path / name).write_text("content")
    written = Sensitive(write_kubeconfig(tmp_path, user=user).read_bytes())
    with pytest.raises(ConfigurationError, match="of this machine"):
        parse_kubeconfig(written, "a Secret", CLOCK)


def test_a_kubeconfigs_authority_from_elsewhere_is_no_file_either(tmp_path: Path) -> None:
    written = Sensitive(write_kubeconfig(tmp_path, cluster={"certificate-authority": "/etc/passwd"}).read_bytes())
    with pytest.raises(ConfigurationError, match=r"certificate-authority: .* of this machine"):
        parse_kubeconfig(written, "a Secret", CLOCK)


@pytest.mark.parametrize("content", ["[", f"- {PLANTED}", f"{PLANTED}: [", "a: &a [*a]"])
def test_what_is_no_kubeconfig_is_not_shown(content: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_kubeconfig(Sensitive(content), "a Secret", CLOCK)
    assert PLANTED not in str(caught.value)
    assert "kubeconfig of a Secret" in str(caught.value)
