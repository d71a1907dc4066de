from virtrigaud_secrets.operations.policy.document import Platform, comment, file_name, listed, name_of
from virtrigaud_secrets.stores.base import StoreKey


def test_names_are_good_for_files():
    assert name_of(Platform.VAULT, StoreKey("SecretStore", "Team_A", "../x")) == "vault-team-a-x"
    assert name_of(Platform.AWS, StoreKey("ClusterSecretStore", "", "x"), "role") == "aws-x-role"
    assert file_name(Platform.KUBERNETES, "", "b") == "kubernetes-b"


def test_a_comment_is_one_line():
    assert comment('a\npath "*" {}\r\u2028x\x1b') == '# a path "*" {}  x '


def test_long_lists_are_cut():
    assert listed(["b", "a", "b"]) == "a, b"
    assert listed("abcde") == "a, b, c and 2 more"
