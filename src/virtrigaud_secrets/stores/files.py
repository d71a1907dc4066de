"""The `files` backend: a mounted directory, or one YAML or JSON file. How bytes are found and read on disk.

A directory is laid out as the kubelet mounts Secrets: `<root>/<key>` is a file with one secret, or a directory whose
files are the properties of one; the key `.` is the root as one secret. `..data`, the link that the kubelet swaps when a
Secret changes, is followed; nothing outside the root is.

A file maps each key to a text or to a mapping of properties. YAML scalars are text as written: `0600` stays `0600`.

Who may read: a *file* that others on the machine may read is refused. A *directory* is taken as it is, since the
kubelet itself mounts Secrets with mode 0644 and guards them by the pod's own file system.

Everything is read anew for each fetch, so a rotated file is seen at once. Functions that hold a value in a local
variable return instead of raising: a traceback may show locals.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    ClosedError,
    ConfigurationError,
    DecodingError,
    InvalidRequestError,
    PropertyNotFoundError,
    SecretNotFoundError,
    StoreError,
    StoreUnavailableError,
)
from virtrigaud_secrets.models.backends.files import FilesProvider
from virtrigaud_secrets.stores.base import Answer, Fetch, Payload, Preview, StoreClient, StoreContext, StoreKey
from virtrigaud_secrets.stores.base import at_store as at
from virtrigaud_secrets.stores.payload import Lookup, TextPayload, split_object

if TYPE_CHECKING:
    from yaml import BaseLoader
    from yaml.nodes import Node

MAX_BYTES: Final = 1024 * 1024
"""The most one file may hold: Kubernetes keeps no Secret above 1 MiB."""

MAX_PROPERTIES: Final = 1000
"""The most files a directory may add to one secret: a guard against a root that is no Secret, such as `/usr/lib`."""

MAX_DEPTH: Final = 100
"""How deep a file may nest: PyYAML's composer recurses on the C stack, so a file of brackets ends the process."""

SWAP_ATTEMPTS: Final = 3
"""How often a read is tried while the kubelet swaps `..data`: it does so once a minute at most."""

_LOOSE: Final = stat.S_IRWXG | stat.S_IRWXO
_KEY_FAULTS: Final = (errno.ENAMETOOLONG, errno.ELOOP)
_SNAPSHOT: Final = "..data"


@dataclass(frozen=True, slots=True)
class _Broken:
    """Why a file of secrets cannot be used. Never quotes it."""

    reason: str
    line: int | None = None

    def __str__(self) -> str:
        return self.reason if self.line is None else f"line {self.line}: {self.reason}"


class DirectoryPayload(Payload):
    """Several files as one secret: each is a property."""

    __slots__ = ("_files", "_path", "_store")

    def __init__(self, files: Mapping[str, bytes], *, store: str, path: str) -> None:
        self._files = files
        self._store = store
        self._path = path

    def whole(self) -> bytes:
        """A JSON object of the files' texts."""
        text = _as_json(self._files)
        if text is None:
            raise DecodingError(f"a file is not UTF-8 text, and no JSON can hold it [path {self._path}]")
        return text

    def property(self, name: str) -> bytes:
        """The file `name`; else, as ESO's kubernetes provider does, `file.path` into the JSON that a file holds."""
        if name in self._files:
            return self._files[name]
        file, _, rest = name.partition(".")
        if rest and file in self._files:
            inner = TextPayload(self._files[file], lookup=Lookup.PATH, store=self._store, path=f"{self._path}/{file}")
            return inner.property(rest)
        raise PropertyNotFoundError(
            f'the directory has no file "{name}"', property_name=name, store=self._store, path=self._path
        )

    def entries(self, name: str = "") -> dict[str, bytes]:
        """The files, or the members of the JSON object that file `name` holds."""
        if not name:
            return dict(self._files)
        return TextPayload(self.property(name), lookup=Lookup.PATH, path=f"{self._path}/{name}").entries()


class FilesClient(StoreClient):
    """Reads below one root."""

    def __init__(self, root: Path, *, store: StoreKey, allow_loose_files: bool = False) -> None:
        self._root = root
        self._store = store
        self._loose = allow_loose_files
        self._closed = threading.Event()

    def get(self, fetch: Fetch) -> Answer:
        """Read the secret from disk."""
        if self._closed.is_set():
            raise ClosedError(f"{self._store} was closed")
        try:
            path = _check(self._root, fetch)
            return Answer(payload=self._read(path), path=str(path))
        except StoreError as error:
            raise at(error, self._store, str(self._root / fetch.key)) from None

    def close(self, *, revoke: bool = True) -> None:  # noqa: ARG002  # nothing was taken
        """Read nothing from now on."""
        self._closed.set()

    def _read(self, path: Path) -> Payload:
        # What exists when it is found may be gone when it is opened: the kubelet removes the old snapshot.
        for _ in range(SWAP_ATTEMPTS):
            try:
                return self._read_once(path)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except PermissionError:
                raise AccessDeniedError("this process may not read it", capability="read") from None
            except OSError as error:
                if error.errno in _KEY_FAULTS:
                    raise InvalidRequestError(f"the key cannot be a path: {error.strerror}") from None
                raise StoreUnavailableError(f"it cannot be read: {error.strerror}") from None
        raise SecretNotFoundError("there is no such file or directory")

    def _read_once(self, path: Path) -> Payload:
        try:
            root = self._root.resolve(strict=True)
        except (FileNotFoundError, NotADirectoryError, RuntimeError):
            raise StoreUnavailableError("the store's own directory or file does not exist") from None
        if not root.is_dir():
            return self._from_file(root, path)
        found = _inside(root, path)
        if found.is_dir():
            return DirectoryPayload(_files_below(root, found), store=str(self._store), path=str(path))
        return self._text(_read_file(found), path)

    def _from_file(self, file: Path, path: Path) -> Payload:
        key = path.relative_to(self._root).as_posix()
        mode = file.stat().st_mode
        if mode & _LOOSE and not self._loose:
            raise StoreError(
                f"others on this machine may read {file} (mode {stat.S_IMODE(mode):04o}): "
                f"run `chmod 600 {file}`, in a pod set `defaultMode: 0400`, or allow it with allow_loose_files"
            )
        text = _secret_in(_read_file(file), key, is_json=file.suffix == ".json")
        if isinstance(text, _Broken):
            raise DecodingError(f"{file}: {text}")
        if text is None:
            raise SecretNotFoundError("the file has no such key")
        return self._text(text, path)

    def _text(self, text: bytes, path: Path) -> Payload:
        return TextPayload(text, lookup=Lookup.KEY_THEN_PATH, store=str(self._store), path=str(path))


class FilesFactory:
    """`spec.provider.files`."""

    @property
    def spec_model(self) -> type[BaseModel]:
        """The model of `spec.provider.files`."""
        return FilesProvider

    def preview(self, spec: BaseModel, fetch: Fetch, context: StoreContext) -> Preview:
        """The file that would be read."""
        root = _root(spec, context)
        path = _check(root, fetch)
        key = path.relative_to(root).as_posix()
        canonical = Fetch(store=fetch.store, key=key)
        return Preview(fetch=canonical, method="read", path=str(path))

    def connect(self, spec: BaseModel, context: StoreContext) -> StoreClient:
        """A client that reads below the spec's path."""
        return FilesClient(
            _root(spec, context), store=context.store, allow_loose_files=context.settings.allow_loose_files
        )


FACTORY: Final = FilesFactory()
"""The backend, as the registry finds it."""


def _root(spec: BaseModel, context: StoreContext) -> Path:
    if not isinstance(spec, FilesProvider):
        raise ConfigurationError(f"{context.store}: the files store was given another backend's spec")
    return Path(spec.path)


def _check(root: Path, fetch: Fetch) -> Path:
    """The path that `fetch` names, by its text alone."""
    if fetch.version:
        raise InvalidRequestError("a files store keeps no versions: leave remoteRef.version out", path=fetch.key)
    if fetch.metadata:
        raise InvalidRequestError("a files store keeps no metadata: leave metadataPolicy out", path=fetch.key)
    parts = PurePosixPath(fetch.key).parts
    if not fetch.key or "\0" in fetch.key or any(part.startswith(("..", "/")) for part in parts):
        raise InvalidRequestError(
            'the key must be a path below the store\'s directory: not absolute, and no segment begins with ".."',
            path=fetch.key.replace("\0", "\\0"),
        )
    return root.joinpath(*parts)


def _inside(root: Path, path: Path) -> Path:
    """`path` with every link followed."""
    try:
        found = path.resolve(strict=True)
    except RuntimeError:
        # Python before 3.13 reports links in a circle so.
        raise InvalidRequestError("the path runs in a circle of symbolic links") from None
    if not found.is_relative_to(root):
        raise InvalidRequestError("a symbolic link leads out of the store's directory")
    return found


def _files_below(root: Path, directory: Path) -> Mapping[str, bytes]:
    # Read through the snapshot, so that all properties are of one age.
    if (directory / _SNAPSHOT).exists():
        directory = _inside(root, directory / _SNAPSHOT)
    names = sorted(entry.name for entry in directory.iterdir() if not entry.name.startswith(".."))
    if len(names) > MAX_PROPERTIES:
        raise InvalidRequestError(f"the directory holds more than {MAX_PROPERTIES} files: it is no secret")
    found = {name: _inside(root, directory / name) for name in names}
    return {name: _read_file(path) for name, path in found.items() if path.is_file()}


def _read_file(path: Path) -> bytes:
    # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    with open(descriptor, "rb") as stream:  # noqa: PTH123  # Path cannot open a descriptor
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InvalidRequestError("it is neither a regular file nor a directory")
        if os.fstat(descriptor).st_size > MAX_BYTES:
            raise InvalidRequestError(f"it is larger than {MAX_BYTES} bytes, the most a Secret may hold")
        return stream.read(MAX_BYTES)


def _as_json(files: Mapping[str, bytes]) -> bytes | None:
    try:
        texts = {name: text.decode() for name, text in files.items()}
    except UnicodeDecodeError:
        return None
    return json.dumps(texts, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _secret_in(text: bytes, key: str, *, is_json: bool) -> bytes | _Broken | None:
    """The secret `key` of a file of secrets, None where there is none."""
    if is_json:
        members = split_object(text)
        return _Broken("it must be a JSON object: key → secret") if members is None else members.get(key)
    import yaml

    loader: type[BaseLoader] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        if _nests_too_deeply(text, loader):
            return _Broken(f"it nests deeper than {MAX_DEPTH} levels")
        entries = _entries(yaml.compose(text, Loader=loader))  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]  # its stub says too little
        return entries if isinstance(entries, _Broken) else _node_text(entries.get(key))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        return _Broken("this is no YAML", None if mark is None else mark.line + 1)
    except (yaml.YAMLError, RecursionError):
        return _Broken("this is no YAML, or nested too deeply")


def _nests_too_deeply(text: bytes, loader: type[BaseLoader]) -> bool:
    """Asked of the parser's events, which come without recursion."""
    import yaml
    from yaml.events import CollectionEndEvent, CollectionStartEvent

    depth = 0
    for event in yaml.parse(text, Loader=loader):  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # its stub says too little
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > MAX_DEPTH:
            return True
    return False


def _entries(node: Node | None) -> dict[str, Node] | _Broken:
    from yaml.nodes import MappingNode, ScalarNode

    if not isinstance(node, MappingNode):
        return _Broken("it must be a mapping: key → secret")
    entries: dict[str, Node] = {}
    for name, value in node.value:
        line = name.start_mark.line + 1
        if not isinstance(name, ScalarNode):
            return _Broken("a key must be a text", line)
        if name.value in entries:
            return _Broken("the key is there twice", line)
        entries[name.value] = value
    return entries


def _node_text(node: Node | None) -> bytes | _Broken | None:
    from yaml.nodes import ScalarNode

    if node is None:
        return None
    if isinstance(node, ScalarNode):
        return str(node.value).encode()
    plain = _plain(node, set())
    if isinstance(plain, _Broken):
        return plain
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _plain(node: Node, seen: set[int]) -> object:
    """The node as texts, lists and dicts; `_Broken` where an alias repeats a part, which could grow without end."""
    from yaml.nodes import ScalarNode, SequenceNode

    if isinstance(node, ScalarNode):
        return node.value
    if id(node) in seen:
        return _Broken("aliases are not allowed here", node.start_mark.line + 1)
    seen.add(id(node))
    if isinstance(node, SequenceNode):
        items = [_plain(item, seen) for item in node.value]
        return next((item for item in items if isinstance(item, _Broken)), items)
    entries = _entries(node)
    if isinstance(entries, _Broken):
        return entries
    members = {name: _plain(value, seen) for name, value in entries.items()}
    return next((member for member in members.values() if isinstance(member, _Broken)), members)
