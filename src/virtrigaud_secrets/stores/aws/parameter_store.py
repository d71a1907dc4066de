"""Parameter Store: how parameters are read, alone and together, and found (ESO §3.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Final, cast

from virtrigaud_secrets.errors import AccessDeniedError, InvalidRequestError
from virtrigaud_secrets.golang import regexp
from virtrigaud_secrets.stores.aws.client import AWSClient, Outcome, mappings
from virtrigaud_secrets.stores.aws.errors import Refusal, of_refusal, request_id_in, text_in
from virtrigaud_secrets.stores.aws.parameter_writes import ParameterWrites
from virtrigaud_secrets.stores.aws.transport import Answer as Reply
from virtrigaud_secrets.stores.base import Answer, Fetch, Query, at_store

BATCH_SIZE: Final = 10
"""The most names that GetParameters takes, and the most parameters on a page."""


class ParameterStoreClient(AWSClient):
    """Reads from Parameter Store."""

    service_name: ClassVar[str] = "ssm"
    batch_operation: ClassVar[str] = "GetParameters"
    batch_size: ClassVar[int] = BATCH_SIZE

    @property
    def writes(self) -> ParameterWrites:
        """What writes."""
        return ParameterWrites(self.context, self.service)

    def read(self, fetch: Fetch, path: str) -> Answer:
        """One parameter, decrypted."""
        return self._read(path, version=fetch.version)

    def read_batch(self, wanted: Mapping[str, Fetch]) -> Mapping[Fetch, Outcome]:
        """Up to ten parameters."""
        reply = self.service.ask(self.batch_operation, {"Names": list(wanted), "WithDecryption": True}, path="")
        request_id = request_id_in(reply)
        outcomes: dict[Fetch, Outcome] = {}
        for path in _texts(reply.get("InvalidParameters")):
            if path in wanted:
                refusal = Refusal(code="ParameterNotFound", request_id=request_id)
                error = of_refusal(refusal, self.service.asked("GetParameter", path))
                outcomes[wanted[path]] = at_store(error, self.context.store)
        for item in mappings(reply.get("Parameters")):
            for path in {text_in(item, "Name"), text_in(item, "ARN")} & wanted.keys():
                found = self._found(item, path=path, version="", request_id=request_id)
                if found is not None:
                    outcomes[wanted[path]] = found
        return outcomes

    def search(self, query: Query) -> Mapping[str, Answer]:
        """By name, else by tags; a path is a level of the hierarchy. Names are found in full, without the prefix."""
        if not query.name:
            filters: list[dict[str, object]] = [{"Key": f"tag:{key}", "Values": [value]} for key, value in query.tags]
            return self._described([*filters, *_below(query.path)], path=query.path)
        matches = regexp.compile_pattern(query.name).match
        parameters = {"Path": query.path or "/", "Recursive": True, "WithDecryption": True, "MaxResults": BATCH_SIZE}
        found: dict[str, Answer] = {}
        try:
            for item in self.pages("GetParametersByPath", parameters, path=query.path or "/", of="Parameters"):
                name = text_in(item, "Name")
                answer = self._found(item, path=name, version="", request_id="") if matches(name) else None
                if answer is not None:
                    found[name] = answer
        except AccessDeniedError:
            return self._described(_below(query.path), path=query.path, matches=matches)
        return found

    def read_tags(self, path: str) -> Reply:
        """The answer to ListTagsForResource."""
        return self.service.ask("ListTagsForResource", {"ResourceType": "Parameter", "ResourceId": path}, path=path)

    def _read(self, path: str, *, version: str = "") -> Answer:
        reply = self.service.ask("GetParameter", {"Name": path, "WithDecryption": True}, path=path)
        items = mappings([reply.get("Parameter")])
        found = self._found(items[0], path=path, version=version, request_id=request_id_in(reply)) if items else None
        if found is None:
            raise InvalidRequestError("the parameter has no value", path=path)
        return found

    def _described(
        self, filters: Sequence[Mapping[str, object]], *, path: str, matches: Callable[[str], bool] | None = None
    ) -> dict[str, Answer]:
        listed = self.pages(
            "DescribeParameters", {"ParameterFilters": list(filters)} if filters else {}, path=path, of="Parameters"
        )
        chosen = [name for item in listed if (name := text_in(item, "Name")) and (matches is None or matches(name))]
        return dict(zip(chosen, self.side_by_side(self._read, chosen), strict=True))

    def _found(self, item: Mapping[str, object], *, path: str, version: str, request_id: str) -> Answer | None:
        number = item.get("Version")
        return self.answer(
            item.get("Value"),
            path=path,
            version=version or ("" if number is None else str(number)),
            request_id=request_id,
        )


def _below(path: str) -> list[dict[str, object]]:
    return [{"Key": "Path", "Option": "Recursive", "Values": [path]}] if path else []


def _texts(value: object) -> list[str]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [item for item in items if isinstance(item, str)]
