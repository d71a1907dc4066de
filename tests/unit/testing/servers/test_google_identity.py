from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.clock import ManualClock
from virtrigaud_secrets.testing.servers.google_identity import EXCHANGE_GRANT, JWT_GRANT, GoogleIdentity, Machine, error
from virtrigaud_secrets.testing.servers.service_account_tokens import InvalidTokenError

EMAIL = "me@p.iam.gserviceaccount.com"
POOL = "p.svc.id.goog"
FLAVOR = {"Metadata-Flavor": "Google"}
METADATA = "/computeMetadata/v1/"
WHO = "provider@p.iam.gserviceaccount.com"


@pytest.fixture
def clock():
    return ManualClock(datetime.now(UTC))


@pytest.fixture
def identity(clock):
    return GoogleIdentity(clock=clock)


def exchange(identity, token, audience=f"identitynamespace:{POOL}:https://container.googleapis.com/c"):
    form = {"grant_type": EXCHANGE_GRANT, "subject_token": token.reveal_text(), "audience": audience}
    return identity.answer("POST", "/v1/token", {}, urlencode(form).encode())


def assertion(identity, key, **changes):
    from google.auth import crypt, jwt

    now = int(identity._clock.now().timestamp())
    info = json.loads(key.reveal())
    claims = {"iss": EMAIL, "aud": "https://oauth2.googleapis.com/token", "iat": now, "exp": now + 60, **changes}
    signed = jwt.encode(crypt.RSASigner.from_service_account_info(info), claims).decode()
    return identity.answer("POST", "/token", {}, urlencode({"grant_type": JWT_GRANT, "assertion": signed}).encode())


def test_signed_claims_are_checked(identity):
    key = identity.service_account_key(EMAIL)
    status, body = assertion(identity, key)
    assert status == 200
    assert identity.caller(f"Bearer {body['access_token']}") == EMAIL
    for wrong in ({"aud": "elsewhere"}, {"exp": 1}, {"iss": "nobody"}):
        assert assertion(identity, key, **wrong)[1]["error"] == "invalid_grant"
    identity.service_account_key(EMAIL)
    assert assertion(identity, key)[1]["error"] == "invalid_grant"


@pytest.mark.parametrize("path", ["/token", "/v1/token"])
def test_what_is_no_grant_is_refused(identity, path):
    for body in (b"", b"grant_type=other", b"\xff"):
        assert identity.answer("POST", path, {}, body)[1]["error"] == "unsupported_grant_type"
    assert identity.answer("POST", "/token", {}, urlencode({"grant_type": JWT_GRANT}).encode())[0] == 400


def test_a_clusters_token_is_exchanged_for_its_pool_only(identity):
    token = identity.kubernetes_token("a", "n", POOL)
    _, body = exchange(identity, token)
    assert identity.caller(f"Bearer {body['access_token']}") == f"{POOL}[n/a]"
    assert exchange(identity, token, audience="//iam/other")[1]["error"] == "invalid_grant"
    assert exchange(GoogleIdentity(), token)[0] == 400


def test_another_clusters_tokens_may_be_verified(identity):
    def verify(token, audience):
        if token.reveal() != b"good":
            raise InvalidTokenError("no")
        return "n/a"

    from virtrigaud_secrets.sensitive import Sensitive

    own = GoogleIdentity(verify=verify)
    assert exchange(own, Sensitive("good"))[0] == 200
    assert exchange(own, Sensitive("bad"))[0] == 400


def test_only_who_is_bound_may_act_for_an_account(identity):
    _, body = exchange(identity, identity.kubernetes_token("a", "n", POOL))
    headers = {"Authorization": f"Bearer {body['access_token']}"}
    path = f"/v1/projects/-/serviceAccounts/{EMAIL}:generateAccessToken"
    assert identity.answer("POST", path, {}, b"")[0] == 401
    assert identity.answer("POST", path, headers, b"")[0] == 403
    identity.bind(f"{POOL}[n/a]", EMAIL)
    status, answer = identity.answer("POST", path, headers, b"")
    assert status == 200
    assert identity.caller(f"Bearer {answer['accessToken']}") == EMAIL


def test_tokens_end(identity, clock):
    identity.machine = Machine("p", EMAIL)
    path = "/computeMetadata/v1/instance/service-accounts/default/token"
    token = identity.answer("GET", path, FLAVOR, b"")[1]["access_token"]
    assert identity.caller(f"Bearer {token}") == EMAIL
    assert identity.caller(f"Basic {token}") is None
    clock.advance(timedelta(hours=1))
    assert identity.caller(f"Bearer {token}") is None
    token = identity.answer("GET", path, FLAVOR, b"")[1]["access_token"]
    identity.revoke_tokens()
    assert identity.caller(f"Bearer {token}") is None


def test_the_metadata_server_wants_its_header(identity):
    path = "/computeMetadata/v1/project/project-id"
    assert identity.answer("GET", path, {}, b"")[0] == 403
    assert identity.answer("GET", path, FLAVOR, b"")[0] == 404
    identity.machine = Machine("p", EMAIL, {"cluster-name": "c"})
    assert identity.answer("GET", path, FLAVOR, b"") == (200, "p")
    attributes = "/computeMetadata/v1/instance/attributes/"
    assert identity.answer("GET", f"{attributes}cluster-name", FLAVOR, b"") == (200, "c")
    assert identity.answer("GET", f"{attributes}none", FLAVOR, b"")[0] == 404


def test_other_paths_are_not_its_business(identity):
    assert identity.answer("POST", "/v1/projects/p/secrets", {}, b"") is None
    assert identity.answer("GET", "/token", {}, b"") is None


def test_an_error_is_written_as_google_does():
    status, body = error(403, "PERMISSION_DENIED", "no", reason="SERVICE_DISABLED")
    assert status == 403
    assert body["error"]["status"] == "PERMISSION_DENIED"
    assert body["error"]["details"][0]["reason"] == "SERVICE_DISABLED"


def bearer(google, email):
    google.machine = Machine("p", email)
    _, granted = google.answer("GET", f"{METADATA}instance/service-accounts/default/token", FLAVOR, b"")
    return {"Authorization": f"Bearer {granted['access_token']}"}


def test_a_machine_shows_who_it_is():
    google = GoogleIdentity()
    google.machine = Machine("p", WHO)
    place = f"{METADATA}instance/service-accounts/default/identity"
    assert google.answer("GET", place, FLAVOR, b"")[0] == 400
    _, token = google.answer("GET", place, FLAVOR, b"", query={"audience": "http://vault/r"})
    assert google.signer_of(Sensitive(token), audience="vault/r") == WHO
    with pytest.raises(InvalidTokenError, match="another audience"):
        google.signer_of(Sensitive(token), audience="vault/other")
    with pytest.raises(InvalidTokenError, match="signed by nobody"):
        GoogleIdentity().signer_of(Sensitive(token), audience="vault/r")


@pytest.mark.parametrize(("whose", "status"), [(WHO, 200), ("other@p.iam.gserviceaccount.com", 403)])
def test_google_signs_for_an_account_itself_only(whose, status):
    google = GoogleIdentity()
    payload = json.dumps({"payload": json.dumps({"sub": WHO, "aud": "vault/r", "exp": 4102444800})}).encode()
    answer = google.answer("POST", f"/v1/projects/-/serviceAccounts/{WHO}:signJwt", bearer(google, whose), payload)
    assert answer[0] == status
    if status == 200:
        assert google.signer_of(Sensitive(answer[1]["signedJwt"]), audience="vault/r") == WHO


@pytest.mark.parametrize("jwt", ["", "a.b.c", "e30.e30.e30", "a"])
def test_what_is_no_statement_is_nobodys(jwt):
    with pytest.raises(InvalidTokenError):
        GoogleIdentity().signer_of(Sensitive(jwt), audience="")
