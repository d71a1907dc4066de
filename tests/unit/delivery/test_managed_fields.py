"""The manager of a name is ESO §2.9; entries have the form of `metadata.managedFields`."""

import hashlib

import pytest

from virtrigaud_secrets.delivery.managed_fields import MAX_READABLE, field_manager, managed_keys

LONG = "an-external-secret-with-a-name-that-is-rather-long"


def entry(manager: str, **fields: object) -> dict[str, object]:
    return {"manager": manager, "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": fields}


def written(manager: str) -> dict[str, object]:
    return entry(
        manager,
        **{
            "f:data": {".": {}, "f:a": {}, "f:f:b": {}},
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}, "f:annotations": {".": {}, "f:x/y": {}}},
            "f:type": {},
        },
    )


def test_the_manager_bears_the_name() -> None:
    assert field_manager("db") == "externalsecrets.external-secrets.io/db"


def test_a_long_name_is_hashed() -> None:
    limit = "n" * (MAX_READABLE - len("externalsecrets.external-secrets.io/"))
    assert field_manager(limit).endswith(limit)
    longer = limit + "n"
    hashed = hashlib.sha3_224(longer.encode()).hexdigest()
    assert field_manager(longer) == f"externalsecrets.external-secrets.io/sha3/{hashed}"


@pytest.mark.parametrize("name", ["db", LONG, "n" * 200])
def test_what_was_written_is_found_again(name: str) -> None:
    found = managed_keys([written(field_manager(name))], name)
    assert found.data == {"a", "f:b"}
    assert found.labels == {"app"}
    assert found.annotations == {"x/y"}


def test_what_others_wrote_is_not() -> None:
    found = managed_keys([written("kubectl-edit"), written(field_manager("other")), {}], "db")
    assert (found.data, found.labels, found.annotations) == (set(), set(), set())


def test_several_entries_add_up() -> None:
    manager = field_manager("db")
    entries = [entry(manager, **{"f:data": {"f:a": {}}}), entry(manager, **{"f:data": {"f:b": {}}, "f:metadata": None})]
    assert managed_keys(entries, "db").data == {"a", "b"}


def test_a_manager_of_a_long_name_is_found_under_its_readable_form_too() -> None:
    assert managed_keys([written("externalsecrets.external-secrets.io/" + LONG)], LONG).data == {"a", "f:b"}
