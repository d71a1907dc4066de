from __future__ import annotations

import asyncio
import inspect
import threading
import time
from datetime import timedelta

import pytest

from virtrigaud_secrets import Resolver, Settings
from virtrigaud_secrets.errors import ClosedError, ManifestNotFoundError, NotReadyError, SecretNotFoundError
from virtrigaud_secrets.runtime.async_resolver import AsyncResolver
from virtrigaud_secrets.stores.fake import FakeClient

MANIFESTS = """
{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {name: dev, namespace: team},
 spec: {provider: {fake: {data: [{key: vc, value: '{"username": "svc", "password": "example"}'}]}}}}
---
{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: vc, namespace: team},
 spec: {secretStoreRef: {name: dev}, refreshInterval: 1h, dataFrom: [{extract: {key: vc}}]}}
---
{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: gone, namespace: team},
 spec: {secretStoreRef: {name: dev}, dataFrom: [{extract: {key: nothing}}]}}
"""


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request):
    """Runs a coroutine on the event loop under test."""
    if request.param == "uvloop":
        uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed: it has no wheel for this Python")
        factory = uvloop.new_event_loop
    else:
        factory = asyncio.new_event_loop

    def call(coroutine):
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(coroutine)

    return call


@pytest.fixture
def manifests(tmp_path):
    (tmp_path / "all.yaml").write_text(MANIFESTS)
    return tmp_path


@pytest.fixture
def slow(monkeypatch):
    """Makes the store wait until it is let go; counts what it is asked."""

    class Slow:
        def __init__(self) -> None:
            self.go = threading.Event()
            self.asked = 0

    made = Slow()
    get = FakeClient.get

    def waiting(self, fetch):
        made.asked += 1
        made.go.wait(10)
        return get(self, fetch)

    monkeypatch.setattr(FakeClient, "get", waiting)
    return made


def opened(manifests, *, background: bool = True) -> AsyncResolver:
    return AsyncResolver.from_path(manifests, settings=Settings(), background=background)


def test_it_resolves_and_the_second_time_does_not_leave_the_event_loop(run, manifests, monkeypatch):
    async def main():
        async with opened(manifests) as resolver:
            first = await resolver.resolve("vc", namespace="team")
            pool = resolver._resolver.keeper.workers
            monkeypatch.setattr(pool, "submit", lambda *_: pytest.fail("a cached read went to a thread"))
            second = await resolver.resolve("vc", namespace="team")
            monkeypatch.undo()
            assert second is first
            assert first.text("username") == "svc"

    run(main())


def test_a_hundred_who_wait_cost_one_request_and_one_thread(run, manifests, slow):
    async def main():
        # Those of other tests may still be ending.
        before = set(threading.enumerate())
        async with opened(manifests) as resolver:
            before = set(threading.enumerate())
            waiting = [asyncio.ensure_future(resolver.resolve("vc", namespace="team")) for _ in range(100)]
            await asyncio.sleep(0.05)
            new = set(threading.enumerate()) - before
            threads = [thread for thread in new if thread.name.startswith("virtrigaud-secrets-")]
            slow.go.set()
            bundles = await asyncio.gather(*waiting)
            assert len(threads) == 1
            assert all(bundle is bundles[0] for bundle in bundles)
            assert slow.asked == 1

    run(main())


def test_who_is_cancelled_leaves_the_request_alone(run, manifests, slow):
    async def main():
        async with opened(manifests) as resolver:
            first = asyncio.ensure_future(resolver.resolve("vc", namespace="team"))
            second = asyncio.ensure_future(resolver.resolve("vc", namespace="team"))
            await asyncio.sleep(0.05)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            slow.go.set()
            assert (await second).text("password") == "example"
            assert slow.asked == 1
            await resolver.resolve("vc", namespace="team")
            assert slow.asked == 1

    run(main())


def test_the_event_loop_goes_on_while_a_store_is_asked(run, manifests, slow):
    async def main():
        async with opened(manifests) as resolver:
            waiting = asyncio.ensure_future(resolver.resolve("vc", namespace="team"))
            ticks = 0
            until = time.monotonic() + 0.2
            while time.monotonic() < until:
                await asyncio.sleep(0.01)
                ticks += 1
            slow.go.set()
            await waiting
            assert ticks >= 5

    run(main())


def test_errors_are_those_of_the_resolver_and_each_waiter_s_own(run, manifests):
    async def main():
        async with opened(manifests) as resolver:
            with pytest.raises(ManifestNotFoundError):
                await resolver.resolve("nobody", namespace="team")
            outcomes = await asyncio.gather(
                *(resolver.resolve("gone", namespace="team") for _ in range(3)), return_exceptions=True
            )
            assert [type(outcome) for outcome in outcomes] == [SecretNotFoundError] * 3
            assert len({id(outcome) for outcome in outcomes}) == 3
            found = await resolver.resolve_all()
            assert isinstance(found["team", "gone"], SecretNotFoundError)
            assert found["team", "vc"].text("username") == "svc"

    run(main())


def test_a_subscription_fills_and_tells_in_the_event_loop(run, manifests):
    async def main():
        told: list[tuple[object, object, threading.Thread]] = []
        async with opened(manifests) as resolver:
            subscription = resolver.subscribe("vc", namespace="team")
            subscription.on_change(lambda new, old: told.append((new, old, threading.current_thread())))
            await resolver.wait_ready(timeout=timedelta(seconds=5))
            bundle = await subscription.get()
            assert subscription.current is bundle
            async with subscription.use() as used:
                assert used is bundle
            for _ in range(100):
                if told:
                    break
                await asyncio.sleep(0.01)
            assert told == [(bundle, None, threading.main_thread())]
            subscription.close()
            with pytest.raises(ClosedError):
                await subscription.get()

    run(main())


def test_what_is_not_there_yet_is_said_and_not_waited_for(run, manifests, slow):
    async def main():
        async with opened(manifests) as resolver:
            subscription = resolver.subscribe("vc", namespace="team")
            with pytest.raises(NotReadyError, match="team/vc"):
                _ = subscription.current
            with pytest.raises(NotReadyError) as caught:
                await resolver.wait_ready(timeout=timedelta(seconds=0.1))
            assert caught.value.missing == {"team/vc": "it was not read yet"}
            slow.go.set()

    run(main())


def test_without_a_background_thread_who_waits_does_what_is_due(run, manifests):
    async def main():
        async with opened(manifests, background=False) as resolver:
            subscription = resolver.subscribe("vc", namespace="team")
            await resolver.wait_ready(timeout=timedelta(seconds=5))
            assert subscription.current

    run(main())


def test_after_close_nothing_is_given_out(run, manifests):
    async def main():
        resolver = opened(manifests)
        await resolver.resolve("vc", namespace="team")
        await resolver.close()
        await resolver.close()
        with pytest.raises(ClosedError):
            await resolver.resolve("vc", namespace="team")

    run(main())


def public(kind: type) -> dict[str, object]:
    return {name: value for name, value in vars(kind).items() if not name.startswith("_")}


PACKAGE_ONLY = {
    "accesses",
    "keeper",
    "notices",
    "obtain",
    "subscribed",
    "unsubscribed",
    "check_open",
    "in_thread",
    "cached",
    "begin_in_child",
}


def test_both_faces_have_the_same_methods_and_signatures():
    sync, asynchronous = public(Resolver), public(AsyncResolver)
    assert sync.keys() - PACKAGE_ONLY == asynchronous.keys() - PACKAGE_ONLY
    for name in sync.keys() - PACKAGE_ONLY - {"subscribe", "from_path"}:
        if callable(sync[name]):
            ours, theirs = inspect.signature(sync[name]), inspect.signature(asynchronous[name])
            assert list(ours.parameters.values()) == list(theirs.parameters.values()), name
            assert ours.return_annotation == theirs.return_annotation, name
    assert inspect.signature(Resolver.__init__) == inspect.signature(AsyncResolver.__init__)


def test_who_waits_for_a_thread_while_it_is_closed_is_told_so(lab, catalog, clock):
    """And not cancelled: nobody cancelled the task that waits."""
    begun, go = threading.Event(), threading.Event()

    def hang():
        begun.set()
        go.wait(20)

    lab.troubles["get", ""] = hang

    async def scene():
        resolver = AsyncResolver(catalog, settings=Settings(concurrency=1), clock=clock, background=False)
        first = asyncio.create_task(resolver.resolve("db"))
        await asyncio.to_thread(begun.wait, 20)
        waiting = [asyncio.create_task(resolver.resolve("kv")), asyncio.create_task(resolver.refresh("kv"))]
        await asyncio.sleep(0.05)
        await resolver.close()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        go.set()
        await asyncio.gather(first, return_exceptions=True)
        with pytest.raises(ClosedError):
            await resolver.refresh("kv")
        return outcomes

    assert [type(outcome) for outcome in asyncio.run(scene())] == [ClosedError, ClosedError]
