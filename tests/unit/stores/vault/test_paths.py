import pytest

from virtrigaud_secrets.errors import InvalidRequestError
from virtrigaud_secrets.stores.vault.paths import is_below, kv_metadata_path, kv_path, plain, url_path


@pytest.mark.parametrize(
    ("version", "mount", "key", "read"),
    [
        (2, "secret", "providers/vsphere", "secret/data/providers/vsphere"),
        (2, "secret", "secret/data/providers/vsphere", "secret/data/providers/vsphere"),
        (2, "secret", "secret/providers/vsphere", "secret/data/providers/vsphere"),
        (2, "secret", "vsphere/creds/dynamic-role", "secret/data/vsphere/creds/dynamic-role"),
        (2, "secret/path", "secret/path/data/x", "secret/path/data/x"),
        (2, "", "secret/a/b", "secret/data/a/b"),
        (2, "", "secret/data/a", "secret/data/a"),
        (1, "secret/path", "secret/path/x", "secret/path/x"),
        (1, "vsphere", "vsphere/creds/r", "vsphere/creds/r"),
        (1, "secret", "a", "secret/a"),
        (1, "", "pki/cert/ca", "pki/cert/ca"),
        # The quirks that ESO's users rely on, or suffer from.
        (2, "secret", "data/foo", "secret/data/data/foo"),
        (2, "secret/data", "foo", "secret/data/data/foo"),
        (2, "secret", "secret/secret/x", "secret/data/secret/x"),
        (2, "secret", "secret", "secret/data/secret"),
        (2, "", "single", "single"),
    ],
)
def test_kv_paths_are_those_of_eso(version, mount, key, read):
    assert kv_path(key, mount=mount, version=version) == read


def test_the_path_of_a_path_below_the_mount_is_itself():
    for key in ("a", "data/a", "data/data/a", "secret/a", "secret/data/a", "secret/data/data/a"):
        read = kv_path(key, mount="secret", version=2)
        assert kv_path(read, mount="secret", version=2) == read


def test_metadata_paths_keep_a_mount_in_the_key():
    assert kv_metadata_path("x", mount="secret") == "secret/metadata/x"
    assert kv_metadata_path("secret/data/x", mount="secret") == "secret/metadata/secret/data/x"
    assert kv_metadata_path("secret/data/x/data/y", mount="") == "secret/metadata/x/data/y"


def test_metadata_without_a_mount_needs_data_in_the_key():
    with pytest.raises(InvalidRequestError):
        kv_metadata_path("secret/x", mount="")


def test_below_means_behind_a_slash():
    assert is_below("secret/x", "secret")
    assert not is_below("secrets/x", "secret")
    assert not is_below("secret", "secret")
    assert not is_below("/x", "")


@pytest.mark.parametrize("written", ["/a//b/", "a/b", "a///b"])
def test_slashes_are_single(written):
    assert plain(written) == "a/b"


@pytest.mark.parametrize("written", ["", "/", "a/../b", "..", "a/./b", "../sys/raw"])
def test_paths_that_leave_the_mount_are_refused(written):
    with pytest.raises(InvalidRequestError):
        plain(written)


def test_dots_inside_a_segment_are_names():
    assert plain("a/..b/c..d/.e") == "a/..b/c..d/.e"


def test_everything_that_means_something_in_a_url_is_quoted():
    assert url_path("a b/c?d#e%2fé") == "a%20b/c%3Fd%23e%252f%C3%A9"
    assert url_path("a-b_c.d~e:f@g/h=i") == "a-b_c.d~e:f@g/h=i"
