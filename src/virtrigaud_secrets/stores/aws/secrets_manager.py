"""Secrets Manager: how secrets are read, alone and together, and found (ESO §3.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from virtrigaud_secrets.errors import InvalidRequestError, SecretsError, StoreError, raise_all
from virtrigaud_secrets.golang import regexp
from virtrigaud_secrets.stores.aws import names
from virtrigaud_secrets.stores.aws.client import AWSClient, Outcome, mappings
from virtrigaud_secrets.stores.aws.errors import Refusal, of_refusal, request_id_in, text_in
from virtrigaud_secrets.stores.aws.secret_writes import SecretWrites
from virtrigaud_secrets.stores.aws.transport import Answer as Reply
from virtrigaud_secrets.stores.base import Answer, Fetch, Query, at_store

BATCH_SIZE: Final = 20
"""The most names that BatchGetSecretValue takes."""


class SecretsManagerClient(AWSClient):
    """Reads from Secrets Manager."""

    service_name: ClassVar[str] = "secretsmanager"
    batch_operation: ClassVar[str] = "BatchGetSecretValue"
    batch_size: ClassVar[int] = BATCH_SIZE

    @property
    def writes(self) -> SecretWrites:
        """What writes."""
        return SecretWrites(self.spec, self.context, self.service)

    def read(self, fetch: Fetch, path: str) -> Answer:
        """One secret at a stage or of a version."""
        parameters = {"SecretId": path, **_version(fetch.version)}
        reply = self.service.ask("GetSecretValue", parameters, path=path)
        found = self._found(reply, path=path, version=fetch.version, request_id=request_id_in(reply))
        if found is None:
            raise _empty(path)
        return found

    def read_batch(self, wanted: Mapping[str, Fetch]) -> Mapping[Fetch, Outcome]:
        """Up to twenty current versions. What fails for a passing reason is left to single reads, which repeat."""
        reply = self.service.ask(self.batch_operation, {"SecretIdList": list(wanted)}, path="")
        request_id = request_id_in(reply)
        outcomes: dict[Fetch, Outcome] = {}
        for item in mappings(reply.get("Errors")):
            path = text_in(item, "SecretId")
            error = self._item_error(item, request_id)
            if path in wanted and not error.retryable:
                outcomes[wanted[path]] = error
        for item in mappings(reply.get("SecretValues")):
            for path in _names(item) & wanted.keys():
                found = self._found(item, path=path, version="", request_id=request_id)
                if found is not None:
                    outcomes[wanted[path]] = found
        return outcomes

    def search(self, query: Query) -> Mapping[str, Answer]:
        """By name, tags or both; a path is what names begin with.

        With a path, or without a name, values come with the list. Otherwise names are listed and read one by one, with
        the store's prefix put before them once more, as ESO does.
        """
        matches = regexp.compile_pattern(query.name).match if query.name else None
        filters: list[Mapping[str, object]] = [{"Key": "name", "Values": [query.path]}] if query.path else []
        for key, value in query.tags:
            filters += [{"Key": "tag-key", "Values": [key]}, {"Key": "tag-value", "Values": [value]}]
        if matches is None or query.path:
            found = self._filtered(filters, path=query.path)
            return {name: answer for name, answer in found.items() if matches is None or matches(name)}
        listed = self.pages("ListSecrets", {"Filters": filters} if filters else {}, path="", of="SecretList")
        chosen = [name for secret in listed if matches(name := text_in(secret, "Name"))]
        answers, faults = _parted(self.get_all([Fetch(store=query.store, key=name) for name in chosen]))
        raise_all(faults, str(query.store))
        return dict(zip(chosen, answers, strict=True))

    def read_tags(self, path: str) -> Reply:
        """The answer to DescribeSecret."""
        return self.service.ask("DescribeSecret", {"SecretId": path}, path=path)

    def _filtered(self, filters: Sequence[Mapping[str, object]], *, path: str) -> dict[str, Answer]:
        following: dict[str, object] = {}
        found: dict[str, Answer] = {}
        while True:
            reply = self.service.ask(self.batch_operation, {"Filters": list(filters), **following}, path=path)
            request_id = request_id_in(reply)
            raise_all([self._item_error(item, request_id) for item in mappings(reply.get("Errors"))], path)
            for item in mappings(reply.get("SecretValues")):
                name = text_in(item, "Name")
                answer = self._found(item, path=name, version="", request_id=request_id)
                if answer is None:
                    raise _empty(name)
                found[name] = answer
            token = text_in(reply, "NextToken")
            if not token:
                return found
            following = {"NextToken": token}

    def _found(self, item: Mapping[str, object], *, path: str, version: str, request_id: str) -> Answer | None:
        value = item.get("SecretString")
        return self.answer(
            item.get("SecretBinary") if value is None else value,
            path=path,
            version=version or text_in(item, "VersionId"),
            request_id=request_id,
        )

    def _item_error(self, item: Mapping[str, object], request_id: str) -> StoreError:
        path = text_in(item, "SecretId")
        refusal = Refusal(code=text_in(item, "ErrorCode"), words=text_in(item, "Message"), request_id=request_id)
        return at_store(of_refusal(refusal, self.service.asked("GetSecretValue", path)), self.context.store)


def _version(version: str) -> dict[str, str]:
    if version.startswith(names.VERSION_ID_PREFIX):
        return {"VersionId": version.removeprefix(names.VERSION_ID_PREFIX)}
    return {"VersionStage": version or names.CURRENT_STAGE}


def _names(item: Mapping[str, object]) -> set[str]:
    """What a secret may have been asked by: its name, its ARN, or that without the six characters AWS puts to it."""
    arn = text_in(item, "ARN")
    return {text_in(item, "Name"), arn, arn.rpartition("-")[0]}


def _parted(outcomes: list[Outcome]) -> tuple[list[Answer], list[SecretsError]]:
    answers = [outcome for outcome in outcomes if isinstance(outcome, Answer)]
    return answers, [outcome for outcome in outcomes if not isinstance(outcome, Answer)]


def _empty(path: str) -> InvalidRequestError:
    return InvalidRequestError("the secret has neither a text nor bytes", path=path)
