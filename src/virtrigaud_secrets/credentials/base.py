"""What all typed credentials share: they never change and never show. No kind of provider lives here."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import NoReturn, Self

from virtrigaud_secrets.sensitive import REDACTED


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credentials:
    """Base of all typed credentials. Equal by content, compared in constant time; neither hashed nor pickled."""

    source: str = field(default="", compare=False)
    """The manifest they came from, as `Kind namespace/name`: for messages."""

    def __repr__(self) -> str:
        """Type, manifest and which fields are filled; no value."""
        filled = [each.name for each in fields(self) if each.name != "source" and getattr(self, each.name) is not None]
        shown = ", ".join(f"{name}={REDACTED}" for name in filled)
        return f"<{' '.join(part for part in (type(self).__name__, self.source) if part)} {{{shown}}}>"

    def __copy__(self) -> Self:
        """Itself: immutable objects need no copy."""
        return self

    def __deepcopy__(self, memo: object) -> Self:
        """Itself: immutable objects need no copy."""
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refused: a pickle is a copy nobody watches."""
        raise TypeError(f"{type(self).__name__} cannot be pickled")


class Arguments(dict[str, object]):
    """Keyword arguments for somebody else's function: `connect(**arguments)`. Their values do not show.

    The values are as that function wants them, in the open: keep the object no longer than the call.
    """

    def __repr__(self) -> str:
        """Names only."""
        return f"Arguments({', '.join(f'{name}={REDACTED}' for name in self)})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refused: a pickle is a copy nobody watches."""
        raise TypeError("Arguments cannot be pickled or copied")
