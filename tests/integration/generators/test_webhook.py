"""The answer of an HTTPS server as a generator's values."""

from __future__ import annotations

import pytest

from virtrigaud_secrets.errors import SecretNotFoundError, StoreUnavailableError
from virtrigaud_secrets.settings import Settings

pytestmark = pytest.mark.integration

SECRETS = {"login": {"token": "planted-value-7f3a"}}


@pytest.fixture
def generator(https, authority, tmp_path):
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(authority.pem)
    settings = Settings(ca_file=ca_file)

    def made(**spec):
        written = {
            "url": f"https://{https.host}/make?for={{{{ .remoteRef.key }}}}",
            "headers": {"Authorization": "Bearer {{ .auth.token }}"},
            "result": {"jsonPath": "$.made"},
            "secrets": [{"name": "auth", "secretRef": {"name": "login"}}],
            **spec,
        }
        return ("Webhook", written), settings

    return made


def test_the_objects_members(https, generator, open_resolver):
    https.answer = lambda method, path, headers, body: (
        200,
        {"made": {"user": "u", "token": headers["Authorization"], "port": 5432, "o": {"a": [1]}}},
    )
    one, settings = generator(method="POST", body='{"role": "pull"}')
    with open_resolver(one, settings=settings, secrets=SECRETS) as resolver:
        bundle = resolver.resolve("es")
    assert {key: bundle.text(key) for key in bundle} == {
        "user": "u",
        "token": "Bearer planted-value-7f3a",
        "port": "5432",
        "o": '{"a":[1]}',
    }
    assert https.seen == [("POST", "/make?for=", b'{"role": "pull"}')]


@pytest.mark.parametrize(("status", "kind"), [(404, SecretNotFoundError), (503, StoreUnavailableError)])
def test_a_failure_is_an_error_and_nothing_is_repeated(https, generator, open_resolver, status, kind):
    https.answer = lambda *_: (status, {})
    one, settings = generator()
    opened = open_resolver(one, settings=settings, secrets=SECRETS, target={"deletionPolicy": "Merge"})
    with opened as resolver, pytest.raises(kind, match="Webhook virtrigaud-system/g0") as caught:
        resolver.resolve("es")
    assert "planted" not in str(caught.value)
    assert len(https.seen) == 1
