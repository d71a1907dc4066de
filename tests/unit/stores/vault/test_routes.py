import pytest

from virtrigaud_secrets.errors import InvalidRequestError
from virtrigaud_secrets.stores.base import Fetch, StoreKey, freeze_parameters
from virtrigaud_secrets.stores.vault.engines import Mount
from virtrigaud_secrets.stores.vault.routes import MOUNT_LOOKUP, Router

STORE = StoreKey("SecretStore", "team", "vault-secret-store")


def fetch(key, parameters=None, **fields):
    return Fetch(store=STORE, key=key, parameters=freeze_parameters(parameters or {}), **fields)


@pytest.fixture
def make_router(make_spec, make_context):
    def make(spec=None, **settings):
        return Router(make_spec(**(spec or {})), make_context(**settings))

    return make


@pytest.mark.parametrize(
    "key", ["secret/data/providers/vsphere", "secret/providers/vsphere", "/secret//providers/vsphere"]
)
def test_spellings_of_one_path_are_one_fetch(make_router, key):
    assert make_router().preview(fetch(key)).fetch == fetch("secret/data/providers/vsphere")


@pytest.mark.parametrize("key", ["secret/data/a", "secret/data/data/a", "providers/vsphere", "a", "pki/cert/ca"])
def test_the_canonical_fetch_stays(make_router, key):
    router = make_router()
    canonical = router.canonical(fetch(key))
    assert router.canonical(canonical) == canonical


def test_a_key_below_the_stores_path_needs_no_question(make_router):
    preview = make_router().preview(fetch("secret/data/providers/vsphere"))
    assert (preview.method, preview.path, preview.note) == ("GET", "secret/data/providers/vsphere", "")
    assert not preview.side_effect
    assert preview.repairs == ()


def test_a_plain_key_is_read_below_the_store_unless_another_engine_owns_it(make_router):
    router = make_router()
    preview = router.preview(fetch("providers/vsphere"))
    assert (preview.method, preview.path) == ("GET", "secret/data/providers/vsphere")
    assert "asked once" in preview.note
    assert router.known(preview.fetch) is None


def test_a_dynamic_key_is_previewed_as_one(make_router):
    preview = make_router().preview(fetch("vsphere/creds/dynamic-role"))
    assert (preview.method, preview.path, preview.side_effect) == ("GET", "vsphere/creds/dynamic-role", True)
    assert preview.repairs == (MOUNT_LOOKUP,)
    assert "secret/data/vsphere/creds/dynamic-role" in preview.note


def test_an_issuing_key_is_a_post(make_router):
    preview = make_router().preview(fetch("pki/issue/virtrigaud", {"common_name": "a.virtrigaud.local"}))
    assert (preview.method, preview.path, preview.side_effect) == ("POST", "pki/issue/virtrigaud", True)


def test_an_issuing_key_without_a_name_is_refused_without_a_request(make_router):
    with pytest.raises(InvalidRequestError, match="common_name") as caught:
        make_router().preview(fetch("pki/issue/virtrigaud"))
    assert caught.value.store == "SecretStore team/vault-secret-store"


def test_keys_that_leave_the_path_are_refused_without_a_request(make_router):
    with pytest.raises(InvalidRequestError) as caught:
        make_router().preview(fetch("secret/../sys/mounts"))
    assert caught.value.store


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("SecretStore", {"strict": True}),
        ("SecretStore", {"vault_kv_only": frozenset({"team/vault-secret-store"})}),
        ("ClusterSecretStore", {"vault_kv_only": frozenset({"vault-secret-store"})}),
    ],
)
def test_kv_only_is_eso_s_meaning(make_router, kind, settings):
    router = make_router(kind=kind, **settings)
    preview = router.preview(fetch("vsphere/creds/dynamic-role"))
    assert (preview.method, preview.path, preview.note) == ("GET", "secret/data/vsphere/creds/dynamic-role", "")
    assert router.preview(fetch("pki/issue/virtrigaud")).path == "secret/data/pki/issue/virtrigaud"


def test_kv_only_of_another_store_does_not_count(make_router):
    router = make_router(vault_kv_only=frozenset({"vault-secret-store", "other/vault-secret-store"}))
    assert router.known(fetch("vsphere/creds/dynamic-role")) is None


def test_parameters_do_not_fit_a_kv_secret(make_router):
    router = make_router()
    with pytest.raises(InvalidRequestError, match="parameters"):
        router.preview(fetch("secret/data/a", {"common_name": "x"}))
    with pytest.raises(InvalidRequestError, match="parameters"):
        router.mounted(fetch("other/a", {"ttl": "1h"}), Mount("other", "kv", 2))


def test_parameters_under_a_v1_path_mean_another_engine(make_router):
    router = make_router({"path": "pki", "version": "v1"})
    assert router.known(fetch("pki/issue/virtrigaud", {"common_name": "a"})) is None


def test_a_v1_store_at_a_dynamic_engine_is_read_with_care(make_router):
    route = make_router({"path": "vsphere", "version": "v1"}).known(fetch("vsphere/creds/role"))
    assert route is not None
    assert (route.endpoint.method, route.endpoint.side_effect) == ("GET", True)


def test_mounted_routes(make_router):
    router = make_router()
    kv1 = router.mounted(fetch("legacy/app"), Mount("legacy", "kv", 1))
    kv2 = router.mounted(fetch("team/kv/data/app"), Mount("team/kv", "kv", 2))
    db = router.mounted(fetch("vsphere/creds/r"), Mount("vsphere", "database"))
    assert (kv1.endpoint.path, kv1.kv_version) == ("legacy/app", 1)
    assert (kv2.endpoint.path, kv2.kv_version) == ("team/kv/data/app", 2)
    assert (db.endpoint.path, db.kv_version) == ("vsphere/creds/r", 0)
    assert kv1.repairs == kv2.repairs == db.repairs == (MOUNT_LOOKUP,)


def test_an_oddly_named_pki_is_checked_once_its_engine_is_known(make_router):
    router = make_router()
    assert router.preview(fetch("certificates/issue/role")).path == "secret/data/certificates/issue/role"
    with pytest.raises(InvalidRequestError, match="common_name"):
        router.mounted(fetch("certificates/issue/role"), Mount("certificates", "pki"))


def test_metadata(make_router):
    router = make_router()
    route = router.known(router.canonical(fetch("x", metadata=True)))
    assert route is not None
    assert route.endpoint.path == "secret/metadata/x"
    assert router.preview(fetch("secret/data/x", metadata=True)).path == "secret/metadata/secret/data/x"
    with pytest.raises(InvalidRequestError, match="version 1"):
        make_router({"version": "v1"}).preview(fetch("x", metadata=True))


def test_a_store_without_a_path(make_router):
    router = make_router({"path": None})
    assert router.known(fetch("secret/a/b")) is None
    assert router.preview(fetch("secret/a/b")).path == "secret/data/a/b"
    assert router.kv(fetch("secret/a/b")).endpoint.path == "secret/data/a/b"
