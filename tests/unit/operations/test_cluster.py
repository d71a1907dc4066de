"""Where the cluster comes from."""

import pytest

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.operations.cluster import connect
from virtrigaud_secrets.settings import Settings


def test_without_a_cluster_it_is_told_how_to_name_one(tmp_path):
    with pytest.raises(ConfigurationError, match="KUBECONFIG"):
        connect(Settings(service_account_directory=tmp_path))


def test_a_pod_is_in_its_cluster(tmp_path):
    (tmp_path / "token").write_text("t")
    (tmp_path / "ca.crt").write_text("c")
    found = connect(Settings(service_account_directory=tmp_path, kubernetes_api="https://10.0.0.1"))
    assert "https://10.0.0.1" in str(found)
    found.close()
