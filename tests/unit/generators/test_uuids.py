"""UUIDs."""

import uuid


def test_each_is_another_one_of_version_4(make, entries):
    generator = make("UUID")
    made = [entries(generator) for _ in range(3)]
    assert [list(one) for one in made] == [["uuid"]] * 3
    assert {uuid.UUID(one["uuid"].decode()).version for one in made} == {4}
    assert len({one["uuid"] for one in made}) == 3
