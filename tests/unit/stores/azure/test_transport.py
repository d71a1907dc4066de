import io
import ssl

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.stores.azure import transport
from virtrigaud_secrets.stores.azure.errors import AnswerTooLongError
from virtrigaud_secrets.stores.azure.transport import Transport
from virtrigaud_secrets.testing.servers.certificates import Authority


@pytest.fixture
def carried(monkeypatch):
    """What the HTTP library is asked to send, answered from a list of bodies."""
    seen = []
    bodies = [b'{"a": 1}']

    def send(self, request, **options):
        seen.append((request, options))
        body = bodies.pop(0) if bodies else b"{}"
        response = requests.Response()
        response.status_code = 200
        response.request = request
        response.raw = (
            body
            if hasattr(body, "read1")
            else urllib3.HTTPResponse(io.BytesIO(body), status=200, preload_content=False)
        )
        return response

    monkeypatch.setattr(HTTPAdapter, "send", send)
    return seen, bodies


def get(context, url, **options):
    return Transport(context).session().get(url, **options)


def test_an_answer_is_read_before_it_is_given(make_context, carried):
    assert get(make_context(), "https://v.vault.azure.net/secrets/a").json() == {"a": 1}


@pytest.mark.parametrize(
    ("url", "moved"),
    [
        ("https://v.vault.azure.net/secrets/a?x=1", "https://127.0.0.1:4/secrets/a?x=1"),
        ("https://v.vault.azure.net:443/secrets?x=1", "https://127.0.0.1:4/secrets?x=1"),
    ],
)
def test_an_address_is_replaced_and_the_host_kept(make_context, carried, url, moved):
    context = make_context(endpoints={"https://v.vault.azure.net/": "https://127.0.0.1:4"})
    get(context, url)
    request = carried[0][0][0]
    assert request.url == moved
    assert request.headers["Host"] == "v.vault.azure.net"


def test_other_addresses_are_left_alone(make_context, carried):
    get(make_context(endpoints={"https://v.vault.azure.net": "https://127.0.0.1:4"}), "https://w.vault.azure.net/a")
    request = carried[0][0][0]
    assert request.url == "https://w.vault.azure.net/a"
    assert "Host" not in request.headers


def test_nothing_comes_from_the_environment(make_context, carried, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    monkeypatch.setenv("NETRC", "/nowhere")
    get(make_context(), "https://v.vault.azure.net/a")
    assert not carried[0][0][1].get("proxies")


def test_time_limits(make_context, carried):
    context = make_context(request_timeout=__import__("datetime").timedelta(seconds=7))
    get(context, "https://v.vault.azure.net/a", timeout=2)
    get(context, "https://v.vault.azure.net/a", timeout=(300, 300))
    get(context, "https://v.vault.azure.net/a")
    limits = [options["timeout"] for _, options in carried[0]]
    assert [(limit.connect_timeout, limit.total) for limit in limits] == [(2, 7), (7, 7), (7, 7)]


class Drip(io.BytesIO):
    """A body whose every piece takes a while."""

    headers = urllib3.HTTPHeaderDict()
    status = 200

    def __init__(self, clock):
        super().__init__(b"x" * 100)
        self.clock = clock

    def read1(self, size=-1):
        self.clock.advance(10)
        return super().read1(1)


def test_a_slow_answer_is_bounded_as_a_whole(make_context, carried, clock):
    carried[1][:] = [Drip(clock)]
    with pytest.raises(TimeoutError):
        get(make_context(), "https://v.vault.azure.net/a")
    assert clock.elapsed() == 40


def test_a_long_answer_is_not_read_to_its_end(make_context, carried, monkeypatch):
    monkeypatch.setattr(transport, "MAX_ANSWER_BYTES", 10)
    carried[1][:] = [b"x" * 11]
    with pytest.raises(AnswerTooLongError):
        get(make_context(), "https://v.vault.azure.net/a")


def test_a_hook_sees_each_answer(make_context, carried):
    seen = []
    Transport(make_context()).session(seen.append).get("https://v.vault.azure.net/a")
    assert [response.status_code for response in seen] == [200]


def test_sessions_share_connections_until_they_are_closed(make_context):
    made = Transport(make_context())
    first, second = made.session(), made.session()
    assert first.get_adapter("https://a") is second.get_adapter("http://b")
    made.close()
    made.close()
    assert made.session().get_adapter("https://a") is not first.get_adapter("https://a")


def test_only_the_authorities_that_were_chosen_are_trusted(make_context, tmp_path):
    file = tmp_path / "ca.pem"
    file.write_bytes(Authority.create("one").pem)
    context = transport._tls_context(make_context(ca_file=file))
    assert len(context.get_ca_certs()) == 1
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.keylog_filename is None


def test_without_a_choice_the_systems_are_trusted(make_context):
    assert transport._tls_context(make_context()).verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    "content", ["no certificate", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"]
)
def test_a_file_without_certificates_is_told(make_context, tmp_path, content):
    file = tmp_path / "ca.pem"
    file.write_text(content)
    with pytest.raises(ConfigurationError, match=r"ca\.pem"):
        Transport(make_context(ca_file=file)).session()
