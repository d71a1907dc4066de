from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta

import pytest

from virtrigaud_secrets.bundle import Bundle, Lease, Provenance
from virtrigaud_secrets.findings import Finding

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def lease(name: str, *, hours: int) -> Lease:
    return Lease(lease_id=name, duration=hours * 3600, renewable=True, expires_at=NOW + timedelta(hours=hours))


def origin(path: str, *, of: Lease | None = None, hours: int | None = None) -> Provenance:
    expires_at = None if hours is None else NOW + timedelta(hours=hours)
    return Provenance(store="SecretStore ns/s", path=path, lease=of, expires_at=expires_at)


class TestMapping:
    BUNDLE = Bundle({"b": b"2", "a": b"1", "text": "wörd".encode()})

    def test_keys_are_sorted(self) -> None:
        assert list(self.BUNDLE) == ["a", "b", "text"]
        assert len(self.BUNDLE) == 3
        assert dict(self.BUNDLE) == {"a": b"1", "b": b"2", "text": "wörd".encode()}

    def test_values_are_bytes_or_text(self) -> None:
        assert self.BUNDLE["text"] == "wörd".encode()
        assert self.BUNDLE.text("text") == "wörd"

    def test_no_such_key(self) -> None:
        for ask in (self.BUNDLE.__getitem__, self.BUNDLE.text, self.BUNDLE.lease):
            with pytest.raises(KeyError, match="absent"):
                ask("absent")

    def test_no_text(self) -> None:
        with pytest.raises(ValueError, match="not UTF-8"):
            Bundle({"a": b"\xff"}).text("a")

    def test_equal_by_content(self) -> None:
        assert Bundle({"a": b"1"}, name="x") == Bundle({"a": b"1"}, name="y")
        assert Bundle({"a": b"1"}) != Bundle({"a": b"2"})


class TestImmutable:
    def test_the_callers_dictionary_may_change(self) -> None:
        data = {"a": b"1"}
        labels = {"l": "1"}
        bundle = Bundle(data, labels=labels)
        data["a"] = b"2"
        labels["l"] = "2"
        assert bundle["a"] == b"1"
        assert bundle.labels == {"l": "1"}

    def test_a_buffer_is_copied(self) -> None:
        buffer = bytearray(b"1")
        bundle = Bundle({"a": bytes(buffer)})
        buffer[:] = b"2"
        assert bundle["a"] == b"1"

    @pytest.mark.parametrize("name", ["name", "_data", "expires_at", "other"])
    def test_attributes_cannot_be_set_or_deleted(self, name: str) -> None:
        bundle = Bundle({})
        with pytest.raises(AttributeError, match="immutable"):
            setattr(bundle, name, "x")
        with pytest.raises(AttributeError, match="immutable"):
            delattr(bundle, name)

    @pytest.mark.parametrize("part", ["labels", "annotations", "provenance", "_data"])
    def test_its_mappings_are_read_only(self, part: str) -> None:
        with pytest.raises(TypeError, match="does not support item assignment"):
            getattr(Bundle({"a": b"1"}), part)["a"] = "x"

    def test_copies_are_itself(self) -> None:
        bundle = Bundle({"a": b"1"})
        assert copy.copy(bundle) is bundle
        assert copy.deepcopy(bundle) is bundle

    def test_is_neither_pickled_nor_hashed(self) -> None:
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(Bundle({}))
        with pytest.raises(TypeError, match="unhashable"):
            hash(Bundle({}))


def test_repr_names_keys_only() -> None:
    bundle = Bundle({"b": b"canary", "a": b"canary"}, name="n", namespace="ns", type="kubernetes.io/tls")
    assert repr(bundle) == "<Bundle ns/n type=kubernetes.io/tls {a=[redacted], b=[redacted]}>"


class TestProvenance:
    def test_every_key_has_a_place_even_without_an_origin(self) -> None:
        bundle = Bundle({"a": b"", "b": b""}, provenance={"a": (origin("p"),), "elsewhere": (origin("q"),)})
        assert bundle.provenance == {"a": (origin("p"),), "b": ()}

    def test_the_earliest_end_counts(self) -> None:
        provenance = {"a": (origin("p", hours=3), origin("q", hours=1)), "b": (origin("r", hours=2),)}
        assert Bundle({"a": b"", "b": b""}, provenance=provenance).expires_at == NOW + timedelta(hours=1)

    def test_what_has_no_end(self) -> None:
        assert Bundle({"a": b""}, provenance={"a": (origin("p"),)}).expires_at is None

    def test_an_origin_of_no_key_ends_nothing(self) -> None:
        assert Bundle({}, provenance={"a": (origin("p", hours=1),)}).expires_at is None


class TestLease:
    SHORT, LONG = lease("short", hours=1), lease("long", hours=2)
    BUNDLE = Bundle(
        {"both": b"", "one": b"", "none": b""},
        provenance={
            "both": (origin("p", of=LONG), origin("q", of=SHORT), origin("r")),
            "one": (origin("p", of=LONG),),
        },
    )

    def test_of_a_key_is_the_one_that_ends_first(self) -> None:
        assert self.BUNDLE.lease("both") == self.SHORT
        assert self.BUNDLE.lease("one") == self.LONG
        assert self.BUNDLE.lease("none") is None

    def test_each_is_listed_once(self) -> None:
        assert self.BUNDLE.leases == (self.SHORT, self.LONG)

    def test_its_name_does_not_show(self) -> None:
        held = lease("database/creds/role/canary", hours=1)
        assert "canary" not in repr(held)
        assert "canary" not in repr(origin("p", of=held))

    def test_its_fingerprint_tells_it_apart(self) -> None:
        assert self.SHORT.fingerprint != self.LONG.fingerprint
        assert self.SHORT.fingerprint == lease("short", hours=9).fingerprint
        assert len(self.SHORT.fingerprint) == 12


def test_findings_are_added_to_a_twin() -> None:
    bundle = Bundle(
        {"a": b"1"},
        name="n",
        namespace="ns",
        type="t",
        labels={"l": "1"},
        annotations={"x": "y"},
        provenance={"a": (origin("p", hours=1),)},
    )
    finding = Finding(message="m")
    twin = bundle.with_findings([finding])
    assert (bundle.findings, twin.findings) == ((), (finding,))
    for name in ("name", "namespace", "type", "labels", "annotations", "provenance", "expires_at"):
        assert getattr(twin, name) == getattr(bundle, name)
    assert twin == bundle
