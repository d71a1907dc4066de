"""Go's `net/url`: taking a URL apart and putting one together, with Go's own sets of characters to escape.

Texts are Go strings as `golang.reflect` has them. Nothing here resolves names or opens connections.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from virtrigaud_secrets.golang.reflect import to_bytes, to_string

_UNRESERVED: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")
_HOST: Final = _UNRESERVED | frozenset(b"!$&'()*+,;=:[]<>\"")
_PATH: Final = _UNRESERVED | frozenset(b"$&+,/:;=@")
_USER: Final = _UNRESERVED | frozenset(b"$&+,;=")
_FRAGMENT: Final = _UNRESERVED | frozenset(b"$&+,/:;=?@!()*")
_ENCODED: Final = frozenset(b"!$&'()*+,;=:@[]%")
_USERINFO: Final = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_PORT: Final = re.compile(r"(:[0-9]*)?")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})?")


class URLError(ValueError):
    """The text is no URL. The message holds none of it."""


@dataclass(frozen=True, slots=True)
class Userinfo:
    """What stands before the `@`, unescaped; `password` is None when there is no colon."""

    username: str
    password: str | None = None

    def __str__(self) -> str:
        """Escaped."""
        text = _escape(self.username, _USER)
        return text if self.password is None else f"{text}:{_escape(self.password, _USER)}"

    def __repr__(self) -> str:
        """Without user and password."""
        return "Userinfo(...)"


@dataclass(frozen=True, slots=True, repr=False)
class URL:
    """The parts of a URL; `path` and `fragment` unescaped, `raw_*` as read where that is not the usual escaping."""

    scheme: str = ""
    opaque: str = ""
    user: Userinfo | None = None
    host: str = ""
    path: str = ""
    raw_path: str = ""
    raw_query: str = ""
    fragment: str = ""
    raw_fragment: str = ""
    force_query: bool = False
    """Whether there is a `?` with nothing behind it."""
    omit_host: bool = False
    """Whether a scheme was followed by one slash only."""

    @property
    def hostname(self) -> str:
        """The host without port and brackets."""
        host = self.host
        colon = host.rfind(":")
        if colon != -1 and _PORT.fullmatch(host[colon:]):
            host = host[:colon]
        return host[1:-1] if host.startswith("[") and host.endswith("]") else host

    def __str__(self) -> str:
        """The URL written out."""
        text = f"{self.scheme}:" if self.scheme else ""
        text += self.opaque or self._hierarchy(has_prefix=bool(text))
        if self.force_query or self.raw_query:
            text += f"?{self.raw_query}"
        if self.fragment:
            text += f"#{_written(self.fragment, self.raw_fragment, _FRAGMENT)}"
        return text

    def _hierarchy(self, *, has_prefix: bool) -> str:
        text = ""
        named = bool(self.host) or self.user is not None
        if (self.scheme or named) and not (self.omit_host and not named):
            if named or self.path:
                text = "//"
            if self.user is not None:
                text += f"{self.user}@"
            text += _escape(self.host, _HOST)
        path = "*" if self.path == "*" and not self.raw_path else _written(self.path, self.raw_path, _PATH)
        if path and not path.startswith("/") and self.host:
            text += "/"
        if not text and not has_prefix and ":" in path.partition("/")[0]:
            text = "./"
        return text + path


def parse(text: str) -> URL:
    """Take a URL apart.

    Raises:
        URLError: it is none.
    """
    rest, _, raw_fragment = text.partition("#")
    if _CONTROL.search(rest):
        raise URLError("invalid control character in URL")
    fragment = _unescape(raw_fragment)
    if raw_fragment == _escape(fragment, _FRAGMENT):
        raw_fragment = ""
    if rest == "*":
        return URL(path="*", fragment=fragment, raw_fragment=raw_fragment)
    scheme, rest = _split_scheme(rest)
    force_query = rest.endswith("?") and rest.count("?") == 1
    rest, _, query = rest.partition("?")
    if not rest.startswith("/"):
        if scheme:
            return URL(scheme=scheme, opaque=rest, raw_query=query, force_query=force_query, fragment=fragment,
                       raw_fragment=raw_fragment)  # fmt: skip
        if ":" in rest.partition("/")[0]:
            raise URLError("first path segment in URL cannot contain colon")
    user, host, omit_host = None, "", False
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        rest = slash + path
        user, host = _parse_authority(scheme, authority)
    elif scheme and rest.startswith("/"):
        omit_host = True
    path = _unescape(rest)
    return URL(
        scheme=scheme,
        user=user,
        host=host,
        path=path,
        raw_path="" if rest == _escape(path, _PATH) else rest,
        raw_query=query,
        fragment=fragment,
        raw_fragment=raw_fragment,
        force_query=force_query,
        omit_host=omit_host,
    )


def _split_scheme(text: str) -> tuple[str, str]:
    if text.startswith(":"):
        raise URLError("missing protocol scheme")
    match = _SCHEME.match(text)
    return (match[1].lower(), text[match.end() :]) if match else ("", text)


def _parse_authority(scheme: str, authority: str) -> tuple[Userinfo | None, str]:
    userinfo, at, host = authority.rpartition("@")
    host = _parse_host(scheme, host)
    if not at:
        return None, host
    if not _USERINFO.fullmatch(userinfo):
        raise URLError("invalid userinfo")
    name, colon, password = userinfo.partition(":")
    return Userinfo(_unescape(name), _unescape(password) if colon else None), host


def _parse_host(scheme: str, host: str) -> str:
    bracket = host.rfind("[")
    if bracket > 0:
        raise URLError("invalid IP-literal")
    if bracket == 0:
        return _parse_bracketed(host)
    first = host.find(":")
    if first != -1:
        # Go forgives several colons but in http and https.
        colon = first if scheme in {"http", "https"} else host.rfind(":")
        if not _PORT.fullmatch(host[colon:]):
            raise URLError("invalid port after host")
    return _unescape_host(host)


def _parse_bracketed(host: str) -> str:
    from ipaddress import AddressValueError, IPv6Address  # rarely needed, as slow as all the rest

    name, bracket, port = host[1:].rpartition("]")
    if not bracket:
        raise URLError("missing ']' in host")
    if not _PORT.fullmatch(port):
        raise URLError("invalid port after host")
    address, percent, zone = name.partition("%25")
    address = _unescape_host(address)
    zone = _unescape_host(percent + zone, zone=True)
    checked, mark, inner_zone = (address + zone).partition("%")
    try:
        IPv6Address(checked)
    except AddressValueError:
        raise URLError("invalid host") from None
    if mark and not inner_zone:
        raise URLError("invalid host")
    return f"[{address}{zone}]{port}"


def _unescape_host(text: str, *, zone: bool = False) -> str:
    data = to_bytes(text)
    for escape in _ESCAPE.finditer(data):
        if escape[0].lower() == b"%25" or escape[1] is None:
            continue
        byte = int(escape[1], 16)
        if (not zone and byte < 0x80) or (zone and byte != 0x20 and byte not in _HOST):  # noqa: PLR2004  # ASCII
            raise URLError("invalid URL escape")
    plain = _ESCAPE.sub(b"", data)
    if any(byte < 0x80 and byte not in _HOST for byte in plain):  # noqa: PLR2004  # ASCII
        raise URLError("invalid character in host name")
    return _unescape(text)


def _unescape(text: str) -> str:
    if "%" not in text:
        return text

    def decode(match: re.Match[bytes]) -> bytes:
        if match[1] is None:
            raise URLError("invalid URL escape")
        return bytes((int(match[1], 16),))

    return to_string(_ESCAPE.sub(decode, to_bytes(text)))


def _escape(text: str, allowed: frozenset[int]) -> str:
    data = to_bytes(text)
    if allowed.issuperset(data):
        return text
    return "".join(chr(byte) if byte in allowed else f"%{byte:02X}" for byte in data)


def _written(text: str, raw: str, allowed: frozenset[int]) -> str:
    """The text as it was read if that is a valid way to write it."""
    if raw and (allowed | _ENCODED).issuperset(to_bytes(raw)):
        try:
            if _unescape(raw) == text:
                return raw
        except URLError:
            pass
    return _escape(text, allowed)
