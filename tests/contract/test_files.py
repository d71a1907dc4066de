from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from virtrigaud_secrets.models.backends.files import FilesProvider
from virtrigaud_secrets.stores.base import Fetch, Preview, StoreClient
from virtrigaud_secrets.stores.files import FACTORY
from virtrigaud_secrets.testing.contract import STORE, StoreContract, StoreHarness, store_context


class FilesHarness(StoreHarness):
    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, name: str, properties: Mapping[str, str]) -> Fetch:
        self.write(f"contract/{name}", dict(properties))
        return Fetch(store=STORE, key=f"contract/{name}")

    def absent(self) -> Fetch:
        return Fetch(store=STORE, key="contract/absent")

    def connect(self) -> StoreClient:
        return FACTORY.connect(FilesProvider(path=str(self.path)), store_context())

    def preview(self, fetch: Fetch) -> Preview:
        return FACTORY.preview(FilesProvider(path=str(self.path)), fetch, store_context())

    @abstractmethod
    def write(self, key: str, properties: dict[str, str]) -> None: ...


class JsonPerKey(FilesHarness):
    def write(self, key: str, properties: dict[str, str]) -> None:
        file = self.path / key
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(properties))


class FilePerProperty(FilesHarness):
    def write(self, key: str, properties: dict[str, str]) -> None:
        directory = self.path / key
        directory.mkdir(parents=True)
        for name, value in properties.items():
            (directory / name).write_bytes(value.encode())


class Mounted(FilesHarness):
    """As the kubelet lays a Secret out: links to files in a snapshot, through a link that is swapped."""

    def write(self, key: str, properties: dict[str, str]) -> None:
        directory = self.path / key
        snapshot = directory / "..2030_01_01_12_00_00.123456789"
        snapshot.mkdir(parents=True)
        (directory / "..data").symlink_to(snapshot.name)
        for name, value in properties.items():
            (snapshot / name).write_bytes(value.encode())
            (directory / name).symlink_to(f"..data/{name}")


class OneFile(FilesHarness):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.secrets: dict[str, dict[str, str]] = {}
        self.save()

    def write(self, key: str, properties: dict[str, str]) -> None:
        self.secrets[key] = properties
        self.save()

    def save(self) -> None:
        text = json.dumps(self.secrets) if self.path.suffix == ".json" else yaml.safe_dump(self.secrets)
        self.path.touch(mode=0o600)
        self.path.write_text(text)


class TestFilesInADirectory(StoreContract):
    @pytest.fixture(params=[JsonPerKey, FilePerProperty, Mounted])
    def store(self, request: pytest.FixtureRequest, tmp_path: Path) -> StoreHarness:
        harness: type[FilesHarness] = request.param
        return harness(tmp_path)


class TestOneFile(StoreContract):
    @pytest.fixture(params=["secrets.yaml", "secrets.json"])
    def store(self, request: pytest.FixtureRequest, tmp_path: Path) -> StoreHarness:
        return OneFile(tmp_path / str(request.param))
