"""The public face, on stores that need no server."""

import gc
import pickle
import subprocess
import sys
import textwrap
import threading
import traceback
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from virtrigaud_secrets import Resolver, Settings
from virtrigaud_secrets.errors import (
    ClosedError,
    ManifestError,
    ManifestNotFoundError,
    SecretNotFoundError,
    SecretsError,
    StoreNotFoundError,
    ValidationError,
)
from virtrigaud_secrets.testing.clock import ManualClock

MANIFESTS = """
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: dev, namespace: ns}
spec:
  provider:
    fake:
      data:
        - {key: vc, value: '{"username": "svc", "password": "canary-value"}'}
        - {key: server, value: vc.example.com}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: vc, namespace: ns}
spec:
  secretStoreRef: {name: dev}
  target: {name: target, template: {data: {login: "{{ .username }}@{{ .server }}", password: "{{ .password }}"}}}
  dataFrom: [{extract: {key: vc}}]
  data: [{secretKey: server, remoteRef: {key: server}}]
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: broken-tls, namespace: ns}
spec:
  secretStoreRef: {name: dev}
  target: {template: {type: kubernetes.io/tls, data: {tls.crt: "{{ .server }}", tls.key: "{{ .server }}"}}}
  data: [{secretKey: server, remoteRef: {key: server}}]
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: missing, namespace: ns}
spec:
  secretStoreRef: {name: dev}
  data: [{secretKey: a, remoteRef: {key: nope}}]
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: elsewhere, namespace: other}
spec:
  secretStoreRef: {name: dev}
  data: [{secretKey: a, remoteRef: {key: server}}]
"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "manifests.yaml").write_text(MANIFESTS)
    return tmp_path


@pytest.fixture
def resolver(path):
    with Resolver.from_path(path, settings=Settings(), clock=ManualClock()) as made:
        yield made


def test_resolves_from_manifest_to_bundle(resolver):
    bundle = resolver.resolve("vc", namespace="ns")
    assert dict(bundle) == {"login": b"svc@vc.example.com", "password": b"canary-value"}
    assert bundle.name == "target"
    assert [origin.path for origin in bundle.provenance["login"]] == ["server", "vc"]


def test_namespace_may_be_left_out_where_the_name_is_unique(resolver):
    assert resolver.resolve("vc").namespace == "ns"


def test_plan_holds_no_value_and_sends_nothing(resolver):
    plan = resolver.plan("vc")
    assert {request.path for request in plan.requests} == {"vc", "server"}
    assert "canary" not in repr(plan)


def test_a_search_becomes_keys(path):
    text = MANIFESTS.replace("dataFrom: [{extract: {key: vc}}]", "dataFrom: [{find: {name: {regexp: ^v}}}]")
    text = text.replace(
        'login: "{{ .username }}@{{ .server }}", password: "{{ .password }}"', 'user: "{{ (fromJson .vc).username }}"'
    )
    (path / "manifests.yaml").write_text(text)
    with Resolver.from_path(path, settings=Settings()) as resolver:
        bundle = resolver.resolve("vc", namespace="ns")
    assert dict(bundle) == {"user": b"svc"}
    assert [origin.path for origin in bundle.provenance["user"]] == ["vc"]


def test_a_broken_bundle_is_refused_or_reported_as_the_setting_says(path):
    with Resolver.from_path(path, settings=Settings()) as resolver:
        with pytest.raises(ValidationError) as caught:
            resolver.resolve("broken-tls")
        assert caught.value.manifest == "ExternalSecret ns/broken-tls"
        assert {finding.field for finding in caught.value.findings} == {"tls.crt", "tls.key"}
        assert "vc.example.com" not in str(caught.value)
    with Resolver.from_path(path, settings=Settings(validation="report")) as resolver:
        assert resolver.resolve("broken-tls").findings
    with Resolver.from_path(path, settings=Settings(validation="off")) as resolver:
        assert resolver.resolve("broken-tls").findings == ()


def test_a_type_that_promises_nothing_is_told_and_not_refused(path):
    text = MANIFESTS.replace("kubernetes.io/tls", "Opaque")
    (path / "manifests.yaml").write_text(text)
    with Resolver.from_path(path, settings=Settings()) as resolver:
        bundle = resolver.resolve("broken-tls")
        assert bundle["tls.crt"] == b"vc.example.com"
        assert {finding.field for finding in bundle.findings} == {"tls.crt", "tls.key"}


def test_errors_name_the_manifest_and_field(resolver):
    with pytest.raises(SecretNotFoundError) as caught:
        resolver.resolve("missing")
    assert str(caught.value).startswith("ExternalSecret ns/missing: spec.data[0]: ")
    with pytest.raises(StoreNotFoundError):
        resolver.resolve("elsewhere")
    with pytest.raises(ManifestNotFoundError, match="vc"):
        resolver.resolve("vcx")


def test_stores_of_other_namespaces_are_found_where_settings_say(path):
    with Resolver.from_path(path, settings=Settings(store_namespaces=("ns",))) as resolver:
        assert resolver.resolve("elsewhere")["a"] == b"vc.example.com"
        assert resolver.plan("elsewhere").repairs
    with (
        Resolver.from_path(path, settings=Settings(store_namespaces=("ns",), strict=True)) as resolver,
        pytest.raises(StoreNotFoundError, match="could not get SecretStore"),
    ):
        resolver.resolve("elsewhere")


def test_closed_is_closed_and_close_may_be_repeated(path):
    resolver = Resolver.from_path(path, settings=Settings())
    resolver.resolve("vc")
    resolver.close()
    resolver.close()
    with pytest.raises(ClosedError):
        resolver.resolve("vc")


def test_many_threads_share_one_resolver(resolver):
    with ThreadPoolExecutor(16) as pool:
        bundles = list(pool.map(lambda _: dict(resolver.resolve("vc")), range(200)))
    assert all(bundle == bundles[0] for bundle in bundles)


def test_a_resolver_nobody_holds_is_collected(path):
    resolver = Resolver.from_path(path, settings=Settings())
    resolver.resolve("vc")
    held = weakref.ref(resolver)
    del resolver
    gc.collect()
    assert held() is None


def test_no_traceback_shows_a_value_in_a_local(path):
    text = MANIFESTS.replace("{key: server}}]", "{key: server, decodingStrategy: Base64, property: a}}]")
    text = text.replace("remoteRef: {key: nope}", "remoteRef: {key: vc, decodingStrategy: Base64}")
    text = text.replace("{{ .password }}", "{{ .password | fail }}")
    (path / "manifests.yaml").write_text(text)
    with Resolver.from_path(path, settings=Settings(store_namespaces=("ns",))) as resolver:
        for name in ("missing", "vc", "broken-tls", "elsewhere"):
            with pytest.raises(SecretsError) as caught:
                resolver.resolve(name)
            for error in (caught.value, *getattr(caught.value, "errors", ())):
                report = traceback.TracebackException.from_exception(error, capture_locals=True)
                shown = [frame for frame in report.stack if "virtrigaud_secrets" in frame.filename]
                assert shown
                assert "canary" not in str([frame.locals for frame in shown])
                assert "vc.example.com" not in str([frame.locals for frame in shown])


def test_repr_shows_no_value_and_pickle_is_refused(resolver):
    assert "canary" not in repr(resolver)
    with pytest.raises(TypeError):
        pickle.dumps(resolver.resolve("vc"))


def test_bad_manifests_are_one_report(tmp_path):
    (tmp_path / "bad.yaml").write_text(MANIFESTS.replace("kind: SecretStore", "kind: SecretStore\nspex: 1", 1))
    (tmp_path / "worse.yaml").write_text("apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nspec: 7\n")
    with pytest.raises(ManifestError) as caught:
        Resolver.from_path(tmp_path, settings=Settings())
    assert {finding.file.rsplit("/")[-1] for finding in caught.value.findings} >= {"worse.yaml"}


def test_exit_without_close_is_silent(path):
    program = textwrap.dedent("""
        import sys
        from virtrigaud_secrets import Resolver, Settings
        Resolver.from_path(sys.argv[1], settings=Settings()).resolve("vc")
        kept = Resolver.from_path(sys.argv[1], settings=Settings())
        kept.resolve("vc")
    """)
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, path], capture_output=True, text=True, check=False, timeout=60
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def run_program(text, path):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(text), path],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_exit_closes_the_stores_of_a_resolver_that_was_dropped(path):
    run = run_program(
        """
        import gc, sys
        from virtrigaud_secrets import Resolver, Settings
        from virtrigaud_secrets.stores.fake import FakeClient
        FakeClient.close = lambda self, *, revoke=True: print("closed", revoke)
        Resolver.from_path(sys.argv[1], settings=Settings()).resolve("vc")
        gc.collect()
        print("at exit:")
        """,
        path,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "at exit:\nclosed True\n", "")


def test_a_forked_child_begins_anew_and_leaves_the_parents_stores_alone(path):
    run = run_program(
        """
        import os, sys
        from virtrigaud_secrets import Resolver, Settings
        from virtrigaud_secrets.stores.fake import FakeClient, FakeFactory
        parent, connect = os.getpid(), FakeFactory.connect

        def counted(*arguments):
            print("connected in", "parent" if os.getpid() == parent else "child", flush=True)
            client = connect(*arguments)
            client.process = os.getpid()
            return client

        FakeFactory.connect = counted
        FakeClient.close = lambda self, *, revoke=True: print("own:", self.process == os.getpid(), flush=True)
        resolver = Resolver.from_path(sys.argv[1], settings=Settings())
        resolver.resolve("vc")  # two requests, so that the pool runs
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is what this is about
        child = os.fork()
        if not child:
            resolver.resolve("vc")
            sys.exit(0)
        os.waitpid(child, 0)
        """,
        path,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.split("\n") == ["connected in parent", "connected in child", "own: True", "own: True", ""]


def test_no_thread_is_started_before_a_lease_or_subscription_needs_one(resolver):
    before = set(threading.enumerate())
    resolver.resolve("vc")
    resolver.resolve("vc")
    resolver.health()
    # Two paths that are read side by side need a thread of the pool, and nothing else.
    assert {thread.name for thread in set(threading.enumerate()) - before} <= {"virtrigaud-secrets-0"}
    resolver.subscribe("vc").close()
    new = {thread.name for thread in set(threading.enumerate()) - before}
    assert "virtrigaud-secrets-scheduler" in new
