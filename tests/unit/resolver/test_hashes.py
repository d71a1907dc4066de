"""Vectors of ESO §7."""

from virtrigaud_secrets.resolver.hashes import change_marker, data_hash, owner_hash


def test_hash_of_data():
    assert data_hash({}) == "74a974446e359fb3e6baff9bd0058950e6edd0f040888d9989b0a11b"
    assert data_hash({"b": b"bar", "a": b""}) == "80eff8398992091e997ad22b5279f252d91d7f6ce832d51e6d4d97e4"


def test_hash_of_an_owner():
    assert owner_hash("name", namespace="ns") == "bb23d4143f48a70026bb6cffbf0e5df5557eb3bc56885091e92a5690"


def test_marker_of_a_manifest():
    marker = change_marker(1, annotations={"x": "1"}, labels={})
    assert marker == "1-eca6d19ed2c87d3d5f5fd4c6d177e013dc7e71b1847780c8abd83d84"


def test_each_part_of_a_manifest_counts():
    markers = {
        change_marker(1, annotations={"x": "1"}, labels={}),
        change_marker(2, annotations={"x": "1"}, labels={}),
        change_marker(1, annotations={}, labels={"x": "1"}),
        change_marker(1, annotations={"x": "2"}, labels={}),
    }
    assert len(markers) == 4
