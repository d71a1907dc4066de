"""Every public exception. Messages name the manifest, field and store path, never a value.

```
SecretsError
├── ConfigurationError            the caller's settings or arguments
│   └── MissingDependencyError    an extra is not installed
├── ManifestError                 what the YAML says; carries findings
│   ├── ManifestNotFoundError     no such ExternalSecret, PushSecret or generator
│   ├── StoreNotFoundError        no store of that name may be used from there
│   └── UnsupportedFeatureError   known to ESO, not supported here
├── TemplateError                 where a template went wrong, with line, column and caret
│   ├── TemplateSyntaxError
│   └── TemplateExecutionError
├── StoreError                    what a secret backend answered
│   ├── AuthenticationError       the login was refused, or there is nothing to log in with
│   ├── AccessDeniedError         a policy refuses this path
│   ├── SecretNotFoundError       there is no such secret
│   │   ├── SecretVersionDeletedError
│   │   ├── PropertyNotFoundError the secret is there, the property is not
│   │   ├── NothingFoundError     nothing that an ExternalSecret asks for is there
│   │   └── MountNotFoundError    nothing is mounted at that path
│   ├── InvalidRequestError       the backend calls the request itself wrong
│   │   ├── LeaseNotFoundError    the backend does not know the lease
│   │   ├── LeaseNotRenewableError
│   │   └── LeaseRoleGoneError    what the lease came from was deleted
│   ├── NotOwnedError             the secret is there and is not ours to change
│   ├── ImmutableSecretError      the secret is there and cannot become what it should be
│   ├── ConflictError             somebody else changed the secret meanwhile
│   ├── StoreSealedError          the backend is sealed
│   ├── ThrottledError            the backend asks to slow down
│   └── StoreUnavailableError     no answer, or none that can be trusted
│       └── WatchExpiredError     the cluster forgot where a list or watch was to go on
├── DecodingError                 base64, JSON, a refused null byte, a key no Secret may have
├── ValidationError               the finished bundle is not what its type promises; carries findings
├── CredentialExpiredError        what was held came to its end, and nothing new could be had
├── NotReadyError                 not everything was there in time; `.missing` says what and why
├── ResolveError                  several faults of one resolve; `.errors` holds them all
├── PushError                     a push failed in part; `.errors` and `.report` tell where
├── ClosedError                   the resolver or store was closed
├── LocalServerError              a server started here for a test or the demo fails
└── ProofFailedError              the demo's values are not good for what they are for
```
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Self

from virtrigaud_secrets.findings import Finding

if TYPE_CHECKING:
    from virtrigaud_secrets.resolver.push_report import PushReport


class SecretsError(Exception):
    """Root of all errors this library raises on purpose.

    `str(error)` is one readable block and safe to log.
    """

    code: str = "error"
    """Stable identifier for machines, as in `--format json`."""
    manifest: str = ""
    """The manifest it happened in, as `Kind namespace/name`, where there is one."""
    fields: tuple[str, ...] = ()
    """Field paths of that manifest that asked for it."""

    def __str__(self) -> str:
        """The message, behind manifest and fields where they are known."""
        return self._placed(super().__str__())

    def __reduce__(self) -> tuple[object, ...]:
        """Rebuilt from its state: constructors here take keywords, which Exception's own way of copying forgets."""
        return _rebuild, (type(self), self.args), self.__dict__

    def _placed(self, message: str) -> str:
        return ": ".join(part for part in (self.manifest, ", ".join(self.fields), message) if part)

    def at(self, manifest: str, *fields: str) -> Self:
        """Itself, with the manifest and fields filled in where it has none yet."""
        self.manifest = self.manifest or manifest
        self.fields = self.fields or fields
        return self


def _rebuild(kind: type[SecretsError], arguments: tuple[object, ...]) -> SecretsError:
    return kind.__new__(kind, *arguments)


class ConfigurationError(SecretsError):
    """A setting or argument of the caller is wrong or missing."""

    code = "configuration"


class MissingDependencyError(ConfigurationError):
    """An optional package is needed and not installed."""

    code = "missing-dependency"

    def __init__(self, purpose: str, *, extra: str) -> None:
        super().__init__(f"{purpose} needs an optional package: pip install 'virtrigaud-secrets[{extra}]'")
        self.extra = extra
        """The extra that brings the package."""


class ManifestError(SecretsError):
    """One or more manifests cannot be used. `findings` names every place."""

    code = "manifest"

    def __init__(self, message: str, *, findings: Sequence[Finding] = ()) -> None:
        super().__init__("\n".join([message, *(f"  {finding}" for finding in findings)]))
        self.summary = message
        """The message without the list of findings."""
        self.findings = tuple(findings)
        """Every fault, in order of file and line."""


class ManifestNotFoundError(ManifestError):
    """The catalog holds no such ExternalSecret, PushSecret or generator."""

    code = "manifest-not-found"


class StoreNotFoundError(ManifestError):
    """A reference names a store that cannot be found or may not be used from that namespace."""

    code = "store-not-found"


class UnsupportedFeatureError(ManifestError):
    """The manifest asks for something that ESO knows and this library does not do."""

    code = "unsupported"


class TemplateError(SecretsError):
    """A template cannot be parsed or executed.

    The message shows the template's own line with a caret. It never shows data.
    """

    code = "template"

    def __init__(
        self,
        reason: str,
        *,
        name: str = "template",
        line: int | None = None,
        column: int | None = None,
        source_line: str | None = None,
    ) -> None:
        self.reason = reason
        """What is wrong, without the place."""
        self.name = name
        """The template's name: under ESO's rules, the key it renders."""
        self.line = line
        """Line in the template, from 1."""
        self.column = column
        """Column in that line, from 1, counted in characters."""
        self.source_line = source_line
        """That line of the template."""
        super().__init__(self._describe())

    def _describe(self) -> str:
        place = self.name
        if self.line is not None:
            place += f":{self.line}"
            if self.column is not None:
                place += f":{self.column}"
        text = f"{place}: {self.reason}"
        if self.source_line is None:
            return text
        caret = "" if self.column is None else "\n  " + " " * (self.column - 1) + "^"
        return f"{text}\n  {self.source_line}{caret}"


class TemplateSyntaxError(TemplateError):
    """The text is no Go template."""

    code = "template-syntax"


class TemplateExecutionError(TemplateError):
    """The template is well formed and failed while rendering."""

    code = "template-execution"


class StoreError(SecretsError):
    """A secret backend refused, failed or could not be reached."""

    code = "store"
    retryable: bool = False
    """Whether the same request may succeed later without anybody's help."""
    acted: bool = False
    """Whether the backend may have carried the request out all the same: the answer was lost on the way."""

    def __init__(
        self,
        message: str,
        *,
        store: str = "",
        path: str = "",
        status: int | None = None,
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        self.reason = message
        """What happened, without store and path."""
        self.store = store
        """The store as `Kind namespace/name`, empty where not known."""
        self.path = path
        """The path asked for in the backend's own terms."""
        self.status = status
        """The backend's status code, if it answered at all."""
        self.request_id = request_id
        """The backend's identifier of the request, to find it in its audit log."""
        self.retry_after = retry_after
        """Seconds the backend asked to wait."""
        super().__init__(message)

    def __str__(self) -> str:
        """One line: what, where, and how to find it on the server."""
        text = self.reason
        if self.path:
            text += f" [path {self.path}]"
        if self.store:
            text += f" [store {self.store}]"
        if self.status is not None:
            text += f" [HTTP {self.status}]"
        if self.request_id:
            text += f" [request {self.request_id}]"
        return self._placed(text)


class AuthenticationError(StoreError):
    """The store's login was refused, or no credential to log in with was found."""

    code = "authentication"


class AccessDeniedError(StoreError):
    """The login is good and a policy refuses this path. `capability` names what is missing."""

    code = "access-denied"

    def __init__(
        self,
        message: str,
        *,
        capability: str = "",
        store: str = "",
        path: str = "",
        status: int | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(message, store=store, path=path, status=status, request_id=request_id)
        self.capability = capability
        """The capability that the policy lacks, such as `read` or `update`."""


class SecretNotFoundError(StoreError):
    """The backend answered that there is no such secret."""

    code = "not-found"
    missing: bool = True
    """Whether ESO's deletionPolicy counts it as "Secret does not exist" (ESO §2.6)."""
    missing_value: bool = True
    """Whether that is so for an entry of `data` too. In Kubernetes it is so for `dataFrom` only (ESO §3.6)."""


class SecretVersionDeletedError(SecretNotFoundError):
    """The secret exists; the version asked for was deleted or destroyed."""

    code = "version-deleted"


class PropertyNotFoundError(SecretNotFoundError):
    """The secret was read and does not have the property."""

    code = "property-not-found"

    def __init__(
        self, message: str, *, property_name: str, store: str = "", path: str = "", missing: bool = False
    ) -> None:
        super().__init__(message, store=store, path=path)
        self.missing = missing
        self.property_name = property_name
        """The property asked for."""


class MountNotFoundError(SecretNotFoundError):
    """No secrets engine is mounted at that path."""

    code = "mount-not-found"
    missing = False


class NothingFoundError(SecretNotFoundError):
    """Nothing that an ExternalSecret asks for is there, and its deletionPolicy has no Secret written (ESO §2.6)."""

    code = "nothing-found"

    def __init__(self, message: str, *, deletion_policy: str) -> None:
        super().__init__(message)
        self.deletion_policy = deletion_policy
        """`Delete`: a Secret written before is to go. `Retain`: it is to stay as it was."""


class InvalidRequestError(StoreError):
    """The backend calls the request itself wrong: unknown role, refused parameter, wrong verb."""

    code = "invalid-request"


class LeaseNotFoundError(InvalidRequestError):
    """The backend does not know the lease: it ended, was revoked, or is another server's."""

    code = "lease-not-found"


class LeaseNotRenewableError(InvalidRequestError):
    """The lease runs to its end and cannot be extended."""

    code = "lease-not-renewable"


class LeaseRoleGoneError(InvalidRequestError):
    """What the lease came from was deleted: it cannot be extended, and may already be good for nothing."""

    code = "lease-role-gone"


class NotOwnedError(StoreError):
    """The secret was to be written or deleted, is there, and somebody else's.

    In a store it does not carry the mark `managed-by: external-secrets`; in a cluster another object owns it.
    """

    code = "not-owned"


class ImmutableSecretError(StoreError):
    """A Kubernetes Secret is there, and neither its type nor the data of an immutable one can be changed."""

    code = "immutable-secret"


class ConflictError(StoreError):
    """Somebody else changed the secret between our look at it and our write, which was refused.

    A later push looks again.
    """

    code = "conflict"
    retryable = True


class StoreSealedError(StoreError):
    """The backend is sealed and answers nothing until somebody unseals it."""

    code = "sealed"
    retryable = True


class ThrottledError(StoreError):
    """The backend asks to slow down; `retry_after` holds seconds if it said how long."""

    code = "throttled"
    retryable = True


class StoreUnavailableError(StoreError):
    """No answer, a broken answer, or the backend's own fault."""

    code = "unavailable"
    retryable = True


class WatchExpiredError(StoreUnavailableError):
    """The cluster's API no longer knows the point where a list or watch was to go on. List anew."""

    code = "watch-expired"


class DecodingError(SecretsError):
    """A fetched value or key cannot be decoded, converted or kept as the manifest says."""

    code = "decoding"


class ValidationError(SecretsError):
    """The finished bundle is not what its type promises."""

    code = "validation"

    def __init__(self, message: str, *, findings: Sequence[Finding] = ()) -> None:
        super().__init__("\n".join([message, *(f"  {finding}" for finding in findings)]))
        self.summary = message
        """The message without the list of findings."""
        self.findings = tuple(findings)
        """Every fault, in the order of the keys."""


class CredentialExpiredError(SecretsError):
    """What was held came to its end, and nothing new could be had. `__cause__` is why."""

    code = "credential-expired"

    def __init__(self, message: str, *, ended_at: datetime | None = None) -> None:
        super().__init__(message)
        self.ended_at = ended_at
        """When it ended, aware UTC."""


class NotReadyError(SecretsError):
    """Not every secret was there in time."""

    code = "not-ready"

    def __init__(self, message: str, *, missing: Mapping[str, str]) -> None:
        super().__init__("\n".join([message, *(f"  {name}: {why}" for name, why in missing.items())]))
        self.missing = dict(missing)
        """`namespace/name` of each secret that is missing → why, in words."""


class ResolveError(SecretsError):
    """A resolve failed in several places. `errors` holds each, in the order of the manifest."""

    code = "resolve"

    def __init__(self, message: str, *, errors: Sequence[SecretsError]) -> None:
        super().__init__("\n".join([message, *(f"  {line}" for error in errors for line in str(error).splitlines())]))
        self.errors = tuple(errors)
        """The faults."""


class PushError(SecretsError):
    """A push failed, in one or several places. What was written before and besides stays written."""

    code = "push"

    def __init__(self, message: str, *, errors: Sequence[SecretsError], report: PushReport) -> None:
        super().__init__("\n".join([message, *(f"  {line}" for error in errors for line in str(error).splitlines())]))
        self.errors = tuple(errors)
        """The faults, in the order of the manifest."""
        self.report = report
        """What was written all the same, and what was pushed before and is still there."""


class ClosedError(SecretsError):
    """The object was closed; make a new one."""

    code = "closed"


def raise_all(faults: Sequence[SecretsError], where: str) -> None:
    """Raise the one fault as it is, several as one ResolveError, none not at all."""
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise ResolveError(f"{where}: {len(faults)} faults", errors=faults)


def forget_locals(error: BaseException) -> None:
    """Empty the frames that `error` and all it hangs on came through, so that no traceback shows a value in a local.

    Lines and function names stay. For the seam to the caller: frames that still run keep their variables.
    """
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        found = waiting.pop()
        if found is None or id(found) in seen:
            continue
        seen.add(id(found))
        traceback.clear_frames(found.__traceback__)
        waiting += [found.__cause__, found.__context__]
        if isinstance(found, (ResolveError, PushError)):
            waiting += found.errors


class LocalServerError(SecretsError):
    """A server that was to be started on this machine, for a test or the demo, does not start or answer."""

    code = "local-server"


class ProofFailedError(SecretsError):
    """The demo resolved a value, and it is not good for what it is for."""

    code = "proof-failed"
