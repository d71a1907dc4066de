"""The server of a simulation: roles, leases, tokens and faults. Knows the true time and nothing of the lease core."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from enum import StrEnum

from virtrigaud_secrets.leases.verdicts import Meaning
from virtrigaud_secrets.stores.base import AnswerKind

STATIC_ROLE_LATE = 0.6
"""Seconds after the end of its TTL at which a static role's password changes."""


class Fault(StrEnum):
    """How the server is out of order."""

    UNAVAILABLE = "unavailable"
    """503, also when sealed."""
    THROTTLED = "throttled"
    """429."""
    HANGING = "hanging"
    """It connects and never answers."""
    LOST = "lost"
    """It acts, and the reply is lost: reset, half a body."""
    DATABASE = "database"
    """What is behind it is down: 500 for reads, 400 for renewals, look-ups work."""
    NO_LOGIN = "no-login"
    """Logins are refused."""
    NO_READ = "no-read"
    """Reads fail with 500."""


class Refused(Exception):  # noqa: N818  # an answer
    """The server said no."""

    def __init__(self, status: int, text: str, meaning: Meaning, *, dead_token: bool = False) -> None:
        super().__init__(f"{status} {text}")
        self.status = status
        self.meaning = meaning
        self.dead_token = dead_token
        """Whether it is the token that is not good any more."""


@dataclass(slots=True, kw_only=True)
class Role:
    """What a path hands out."""

    kind: AnswerKind = AnswerKind.LEASE
    length: float = 3600.0
    """Default TTL; life of a certificate; period of a static role; refresh interval of what has no end."""
    maximum: float = math.inf
    renewable: bool = True
    may_renew: bool = True
    """Whether the policy lets tokens renew."""
    may_look_up: bool = True
    may_read: bool = True
    leased: bool = True
    """Whether a certificate has a lease."""
    exists: bool = True
    shared: bool = False
    """Whether a caching proxy stands in between: it repeats the same lease, and replies to renewals."""


@dataclass(slots=True, kw_only=True)
class TokenRole:
    """What a login grants."""

    length: int = 0
    """Seconds; 0 for no end."""
    maximum: float = math.inf
    renewable: bool = True
    own: bool = True
    replaceable: bool = True
    told: bool = True
    """Whether its length is known without asking, as for a login; not so for a token that was given."""
    may_look: bool = True
    """Whether it may look at itself and renew itself."""


@dataclass(slots=True, kw_only=True)
class Token:
    """One login."""

    role: TokenRole
    issued: float
    expires: float
    revoked: float = math.inf

    def end(self) -> float:
        """When it is not good any more."""
        return min(self.expires, self.revoked)


@dataclass(slots=True, kw_only=True)
class ServerLease:
    """One credential, as the server knows it."""

    id: str
    path: str
    role: Role
    token: Token | None
    issued: float
    expires: float
    revoked: float = math.inf

    def end(self) -> float:
        """When it is not good any more."""
        end = min(self.expires, self.revoked)
        return end if self.token is None else min(end, self.token.end())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outage:
    start: float
    end: float
    fault: Fault
    retry_after: float | None
    path: str | None


class SimulatedVault:
    """Answers as OpenBao does. `now` is the true time in seconds, never moving back."""

    def __init__(self) -> None:
        self.roles: dict[str, Role] = {}
        self.login_role = TokenRole()
        self.leases: dict[str, ServerLease] = {}
        self.tokens: list[Token] = []
        self._ids = itertools.count(1)
        self._outages: list[_Outage] = []
        self._proxied: dict[str, ServerLease] = {}

    # Faults

    def outage(
        self,
        start: float,
        seconds: float,
        fault: Fault = Fault.UNAVAILABLE,
        *,
        retry_after: float | None = None,
        path: str | None = None,
    ) -> None:
        """Be out of order for a while, for all paths or one."""
        self._outages.append(_Outage(start=start, end=start + seconds, fault=fault, retry_after=retry_after, path=path))

    def fault(self, now: float, path: str | None = None) -> tuple[Fault, float | None] | None:
        """What is out of order now."""
        for outage in self._outages:
            if outage.start <= now < outage.end and outage.path in {None, path}:
                return outage.fault, outage.retry_after
        return None

    def revoke(self, path: str, now: float) -> None:
        """Revoke every lease of a path."""
        for lease in self.leases.values():
            if lease.path == path:
                lease.revoked = min(lease.revoked, now)
        self._proxied.pop(path, None)

    def restart_empty(self, now: float) -> None:
        """Know no token and no lease any more."""
        for token in self.tokens:
            token.revoked = min(token.revoked, now)
        for lease in self.leases.values():
            lease.revoked = min(lease.revoked, now)

    def end_token(self, token: Token, now: float) -> None:
        """Revoke a token; its leases die with it."""
        token.revoked = min(token.revoked, now)

    def tidy(self, now: float) -> None:
        """Forget what ended long ago."""
        self.leases = {name: lease for name, lease in self.leases.items() if lease.end() > now - 60}
        self.tokens = [token for token in self.tokens if token.end() > now - 60]

    # Requests

    def log_in(self, now: float) -> Token:
        """Make a token."""
        role = self.login_role
        length = min(float(role.length), role.maximum) if role.length else math.inf
        token = Token(role=role, issued=now, expires=now + length)
        self.tokens.append(token)
        return token

    def renew_token(self, token: Token, now: float) -> tuple[int, bool]:
        """Extend a token: seconds, and whether that was less than asked."""
        self._check(token, now)
        if not token.role.may_look:
            raise Refused(403, "1 error occurred", Meaning.DEFINITE)
        if not token.role.renewable:
            raise Refused(400, "lease is not renewable", Meaning.NOT_RENEWABLE)
        left = token.issued + token.role.maximum - now
        if left < 1:
            raise Refused(500, "past the max TTL, cannot renew", Meaning.NOT_RENEWABLE)
        granted = min(float(token.role.length), left)
        token.expires = now + granted
        return int(granted), granted < token.role.length

    def look_at_token(self, token: Token, now: float) -> int:
        """Seconds that a token has; 0 for no end."""
        self._check(token, now)
        if not token.role.may_look:
            raise Refused(403, "1 error occurred", Meaning.DEFINITE)
        return int(token.expires - now) if math.isfinite(token.expires) else 0

    def read(self, path: str, token: Token | None, now: float) -> ServerLease:
        """Hand out a credential."""
        self._check(token, now)
        role = self.roles[path]
        if not role.may_read:
            raise Refused(403, "1 error occurred", Meaning.DEFINITE)
        if not role.exists:
            raise Refused(400, "unknown role", Meaning.DEFINITE)
        proxied = self._proxied.get(path)
        if role.shared and proxied is not None and proxied.end() - now > 0.25 * role.length:
            return proxied
        length = self._length(role, now)
        hangs = role.kind in {AnswerKind.LEASE, AnswerKind.EXPIRY} or (
            role.kind is AnswerKind.CERTIFICATE and role.leased
        )
        lease = ServerLease(
            id=f"{path}/{next(self._ids)}",
            path=path,
            role=role,
            token=token if hangs else None,
            issued=now,
            expires=now + length,
        )
        self.leases[lease.id] = lease
        if role.shared:
            self._proxied[path] = lease
        return lease

    def renew(self, lease_id: str, increment: float, token: Token | None, now: float) -> tuple[int, bool]:
        """Extend or shorten a lease: seconds, and whether that was less than asked."""
        self._check(token, now)
        lease = self._find(lease_id, now)
        if not lease.role.may_renew:
            raise Refused(403, "1 error occurred", Meaning.DEFINITE)
        if not lease.role.renewable or lease.role.kind is not AnswerKind.LEASE:
            raise Refused(400, "lease is not renewable", Meaning.NOT_RENEWABLE)
        if not lease.role.exists:
            raise Refused(400, "failed to renew entry: could not find role with name", Meaning.ROLE_GONE)
        granted = min(increment, lease.issued + lease.role.maximum - now)
        lease.expires = now + granted
        return int(granted), granted < increment

    def look_up(self, lease_id: str, token: Token | None, now: float) -> int:
        """Seconds that a lease has, rounded down."""
        self._check(token, now)
        lease = self._find(lease_id, now)
        if not lease.role.may_look_up:
            raise Refused(403, "1 error occurred", Meaning.DEFINITE)
        return int(lease.end() - now)

    @staticmethod
    def static_ttl(role: Role, now: float) -> int:
        """What a static role says of its TTL: 0 while it is being rotated."""
        passed = now % role.length
        return 0 if passed < STATIC_ROLE_LATE and now > role.length else int(role.length - passed)

    @staticmethod
    def _length(role: Role, now: float) -> float:
        if role.kind is AnswerKind.INTERVAL:
            return math.inf
        if role.kind is AnswerKind.STATIC_ROLE:
            period = math.floor(max(now - STATIC_ROLE_LATE, 0.0) / role.length) + 1
            return period * role.length + STATIC_ROLE_LATE - now
        return min(role.length, role.maximum)

    @staticmethod
    def _check(token: Token | None, now: float) -> None:
        if token is not None and token.end() <= now:
            raise Refused(403, "permission denied", Meaning.DEFINITE, dead_token=True)

    def _find(self, lease_id: str, now: float) -> ServerLease:
        lease = self.leases.get(lease_id)
        if lease is None or lease.end() <= now:
            raise Refused(400, "lease not found", Meaning.GONE)
        return lease
