"""Finds secrets of a KV engine by name or by tags: `dataFrom.find` (ESO §3.1, "GetAllSecrets"). Knows no login."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from virtrigaud_secrets.errors import InvalidRequestError, SecretNotFoundError, StoreError
from virtrigaud_secrets.golang import regexp
from virtrigaud_secrets.stores.base import Answer, Query
from virtrigaud_secrets.stores.vault import kv
from virtrigaud_secrets.stores.vault.errors import Fault
from virtrigaud_secrets.stores.vault.paths import kv_metadata_path, kv_path, plain
from virtrigaud_secrets.stores.vault.transport import Reply, Request

PARALLEL: Final = 4
"""Requests of one search under way at once: what hides the network, and leaves connections for others."""
MAX_LISTED: Final = 100_000
"""Names that one search looks at. A cluster's Secret holds a megabyte; whoever has more here gave no `find.path`."""

Send = Callable[[Request], "Reply | Fault"]
"""Sends a request with the token in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Searches one KV engine."""

    send: Send
    """How to ask the server."""
    mount: str
    """Path of the engine; empty where the store names none and `find.path` begins with it."""
    version: int
    """Of the engine, 1 or 2."""
    store: str
    """The store, for errors."""
    recursive: bool = True
    """Whether folders are looked into."""

    def find(self, query: Query) -> dict[str, Answer]:
        """Every secret that matches, by its path below the mount, in the order of the names.

        A name goes before tags. Without either, every secret that is listed matches, as ESO has it.

        Raises:
            InvalidRequestError: the engine cannot be asked that.
            RegexpError: the name is no regular expression.
            SecretNotFoundError: nothing is listed at all.
            StoreError: a request failed; secrets that vanish between listing and reading are left out instead.
        """
        if not query.name and self.version == 1:
            raise InvalidRequestError("a KV engine of version 1 has no tags: only find.name can be searched for")
        pattern = regexp.compile_pattern(query.name) if query.name else None
        names = self._listed(query.path.strip("/"))
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="vault-search") as pool:
            if pattern is not None:
                chosen = [name for name in names if pattern.match(name)]
            else:
                chosen = list(self._tagged(pool, names, dict(query.tags)))
            found = _results(pool, self._read, chosen)
            return {name: answer for name, answer in zip(chosen, found, strict=True) if answer is not None}

    def _listed(self, path: str) -> list[str]:
        """Names below `path`, with it, sorted."""
        names: list[str] = []
        folders = [f"{plain(path)}/" if path else ""]
        seen = 0
        while folders:
            folder = folders.pop()
            for name in self._keys(folder, vanished=seen > 0):
                seen += 1
                if seen > MAX_LISTED:
                    raise InvalidRequestError(f"more than {MAX_LISTED} secrets are listed: narrow it by find.path")
                if not name.endswith("/"):
                    names.append(folder + name)
                elif self.recursive:
                    folders.append(folder + name)
        return sorted(names)

    def _keys(self, folder: str, *, vanished: bool) -> list[str]:
        path = self._folder_path(folder)
        outcome = self.send(Request(method="LIST", path=path, repeatable=True))
        if isinstance(outcome, Fault):
            if vanished and isinstance(outcome.error, SecretNotFoundError):
                return []
            raise outcome.error
        data = outcome.body.get("data")
        keys = data.get("keys") if isinstance(data, Mapping) else None
        return [key for key in keys if isinstance(key, str)] if isinstance(keys, list) else []

    def _folder_path(self, folder: str) -> str:
        if not self.mount and not folder:
            raise InvalidRequestError("find needs find.path where the store has no path: it does not say which engine")
        if self.version == 1:
            path = f"{self.mount}/{folder}" if self.mount else folder
        else:
            path = kv_metadata_path(folder, mount=self.mount)
        return path.strip("/")

    def _tagged(self, pool: ThreadPoolExecutor, names: Sequence[str], tags: Mapping[str, str]) -> Iterator[str]:
        wanted = {name: value.encode() for name, value in tags.items()}
        for name, answer in zip(names, _results(pool, self._metadata, names), strict=True):
            if answer is not None and wanted.items() <= answer.payload.entries().items():
                yield name

    def _metadata(self, name: str) -> Answer | StoreError:
        path = kv_metadata_path(name, mount=self.mount)
        outcome = self.send(Request(method="GET", path=path, repeatable=True))
        if isinstance(outcome, Fault):
            return outcome.error
        return kv.metadata_answer(outcome, path=path, store=self.store)

    def _read(self, name: str) -> Answer | StoreError:
        # A listed name is always one below the mount, even where it begins like the mount: nothing is cut from it.
        data = f"{self.mount}/data/" if self.version != 1 else f"{self.mount}/"
        path = data + name if self.mount else kv_path(name, mount="", version=self.version)
        outcome = self.send(Request(method="GET", path=path, repeatable=True))
        if isinstance(outcome, Fault):
            return outcome.error
        return kv.answer(outcome, version=self.version, path=path, store=self.store)


def _results(
    pool: ThreadPoolExecutor, ask: Callable[[str], Answer | StoreError], names: Iterable[str]
) -> list[Answer | None]:
    """What `ask` says of each name; None for a secret that is gone. The first error ends it."""
    futures = [pool.submit(ask, name) for name in names]
    answers: list[Answer | None] = []
    try:
        for future in futures:
            outcome = future.result()
            if isinstance(outcome, Answer):
                answers.append(outcome)
            elif isinstance(outcome, SecretNotFoundError):
                answers.append(None)
            else:
                raise outcome
    finally:
        for future in futures:
            future.cancel()
    return answers
