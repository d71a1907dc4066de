"""The store client of a simulation: sends one request for the core, logs in when a token is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from virtrigaud_secrets.leases.actions import EndLogin, InspectLogin, LogIn, Read, Renew, RenewLogin, Request
from virtrigaud_secrets.leases.state import Grant
from virtrigaud_secrets.leases.verdicts import Meaning, Verdict
from virtrigaud_secrets.stores.base import AnswerKind, Extension, LoginState
from virtrigaud_secrets.testing.simulation.server import Fault, Refused, ServerLease, SimulatedVault, Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a request came to."""

    grant: Grant | None = None
    lease: ServerLease | None = None
    extension: Extension | None = None
    remaining: float | None = None
    verdict: Verdict | None = None
    login: LoginState | None = None
    """The login in use."""


@dataclass(slots=True, kw_only=True)
class _Login:
    token: Token
    state: LoginState


class SimulatedClient:
    """Talks to one server."""

    def __init__(self, vault: SimulatedVault, count: Callable[[str, object, float], None]) -> None:
        self.vault = vault
        self.logins: dict[int, _Login] = {}
        self.generation = 0
        self._count = count

    def send(self, action: Request, path: str, *, sent: float, now: float) -> Reply | None:
        """Carry out one action that reaches the server now; None: it hangs.

        `sent` is the core's time before the request, `now` the true time at the server.
        """
        fault = self.vault.fault(now, path)
        refusal = None if fault is None else _refusal(fault[0], fault[1], action)
        if isinstance(refusal, Verdict):
            return Reply(verdict=refusal, login=self._state())
        if fault is not None and fault[0] is Fault.HANGING:
            return None
        try:
            reply = self._act(action, path, sent, now)
        except Refused as refused:
            if not refused.dead_token:
                return self._refused(refused)
            reply = self._act_again(action, path, sent, now)
        if fault is not None and fault[0] is Fault.LOST:
            return Reply(verdict=Verdict(Meaning.TRANSIENT, acted=True, text="reply lost"), login=self._state())
        return reply

    def log_in(self, sent: float, now: float, *, dead: bool) -> None:
        """Replace the login by a new one."""
        fault = self.vault.fault(now)
        if fault is not None and fault[0] is Fault.NO_LOGIN:
            raise Refused(403, "permission denied", Meaning.DEFINITE)
        token = self.vault.log_in(now)
        role = token.role
        self.generation += 1
        length = int(token.expires - now) if math.isfinite(token.expires) else 0
        state = LoginState(
            generation=self.generation,
            own=role.own,
            renewable=role.renewable,
            replaceable=role.replaceable,
            duration=length if role.told else None,
            sent=sent,
            replaced_dead=dead,
        )
        self.logins[self.generation] = _Login(token=token, state=state)

    def _act_again(self, action: Request, path: str, sent: float, now: float) -> Reply:
        """The token was refused: log in once, and send the request once more."""
        try:
            if self.logins[self.generation].token.role.replaceable:
                self._count("login", None, now)
                self.log_in(sent, now, dead=True)
            return self._act(action, path, sent, now)
        except Refused as refused:
            return self._refused(refused)

    def _act(self, action: Request, path: str, sent: float, now: float) -> Reply:
        if isinstance(action, InspectLogin | RenewLogin | LogIn | EndLogin):
            return self._act_on_login(action, sent, now)
        if not self.generation:
            self._count("login", None, now)
            self.log_in(sent, now, dead=False)
        token = self.logins[self.generation].token
        if isinstance(action, Read):
            lease = self.vault.read(path, token, now)
            return Reply(grant=self._grant(lease, sent, now), lease=lease, login=self._state())
        if isinstance(action, Renew):
            seconds, capped = self.vault.renew(action.lease_id, action.increment, token, now)
            return Reply(extension=Extension(duration=seconds, sent=sent, capped=capped), login=self._state())
        return Reply(remaining=float(self.vault.look_up(action.lease_id, token, now)), login=self._state())

    def _act_on_login(self, action: InspectLogin | RenewLogin | LogIn | EndLogin, sent: float, now: float) -> Reply:
        login = self.logins[action.generation]
        if isinstance(action, LogIn):
            self.log_in(sent, now, dead=login.token.end() <= now)
            return Reply(login=self._state())
        if isinstance(action, EndLogin):
            self.vault.end_token(login.token, now)
            return Reply(login=self._state())
        capped = False
        if isinstance(action, RenewLogin):
            seconds, capped = self.vault.renew_token(login.token, now)
        else:
            seconds = self.vault.look_at_token(login.token, now)
        old = login.state
        login.state = LoginState(
            generation=old.generation,
            own=old.own,
            renewable=old.renewable,
            replaceable=old.replaceable,
            duration=seconds,
            sent=sent,
            replaced_dead=old.replaced_dead,
            capped=capped,
        )
        return Reply(login=self._state())

    def _grant(self, lease: ServerLease, sent: float, now: float) -> Grant:
        role = lease.role
        length = float(int(lease.expires - now + 1e-6)) if role.kind is not AnswerKind.INTERVAL else role.length
        if role.kind is AnswerKind.STATIC_ROLE:
            length = float(self.vault.static_ttl(role, now))
        leased = lease.token is not None
        return Grant(
            kind=role.kind,
            sent=sent,
            # What a cache repeats is what was granted at first.
            length=role.length if role.shared else length,
            lease_id=lease.id if leased else "",
            renewable=role.renewable and role.kind is AnswerKind.LEASE,
            login=self.generation if leased else 0,
            shared=role.shared,
        )

    def _state(self) -> LoginState | None:
        login = self.logins.get(self.generation)
        return None if login is None else login.state

    def _refused(self, refused: Refused) -> Reply:
        return Reply(verdict=Verdict(refused.meaning, text=str(refused)), login=self._state())


def _refusal(fault: Fault, retry_after: float | None, action: Request) -> Verdict | None:
    """What a server that is out of order says to an action, if it says anything of its own."""
    on_login = isinstance(action, InspectLogin | RenewLogin | LogIn | EndLogin)
    if fault is Fault.UNAVAILABLE:
        # A gateway may say so after the server has acted: nobody knows.
        return Verdict(Meaning.TRANSIENT, acted=isinstance(action, Read), text="503")
    if fault is Fault.THROTTLED:
        return Verdict(Meaning.TRANSIENT, retry_after=retry_after, text="429")
    if fault is Fault.DATABASE and isinstance(action, Renew):
        return Verdict(Meaning.UNKNOWN, text="400 failed to renew entry")
    if fault in {Fault.DATABASE, Fault.NO_READ} and isinstance(action, Read):
        return Verdict(Meaning.TRANSIENT, acted=True, text="500")
    if fault is Fault.NO_LOGIN and on_login and isinstance(action, LogIn):
        return Verdict(Meaning.DEFINITE, text="403 permission denied")
    return None
