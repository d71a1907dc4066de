import pytest

from virtrigaud_secrets.errors import InvalidRequestError
from virtrigaud_secrets.golang.encoding_json import unmarshal
from virtrigaud_secrets.stores.base import freeze_parameters
from virtrigaud_secrets.stores.vault import engines
from virtrigaud_secrets.stores.vault.engines import Endpoint, KnownMounts, Mount, check_parameters, guess, request_body


@pytest.mark.parametrize(
    ("mount", "key", "method", "side_effect"),
    [
        (Mount("vsphere", "database"), "vsphere/creds/dynamic-role", "GET", True),
        (Mount("vsphere", "database"), "vsphere/static-creds/role", "GET", False),
        (Mount("vsphere", "database"), "vsphere/roles/role", "GET", False),
        (Mount("pki", "pki"), "pki/issue/virtrigaud", "POST", True),
        (Mount("pki", "pki"), "pki/sign/virtrigaud", "POST", True),
        (Mount("pki", "pki"), "pki/sign-verbatim/virtrigaud", "POST", True),
        (Mount("pki", "pki"), "pki/issuer/main/issue/virtrigaud", "POST", True),
        (Mount("pki", "pki"), "pki/cert/ca", "GET", False),
        (Mount("pki", "pki"), "pki/issue", "GET", False),
        (Mount("team/pki", "pki"), "team/pki/issue/issue", "POST", True),
        (Mount("ssh", "ssh"), "ssh/sign/role", "POST", True),
        (Mount("ssh", "ssh"), "ssh/creds/role", "POST", True),
        (Mount("ssh", "ssh"), "ssh/config/ca", "GET", False),
        (Mount("transit", "transit"), "transit/datakey/plaintext/key", "POST", True),
        (Mount("transit", "transit"), "transit/keys/key", "GET", False),
        (Mount("transit", "transit"), "transit/export/signing-key/key", "GET", False),
        (Mount("auth/token", "token"), "auth/token/create", "POST", True),
        (Mount("auth/token", "token"), "auth/token/create/role", "POST", True),
        (Mount("auth/token", "token"), "auth/token/lookup-self", "GET", False),
        (Mount("k8s", "kubernetes"), "k8s/creds/role", "POST", True),
        (Mount("aws", "aws"), "aws/creds/role", "GET", True),
        (Mount("cubbyhole", "cubbyhole"), "cubbyhole/x", "GET", False),
        (Mount("own", "somebodys-plugin"), "own/thing", "GET", True),
    ],
)
def test_endpoints(mount, key, method, side_effect):
    endpoint = Endpoint.of(key, mount)
    assert (endpoint.method, endpoint.path, endpoint.side_effect) == (method, key, side_effect)


def data(text):
    found = unmarshal(text, use_number=True)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("key", "answer", "mount"),
    [
        ("secret/a", '{"path":"secret/","type":"kv","options":{"version":"2"}}', Mount("secret", "kv", 2)),
        ("secret/a", '{"path":"secret/","type":"kv","options":{"version":"1"}}', Mount("secret", "kv", 1)),
        ("secret/a", '{"path":"secret/","type":"kv","options":null}', Mount("secret", "kv", 1)),
        ("a/b/c", '{"path":"a/b/","type":"database","options":{}}', Mount("a/b", "database")),
        ("auth/token/create", '{"path":"token/","type":"token"}', Mount("auth/token", "token")),
        ("auth/token/create", '{"path":"auth/token/","type":"token"}', Mount("auth/token", "token")),
        ("other/a", '{"path":"secret/","type":"kv"}', None),
        ("secret/a", '{"path":"secret/"}', None),
        ("secret/a", "{}", None),
    ],
)
def test_mounts_are_read_from_the_preflight_answer(key, answer, mount):
    assert Mount.from_answer(key, data(answer)) == mount


@pytest.mark.parametrize(
    ("key", "method"),
    [
        ("pki/issue/virtrigaud", "POST"),
        ("team-pki/issue/virtrigaud", "POST"),
        ("pki_int/sign/role", "POST"),
        ("ssh-client/sign/role", "POST"),
        ("transit/datakey/plaintext/k", "POST"),
        ("auth/token/create", "POST"),
        ("vsphere/creds/dynamic-role", "GET"),
    ],
)
def test_looks_of_endpoints_that_make_something(key, method):
    endpoint = guess(key)
    assert endpoint is not None
    assert (endpoint.method, endpoint.side_effect) == (method, True)


@pytest.mark.parametrize(
    "key", ["providers/vsphere", "pki/notes", "vsphere/static", "a", "auth/x", "auth/kubernetes/login", "creds/a/b"]
)
def test_everything_else_looks_like_a_secret(key):
    assert guess(key) is None


def test_a_certificate_needs_a_common_name():
    endpoint = Endpoint.of("pki/issue/virtrigaud", Mount("pki", "pki"))
    with pytest.raises(InvalidRequestError, match="common_name") as caught:
        check_parameters(endpoint, freeze_parameters({"ttl": "1h"}))
    assert "pki/issue/virtrigaud" in str(caught.value)
    assert "annotation" in str(caught.value)
    check_parameters(endpoint, freeze_parameters({"common_name": "a.virtrigaud.local"}))


@pytest.mark.parametrize("key", ["pki/sign/r", "pki/sign-verbatim/r", "pki/cert/ca"])
def test_a_signing_request_brings_its_own_name(key):
    check_parameters(Endpoint.of(key, Mount("pki", "pki")), ())


def test_lists_of_names_are_one_text_for_pki_and_ssh():
    parameters = freeze_parameters({"common_name": "a", "alt_names": ["b", "c"], "ttl": 60, "exclude": True})
    expected = {"common_name": "a", "alt_names": "b,c", "ttl": 60, "exclude": True}
    assert request_body("pki", parameters) == expected
    assert request_body("token", freeze_parameters({"policies": ["a", "b"]})) == {"policies": ["a", "b"]}


def test_a_mount_answers_for_all_its_keys():
    known = KnownMounts()
    mount = Mount("team/db", "database")
    assert known.find("team/db/creds/a") == (False, None)
    known.remember("team/db/creds/a", mount)
    assert known.find("team/db/creds/b") == (True, mount)
    assert known.find("team/dbs/creds/b") == (False, None)
    known.forget("team/db/creds/b")
    assert known.find("team/db/creds/a") == (False, None)


def test_no_mount_holds_for_one_key():
    known = KnownMounts()
    known.remember("providers/vsphere", None)
    assert known.find("providers/vsphere") == (True, None)
    assert known.find("providers/libvirt") == (False, None)
    known.forget("providers/vsphere")
    assert known.find("providers/vsphere") == (False, None)


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(engines, "MAX_REMEMBERED", 3)
    known = KnownMounts()
    for number in range(5):
        known.remember(f"none/{number}", None)
        known.remember("", Mount(f"m{number}", "kv", 2))
    assert [known.find(f"none/{number}")[0] for number in range(5)] == [False, False, True, True, True]
    assert [known.find(f"m{number}/x")[0] for number in range(5)] == [False, False, True, True, True]
