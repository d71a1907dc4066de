"""Printing as Go's `fmt` does: `Sprint`, `Sprintln`, and `Sprintf` with its formats.

How one value looks under one verb is `golang.fmt_values`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, cast

from virtrigaud_secrets.golang.fmt_values import Printer, TooLargeError
from virtrigaud_secrets.golang.reflect import join_strings, type_name

__all__ = ["TooLargeError", "sprint", "sprintf", "sprintln"]

_TOO_LARGE: Final = 1_000_000
"""Go gives up on a width, precision or argument number once it has passed this."""
_SIMPLE_VERB: Final = re.compile("(%[sv])")
_FLAGS: Final = {"#": "sharp", "0": "zero", "+": "plus", "-": "minus", " ": "space"}


def sprint(*values: object, limit: int | None = None) -> str:
    """`Sprint`: the values, with blanks between two that are both no strings.

    Raises:
        TooLargeError: it is longer than the limit.
    """
    if len(values) == 1:
        text = _plain(values[0])
        if text is not None:
            return text
    printer = Printer(limit)
    after_string = True
    for value in values:
        is_string = isinstance(value, str)
        if not is_string and not after_string:
            printer.write(" ")
        printer.argument(value, "v")
        after_string = is_string
    if not values:
        return ""
    return printer.text()


def sprintln(*values: object, limit: int | None = None) -> str:
    """`Sprintln`: the values with blanks between them, and a newline.

    Raises:
        TooLargeError: it is longer than the limit.
    """
    printer = Printer(limit)
    for index, value in enumerate(values):
        if index:
            printer.write(" ")
        printer.argument(value, "v")
    printer.write("\n")
    return printer.text()


def sprintf(form: str, *values: object, limit: int | None = None) -> str:
    """`Sprintf`.

    Raises:
        TooLargeError: it is longer than the limit.
    """
    pieces = _simple_pieces(form)
    if pieces is not None and len(pieces) == 2 * len(values) + 1 and all([type(value) is str for value in values]):  # noqa: C419 - faster
        pieces = pieces.copy()
        pieces[1::2] = cast("tuple[str, ...]", values)
        text = join_strings(pieces)
        if limit is not None and len(text) > limit:
            raise TooLargeError
        return text
    printer = Printer(limit)
    _Format(form, values, printer).run()
    return printer.text()


@lru_cache(maxsize=256)
def _simple_pieces(form: str) -> list[str] | None:
    """Texts and gaps of a format that has only `%s` and `%v` in it; `None` for any other."""
    pieces = _SIMPLE_VERB.split(form)
    if any("%" in piece for piece in pieces[::2]):
        return None
    return pieces


def _plain(value: object) -> str | None:
    """What `%v` prints for the most frequent types."""
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is int:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    return None


class _Format:
    """One run over a format."""

    __slots__ = ("after_index", "end", "form", "good_index", "index", "position", "printer", "reordered", "values")

    def __init__(self, form: str, values: tuple[object, ...], printer: Printer) -> None:
        self.form = form
        self.end = len(form)
        self.position = 0
        self.values = values
        self.index = 0
        """The next operand."""
        self.printer = printer
        self.reordered = False
        """Whether the format picks operands by number: then none counts as left over."""
        self.after_index = False
        """Whether an operand's number was just read."""
        self.good_index = True

    def run(self) -> None:
        """Text and verbs in turn, then what is wrong with the number of operands."""
        while self.position < self.end:
            percent = self.form.find("%", self.position)
            if percent < 0:
                percent = self.end
            if percent > self.position:
                self.printer.write(self.form[self.position : percent])
            if percent == self.end:
                break
            self.position = percent + 1
            self.directive()
        if not self.reordered and self.index < len(self.values):
            self.extra()

    def directive(self) -> None:
        """Flags, width, precision and verb."""
        printer = self.printer
        printer.clear()
        self.good_index = True
        self.after_index = False
        while self.position < self.end and (flag := _FLAGS.get(self.form[self.position])) is not None:
            setattr(printer, flag, True)
            self.position += 1
        self.operand_number()
        self.width()
        if self.position + 1 < self.end and self.form[self.position] == ".":
            self.position += 1
            if self.after_index:
                self.good_index = False
            self.operand_number()
            self.precision()
        if not self.after_index:
            self.operand_number()
        if self.position >= self.end:
            printer.write("%!(NOVERB)")
            return
        verb = self.form[self.position]
        self.position += 1
        self.verb("\ufffd" if "\ud800" <= verb <= "\udfff" else verb)

    def verb(self, verb: str) -> None:
        """Print the operand, or why there is none."""
        if verb == "%":
            self.printer.write("%")
        elif not self.good_index:
            self.printer.write(f"%!{verb}(BADINDEX)")
        elif self.index >= len(self.values):
            self.printer.write(f"%!{verb}(MISSING)")
        else:
            self.printer.use_verb(verb)
            self.printer.argument(self.values[self.index], verb)
            self.index += 1

    def width(self) -> None:
        """A width: digits, or the next operand."""
        printer = self.printer
        if self.form.startswith("*", self.position):
            self.position += 1
            printer.width = self.integer_operand()
            if printer.width is None:
                printer.write("%!(BADWIDTH)")
            elif printer.width < 0:
                printer.width = -printer.width
                printer.minus, printer.zero = True, False
            self.after_index = False
            return
        printer.width = self.digits()
        if self.after_index and printer.width is not None:
            self.good_index = False

    def precision(self) -> None:
        """A precision: digits, or the next operand; a point alone means none."""
        printer = self.printer
        if self.form.startswith("*", self.position):
            self.position += 1
            number = self.integer_operand()
            printer.precision = None if number is None or number < 0 else number
            if printer.precision is None:
                printer.write("%!(BADPREC)")
            self.after_index = False
            return
        printer.precision = self.digits() or 0

    def digits(self, stop: int | None = None) -> int | None:
        """A decimal number; one beyond all measure swallows the rest of the format."""
        begin, end = self.position, self.end if stop is None else stop
        number = 0
        while self.position < end and "0" <= (digit := self.form[self.position]) <= "9":
            if number > _TOO_LARGE:
                self.position = end
                return None
            number = number * 10 + int(digit)
            self.position += 1
        return number if self.position > begin else None

    def integer_operand(self) -> int | None:
        """The next operand as a width or precision; `None` if it is no integer or too large."""
        if self.index >= len(self.values):
            return None
        value = self.values[self.index]
        self.index += 1
        if not isinstance(value, int) or isinstance(value, bool):
            return None
        return int(value) if -_TOO_LARGE <= value <= _TOO_LARGE else None

    def operand_number(self) -> None:
        """`[3]`: which operand comes next."""
        self.after_index = False
        if not self.form.startswith("[", self.position):
            return
        self.reordered = True
        start = self.position
        close = self.form.find("]", start) if self.end - start > 2 else -1  # noqa: PLR2004 - `[`, a digit, `]`
        if close < 0:
            self.good_index = False
            self.position = start + 1
            return
        self.position = start + 1
        number = self.digits(close)
        well_formed = number is not None and self.position == close
        self.position = close + 1
        self.after_index = well_formed
        if well_formed and number is not None and 0 < number <= len(self.values):
            self.index = number - 1
        else:
            self.good_index = False

    def extra(self) -> None:
        """Operands without a verb."""
        printer = self.printer
        printer.clear()
        printer.write("%!(EXTRA ")
        for position, value in enumerate(self.values[self.index :]):
            if position:
                printer.write(", ")
            if value is None:
                printer.write("<nil>")
            else:
                printer.write(f"{type_name(value)}=")
                printer.argument(value, "v")
        printer.write(")")
