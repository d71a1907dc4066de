"""A template's name and text, and errors that point into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from virtrigaud_secrets.errors import TemplateExecutionError, TemplateSyntaxError

_LINE_SHOWN: Final = 300
"""Characters of a source line that an error shows; a longer line would drown the message."""


@dataclass(frozen=True, slots=True)
class Source:
    """What was parsed."""

    name: str
    """The template's name, for messages and for `template` clauses."""
    text: str
    """All of it."""

    def syntax_error(self, reason: str, offset: int) -> TemplateSyntaxError:
        """The error to raise for a fault of grammar at this offset."""
        line, column, text = self._place(offset)
        return TemplateSyntaxError(reason, name=self.name, line=line, column=column, source_line=text)

    def execution_error(self, reason: str, offset: int | None) -> TemplateExecutionError:
        """The error to raise for a failure of the action at this offset."""
        if offset is None:
            return TemplateExecutionError(reason, name=self.name)
        line, column, text = self._place(offset)
        return TemplateExecutionError(reason, name=self.name, line=line, column=column, source_line=text)

    def _place(self, offset: int) -> tuple[int, int, str | None]:
        """Line, column, and the text of that line."""
        begin = self.text.rfind("\n", 0, offset) + 1
        end = self.text.find("\n", offset)
        text = self.text[begin : end if end >= 0 else len(self.text)].rstrip("\r").replace("\t", " ")
        line, column = self.text.count("\n", 0, offset) + 1, offset - begin + 1
        return line, column, text if len(text) <= _LINE_SHOWN else None
