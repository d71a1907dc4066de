from __future__ import annotations

import copy
import inspect
import pickle
import re
import traceback

import pytest

from virtrigaud_secrets import errors
from virtrigaud_secrets.errors import (
    AccessDeniedError,
    ConfigurationError,
    DecodingError,
    ManifestError,
    MissingDependencyError,
    NotOwnedError,
    PropertyNotFoundError,
    PushError,
    ResolveError,
    SecretNotFoundError,
    SecretsError,
    StoreError,
    TemplateError,
    ThrottledError,
    ValidationError,
    forget_locals,
    raise_all,
)
from virtrigaud_secrets.findings import Finding
from virtrigaud_secrets.resolver.push_report import PushReport

CLASSES = {
    name: kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, SecretsError) and kind.__module__ == errors.__name__
}
FINDING = Finding(message="expected a text", field="spec.a", file="m.yaml", line=3)

EXAMPLES: list[SecretsError] = [
    ConfigurationError("wrong"),
    MissingDependencyError("the vault store", extra="vault"),
    ManifestError("2 faults", findings=[FINDING]),
    TemplateError("no such function", name="password", line=2, column=4, source_line="{{ x }}"),
    StoreError("refused", store="SecretStore ns/s", path="a/b", status=500, request_id="r-1", retry_after=2.0),
    AccessDeniedError("denied", capability="read", path="a/b"),
    PropertyNotFoundError("none", property_name="p", store="s", path="a/b"),
    ValidationError("bad", findings=[FINDING]),
    ResolveError("2 faults", errors=[DecodingError("one"), SecretNotFoundError("two", path="a")]),
    PushError(
        "2 faults",
        errors=[DecodingError("one"), NotOwnedError("theirs", path="a")],
        report=PushReport(name="p", namespace="n", entries=()),
    ),
    DecodingError("no base64").at("ExternalSecret ns/n", "spec.data[0]"),
]


def tree() -> dict[str, str]:
    """Class → its parent, as the module's docstring draws them."""
    parents: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").split("```")[1].splitlines():
        if match := re.match(r"([│├└─ ]*)([A-Z]\w+)", line):
            depth = len(match[1]) // 4
            above[depth:] = [match[2]]
            parents[match[2]] = above[depth - 1] if depth else ""
    return parents


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = tree()
    assert set(drawn) == set(CLASSES)
    assert {name: kind.__bases__[0].__name__ for name, kind in CLASSES.items() if name != "SecretsError"} == {
        name: parent for name, parent in drawn.items() if parent
    }


def test_codes_tell_classes_apart() -> None:
    codes = {name: kind.code for name, kind in CLASSES.items()}
    assert len(set(codes.values())) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes.values())


def test_what_may_succeed_later() -> None:
    retryable = {name for name, kind in CLASSES.items() if issubclass(kind, StoreError) and kind.retryable}
    assert retryable == {
        "ConflictError",
        "StoreSealedError",
        "StoreUnavailableError",
        "ThrottledError",
        "WatchExpiredError",
    }


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])  # noqa: S301
def test_errors_can_be_copied(error: SecretsError, way: object) -> None:
    assert callable(way)
    twin = way(error)
    assert type(twin) is type(error)
    assert str(twin) == str(error)
    assert vars(twin).keys() == vars(error).keys()


class TestPlace:
    def test_comes_before_the_message(self) -> None:
        error = DecodingError("no base64").at("ExternalSecret ns/n", "spec.data[0]", "spec.data[2]")
        assert str(error) == "ExternalSecret ns/n: spec.data[0], spec.data[2]: no base64"

    def test_the_first_one_stays(self) -> None:
        error = DecodingError("x").at("A", "f").at("B", "g")
        assert (error.manifest, error.fields) == ("A", ("f",))

    def test_may_be_filled_in_later(self) -> None:
        assert str(DecodingError("x").at("A").at("B", "g")) == "A: g: x"

    def test_a_store_errors_own_place_follows(self) -> None:
        error = StoreError("refused", path="a/b").at("ExternalSecret ns/n")
        assert str(error) == "ExternalSecret ns/n: refused [path a/b]"


class TestStoreError:
    def test_says_what_is_known(self) -> None:
        assert str(StoreError("refused")) == "refused"
        error = StoreError("refused", store="SecretStore ns/s", path="a/b", status=500, request_id="r-1")
        assert str(error) == "refused [path a/b] [store SecretStore ns/s] [HTTP 500] [request r-1]"

    def test_facts_are_attributes(self) -> None:
        error = ThrottledError("slow down", retry_after=2.5)
        assert (error.reason, error.retry_after, error.status) == ("slow down", 2.5, None)
        assert AccessDeniedError("denied", capability="update").capability == "update"
        assert PropertyNotFoundError("none", property_name="p").property_name == "p"


class TestTemplateError:
    def test_points_at_the_place(self) -> None:
        error = TemplateError("no such function", name="password", line=2, column=4, source_line="{{ x }}")
        assert str(error) == "password:2:4: no such function\n  {{ x }}\n     ^"

    def test_without_a_column(self) -> None:
        assert str(TemplateError("unclosed", line=2, source_line="{{")) == "template:2: unclosed\n  {{"

    def test_without_a_place(self) -> None:
        assert str(TemplateError("unclosed", column=3)) == "template: unclosed"


@pytest.mark.parametrize("kind", [ManifestError, ValidationError])
def test_findings_are_listed(kind: type[ManifestError | ValidationError]) -> None:
    error = kind("one fault", findings=[FINDING])
    assert str(error) == "one fault\n  m.yaml:3: error: spec.a: expected a text"
    assert (error.summary, error.findings) == ("one fault", (FINDING,))


def test_several_faults_are_listed_line_by_line() -> None:
    error = ResolveError("2 faults", errors=[DecodingError("one\nmore"), DecodingError("two")])
    assert str(error) == "2 faults\n  one\n  more\n  two"


def test_a_missing_extra_says_how_to_get_it() -> None:
    error = MissingDependencyError("the vault store", extra="vault")
    assert str(error) == "the vault store needs an optional package: pip install 'virtrigaud-secrets[vault]'"
    assert error.extra == "vault"


class TestRaiseAll:
    def test_none(self) -> None:
        raise_all([], "nowhere")

    def test_one_as_it_is(self) -> None:
        fault = DecodingError("one")
        with pytest.raises(DecodingError) as caught:
            raise_all([fault], "there")
        assert caught.value is fault

    def test_several_as_one(self) -> None:
        faults = [DecodingError("one"), ConfigurationError("two")]
        with pytest.raises(ResolveError, match="there: 2 faults") as caught:
            raise_all(faults, "there")
        assert caught.value.errors == tuple(faults)


def test_forgotten_locals_are_gone_from_all_an_error_hangs_on() -> None:
    def fails(canary: str) -> None:
        raise DecodingError("inner")

    def wraps(canary: str) -> None:
        try:
            fails(canary)
        except DecodingError as error:
            raise ResolveError("outer", errors=[error]) from ValueError()

    def again(canary: str) -> None:
        try:
            wraps(canary)
        except ResolveError:
            raise KeyError from None

    with pytest.raises(KeyError) as caught:
        again("7d0f3a")
    forget_locals(caught.value)
    outer = caught.value.__context__
    assert isinstance(outer, ResolveError)
    for found in (caught.value, outer, *outer.errors):
        frames = traceback.TracebackException.from_exception(found, capture_locals=True).stack
        ours = [frame for frame in frames if frame.name in {"again", "wraps", "fails"}]
        assert ours
        assert "7d0f3a" not in str([frame.locals for frame in ours])
