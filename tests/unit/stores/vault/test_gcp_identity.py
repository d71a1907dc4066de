import json
import traceback

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.models.backends.vault import VaultGCPAuth
from virtrigaud_secrets.stores.vault.gcp_identity import login_body

EMAIL = "provider@project.iam.gserviceaccount.com"
SPEC = {"role": "r", "secretRef": {"secretAccessKeySecretRef": {"name": "google", "key": "key.json"}}}


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def written(private_key, **more):
    key = {"type": "service_account", "client_email": EMAIL, "private_key_id": "key-1", "private_key": private_key}
    return json.dumps(key | more)


@pytest.fixture
def make(make_context, cluster):
    def make(key=None, **settings):
        if key is None:
            return login_body(VaultGCPAuth.model_validate({"role": "r"}), make_context(**settings))
        cluster.secrets = {("team", "google", "key.json"): key}
        return login_body(VaultGCPAuth.model_validate(SPEC), make_context(**settings))

    return make


def test_google_own_library_verifies_it(make, rsa_key):
    jwt = pytest.importorskip("google.auth.jwt")
    body = make(written(pem(rsa_key)))
    public = rsa_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header, claims, _, _ = jwt._unverified_decode(body["jwt"].reveal())
    assert header == {"alg": "RS256", "kid": "key-1", "typ": "JWT"}
    assert body["role"] == "r"
    assert (claims["aud"], claims["sub"], claims["exp"] - claims["iat"]) == ("vault/r", EMAIL, 600)
    _, _, signed, signature = jwt._unverified_decode(body["jwt"].reveal())
    assert jwt.crypt.verify_signature(signed, signature, [public])


def test_it_begins_now(make, rsa_key, clock):
    from base64 import urlsafe_b64decode

    claims = make(written(pem(rsa_key)))["jwt"].reveal_text().split(".")[1]
    assert json.loads(urlsafe_b64decode(claims + "==="))["iat"] == int(clock.now().timestamp())


def test_the_pods_own_key(make, rsa_key, tmp_path):
    path = tmp_path / "key.json"
    path.write_text(written(pem(rsa_key)))
    assert make(google_application_credentials=path)["jwt"]
    with pytest.raises(ConfigurationError, match="cannot be read"):
        make(google_application_credentials=tmp_path / "absent")


@pytest.mark.parametrize(
    "key",
    [
        "canary",
        "[]",
        '{"type": "authorized_user", "refresh_token": "canary"}',
        written("canary"),
        written(5),
        written(""),
        written("canary", type="external_account"),
        written(pem(ec.generate_private_key(ec.SECP256R1()))),
    ],
)
def test_what_is_no_key_does_not_show(make, key):
    with pytest.raises(ConfigurationError, match="holds no service account key") as caught:
        make(key)
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    own = [frame for frame in report.stack if "virtrigaud_secrets" in frame.filename]
    shown = str([frame.locals for frame in own]) + str(caught.value)
    assert own
    assert "canary" not in shown
    assert "PRIVATE KEY" not in shown
    assert caught.value.__context__ is None
