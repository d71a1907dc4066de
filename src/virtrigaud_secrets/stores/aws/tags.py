"""Tags, as both services write them, and what has to be done for others. No I/O."""

from __future__ import annotations

from collections.abc import Mapping

from virtrigaud_secrets.stores.aws.client import mappings
from virtrigaud_secrets.stores.aws.errors import text_in


def tags_in(answer: Mapping[str, object]) -> dict[str, str]:
    """The tags of an answer, `Tags` or `TagList`."""
    found = mappings(answer.get("Tags") or answer.get("TagList"))
    return {text_in(tag, "Key"): text_in(tag, "Value") for tag in found}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as a request carries them."""
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)]


def changes_of(there: Mapping[str, str], wanted: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """The keys to remove, and the tags to write, so that there is just what is wanted."""
    removed = sorted(there.keys() - wanted.keys())
    return removed, {key: value for key, value in wanted.items() if there.get(key) != value}
