from __future__ import annotations

import json
from pathlib import Path

import pytest

from virtrigaud_secrets.errors import ManifestError
from virtrigaud_secrets.findings import Severity
from virtrigaud_secrets.manifests import Report, inspect, load, loader
from virtrigaud_secrets.manifests.limits import MAX_FINDINGS
from virtrigaud_secrets.settings import Settings

GUIDE = Path(__file__).parents[2] / "data" / "guide"
SECRET = """apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: a
  labels: {x: "1"}
  annotations: {z: "2"}
spec:
  secretStoreRef: {name: s}
  data:
    - secretKey: k
      remoteRef: {key: p}
"""


def write(directory: Path, text: str, name: str = "a.yaml") -> Path:
    file = directory / name
    file.write_text(text, encoding="utf-8")
    return file


def judged(directory: Path, text: str, *, strict: bool = False) -> Report:
    return inspect(write(directory, text), strict=strict)


def told(report: Report) -> list[tuple[int | None, str, str]]:
    return [(finding.line, finding.field, finding.message) for finding in report.errors]


class TestGuide:
    def test_all_twelve_manifests_load_as_written(self) -> None:
        catalog = load(GUIDE)

        assert len(catalog.external_secrets) == 7
        assert len(catalog.stores) == 5

    def test_every_block_has_its_verdict(self) -> None:
        report = inspect(GUIDE)
        kinds = [verdict.kind for verdict in report.verdicts if verdict.verdict == "valid"]

        assert report.ok
        assert len(kinds) == 12
        assert len([verdict for verdict in report.verdicts if verdict.verdict == "skipped"]) == 15

    def test_the_guides_spellings_are_notes(self) -> None:
        spellings = [finding for finding in inspect(GUIDE).findings if finding.code == "guide-spelling"]

        assert [(Path(finding.file).name, finding.line, finding.field) for finding in spellings] == [
            ("aws-store.yaml", 13, "spec.provider.aws.auth.serviceAccount"),
            ("gcp-store.yaml", 9, "spec.provider.gcpsm.projectId"),
        ]

    def test_the_guides_spellings_are_errors_when_strict(self) -> None:
        with pytest.raises(ManifestError) as caught:
            load(GUIDE, strict=True)

        assert [finding.field for finding in caught.value.findings] == [
            "spec.provider.aws.auth.serviceAccount",
            "spec.provider.gcpsm.projectId",
        ]

    def test_every_external_secret_finds_its_store(self) -> None:
        catalog = load(GUIDE)
        found = set[str]()
        for document in catalog.external_secrets:
            reference = document.spec.secret_store_ref
            assert reference is not None
            found.add(catalog.store_for(reference, namespace=document.namespace, settings=Settings()).name)

        assert found == {"vault-secret-store", "aws-secrets-manager", "azure-key-vault", "gcp-secret-manager"}

    def test_its_secret_answers_references(self) -> None:
        value = load(GUIDE).secret_value("azure-config", "client-secret", namespace="virtrigaud-system")

        assert value is not None
        assert value.reveal() == b"client-secret-here"


def test_what_is_known_of_a_manifest(tmp_path: Path) -> None:
    (document,) = load(write(tmp_path, "# head\n---\n" + SECRET)).external_secrets

    assert (document.name, document.namespace, document.line, document.index) == ("a", "default", 3, 0)
    assert (document.labels, document.annotations) == ({"x": "1"}, {"z": "2"})
    assert document.file == str(tmp_path / "a.yaml")


def test_the_default_namespace(tmp_path: Path) -> None:
    file = write(tmp_path, SECRET + "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: v}\n")
    catalog = load(file, default_namespace="mine")

    assert catalog.external_secrets[0].namespace == "mine"
    assert catalog.secret_value("s", "k", namespace="mine") is not None


def test_several_paths(tmp_path: Path) -> None:
    files = [write(tmp_path, SECRET), str(write(tmp_path, SECRET.replace("name: a", "name: b"), "b.txt"))]

    assert [document.name for document in load(files).external_secrets] == ["a", "b"]


def test_one_report_with_every_fault(tmp_path: Path) -> None:
    write(tmp_path, SECRET.replace("secretKey: k", "secretKey: 5").replace("{key: p}", "{}"), "b.yaml")
    write(tmp_path, "---\n---\n" + SECRET.replace("kind: ExternalSecret", "kind: ExternalSecre"), "a.yaml")
    with pytest.raises(ManifestError) as caught:
        load(tmp_path)

    first, second, third = caught.value.findings
    assert (Path(first.file).name, first.document, first.line, first.field) == ("a.yaml", 1, 4, "kind")
    assert (Path(second.file).name, second.document, second.line) == ("b.yaml", 0, 10)
    assert (second.field, second.subject) == ("spec.data[0].secretKey", "ExternalSecret default/a")
    assert (third.field, third.message, third.line) == ("spec.data[0].remoteRef.key", "is required", 11)
    assert caught.value.summary == "3 errors in 2 files of manifests"
    assert "b.yaml:10 (document 0): error: ExternalSecret default/a: spec.data[0].secretKey" in str(caught.value)


def test_one_fault_reads_as_one(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"^1 error in 1 file of manifests\n"):
        load(tmp_path / "missing")


def test_a_document_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    report = judged(tmp_path, SECRET + "---\n" + SECRET.replace("spec:", "spec: x:") + "---\n" + SECRET)

    assert [verdict.verdict.value for verdict in report.verdicts] == ["valid", "invalid", "valid"]


@pytest.mark.parametrize(
    "head",
    [
        "apiVersion: external-secrets.io/v1",
        '"apiVersion": "external-secrets.io/v1beta1"',
        "kind: SecretStore",
        "apiVersion: generators.external-secrets.io/v1alpha1",
        "- apiVersion: external-secrets.io/v1",
    ],
)
def test_a_broken_manifest_is_an_error_with_line_and_column(tmp_path: Path, head: str) -> None:
    report = judged(tmp_path, f"a: 1\n---\n{head}\nspec: a: b\n")
    (finding,) = report.errors

    assert finding.code == "invalid-yaml"
    assert finding.line in {3, 4}
    assert finding.document == 1
    assert finding.message.startswith("not valid YAML at column ")


def test_broken_json_is_an_error_too(tmp_path: Path) -> None:
    assert not judged(tmp_path, '{"apiVersion": "external-secrets.io/v1", "kind": }}').ok


def test_what_was_never_a_manifest_is_skipped(tmp_path: Path) -> None:
    report = judged(tmp_path, 'path "secret/*" {\n  capabilities = ["read"]\n}\n\npath "b" {\n}\n')

    assert [verdict.verdict.value for verdict in report.verdicts] == ["skipped"]
    assert [finding.severity for finding in report.findings] == [Severity.NOTE]


@pytest.mark.parametrize(
    ("line", "hint"),
    [("  name: {{ .Values.name }}", True), ("{{- if .x }}", True), ('  name: "{{ .x }}": b: c', False)],
)
def test_helm_templates_are_recognised(tmp_path: Path, line: str, hint: bool) -> None:
    (finding,) = judged(tmp_path, f"apiVersion: external-secrets.io/v1\nspec:\n{line}\n").errors

    assert ("a Helm template must be rendered first" in finding.message) is hint


REPEATED = "---\n" + SECRET.replace("{name: s}", "\n    name: s\n    name: t")


def test_repeated_keys_name_both_lines(tmp_path: Path) -> None:
    report = judged(tmp_path, REPEATED)

    (finding,) = report.findings
    assert (finding.line, finding.field) == (11, "spec.secretStoreRef.name")
    assert finding.message == "is there twice: in line 10 and in line 11"
    assert finding.severity is Severity.WARNING
    (secret,) = report.catalog.external_secrets
    assert secret.spec.secret_store_ref is not None
    assert secret.spec.secret_store_ref.name == "t"


def test_strict_refuses_repeated_keys(tmp_path: Path) -> None:
    report = inspect(write(tmp_path, REPEATED), strict=True)

    assert [(finding.line, finding.code) for finding in report.errors] == [(11, "duplicate-key")]
    assert report.catalog.external_secrets == ()


def test_repeated_keys_of_other_kinds_are_nobodys_business(tmp_path: Path) -> None:
    assert judged(tmp_path, "apiVersion: v1\nkind: Service\na: 1\na: 2\n").ok


def test_repeated_keys_of_a_kept_object(tmp_path: Path) -> None:
    report = judged(tmp_path, "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: a, k: b}\n")

    assert (4, "stringData.k") in [(finding.line, finding.field) for finding in report.findings]
    value = report.catalog.secret_value("s", "k", namespace="default")
    assert value is not None
    assert value.reveal_text() == "b"


def test_two_manifests_of_one_name(tmp_path: Path) -> None:
    write(tmp_path, SECRET, "a.yaml")
    write(tmp_path, "\n" + SECRET, "b.yaml")
    report = inspect(tmp_path)
    a, b = tmp_path / "a.yaml", tmp_path / "b.yaml"

    assert told(report) == [(5, "metadata.name", f"ExternalSecret default/a is there twice: at {a}:1 and at {b}:2")]
    assert [verdict.verdict.value for verdict in report.verdicts] == ["valid", "valid"]
    assert report.errors[0].code == "duplicate-manifest"
    with pytest.raises(ManifestError):
        load(tmp_path)


def test_one_name_in_two_namespaces_or_kinds(tmp_path: Path) -> None:
    store = "apiVersion: external-secrets.io/v1\nkind: %s\nmetadata: {name: a}\nspec: {provider: {fake: {data: []}}}\n"
    text = "---\n".join(
        [
            SECRET,
            SECRET.replace("name: a", "name: a\n  namespace: b"),
            store % "SecretStore",
            store % "ClusterSecretStore",
        ]
    )

    assert judged(tmp_path, text).ok


def test_lists_are_expanded(tmp_path: Path) -> None:
    items = [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": "v"}},
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": "a"},
            "spec": {"data": 5},
        },
        {"apiVersion": "v1", "kind": "List", "items": ["text"]},
    ]
    report = judged(tmp_path, json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1))

    assert [verdict.document for verdict in report.verdicts] == [0, 0, 0]
    assert [(finding.line, finding.field) for finding in report.errors] == [(22, "items[1].spec.data")]
    assert report.findings[-1].field == "items[2].items[0]"
    assert report.catalog.secret_value("s", "k", namespace="default") is not None


def test_manifests_of_a_list_know_their_lines(tmp_path: Path) -> None:
    text = "kind: ExternalSecretList\nitems:\n- " + SECRET.replace("\n", "\n  ") + "\n"
    (document,) = load(write(tmp_path, text)).external_secrets

    assert document.line == 3


def test_empty_documents_are_counted(tmp_path: Path) -> None:
    report = judged(tmp_path, f"---\n# nothing\n---\n{SECRET}")

    assert [(verdict.document, verdict.verdict.value) for verdict in report.verdicts] == [(0, "skipped"), (1, "valid")]
    assert judged(tmp_path, "").verdicts == ()


def test_namespaces_in_verdicts(tmp_path: Path) -> None:
    documents = [
        "{apiVersion: v1, kind: Namespace, metadata: {name: a}}",
        "{apiVersion: v1, kind: Service, metadata: {name: a}}",
        "{apiVersion: v1, kind: Service, metadata: {name: a, namespace: b}}",
        "{apiVersion: v1, kind: Secret, metadata: {name: a}}",
        "{apiVersion: external-secrets.io/v1, kind: ClusterSecretStore, metadata: {name: a}}",
        "{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {name: a}}",
    ]

    report = judged(tmp_path, "\n---\n".join(documents))
    assert [verdict.namespace for verdict in report.verdicts] == ["", "", "b", "default", "", "default"]


def test_a_verdict_for_machines(tmp_path: Path) -> None:
    report = judged(tmp_path, SECRET.replace("spec:", "spec:\n  refreshInterval: 1d"))
    (verdict,) = [verdict.to_json() for verdict in report.verdicts]

    # ESO's schema takes any text; its controller cannot read it, so it is an error and the manifest is not used.
    assert verdict["verdict"] == "valid"
    assert not report.ok
    assert report.catalog.external_secrets == ()
    assert (verdict["kind"], verdict["name"], verdict["apiVersion"]) == (
        "ExternalSecret",
        "a",
        "external-secrets.io/v1",
    )
    assert verdict["findings"] == [
        {
            "field": "spec.refreshInterval",
            "message": "expected a duration such as 1h30m, with the units h m s ms us ns",
            "line": 8,
            "severity": "error",
        }
    ]


def test_findings_are_bounded_and_errors_come_first(tmp_path: Path) -> None:
    unknown = "".join(f"  x{number}: 1\n" for number in range(MAX_FINDINGS * 2))
    report = judged(
        tmp_path, f"apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {{name: a}}\nspec:\n{unknown}"
    )

    assert len(report.findings) == MAX_FINDINGS + 1
    assert told(report) == [(4, "spec", "expected data or dataFrom")]
    assert report.findings[-1].message == f"{MAX_FINDINGS + 1} more like these"
    assert report.findings[-1].severity is Severity.WARNING


def test_too_many_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "MAX_DOCUMENTS", 3)
    report = judged(tmp_path, "---\na: 1\n" * 5)

    assert told(report) == [(7, "", "more than 3 documents: the rest is not read")]
    assert len(report.verdicts) == 4


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"\0", "unreadable-file"),
        (b"\xff\xfe", "unreadable-file"),
        (b"a" * 10_000_000, "unreadable-file"),
        (b"a: \x01", "refused-yaml"),
        (b"&a [*a]", "refused-yaml"),
        (b"[" * 100_000, "refused-yaml"),
    ],
)
def test_hostile_files_are_one_error_each(tmp_path: Path, raw: bytes, code: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(raw)
    report = inspect(file)

    assert [finding.code for finding in report.errors] == [code]
    assert [verdict.verdict.value for verdict in report.verdicts] == ["invalid"]


def test_values_never_show(tmp_path: Path) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {k: hunter2}\nstringData: {j: [hunter2]}\n"
    store = (
        "apiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: {name: s}\n"
        "spec: {provider: {fake: {data: [{key: k, value: [hunter2]}, {key: k, valeu: hunter2}]}}}\n"
    )
    report = judged(tmp_path, "---\n".join([secret, store, SECRET.replace("{key: p}", "hunter2")]))

    assert len(report.findings) >= 5
    assert "hunter2" not in str(report)
    assert "hunter2" not in json.dumps([verdict.to_json() for verdict in report.verdicts])


def test_a_fault_below_a_text_is_told(tmp_path: Path) -> None:
    assert told(judged(tmp_path, SECRET.replace("metadata:", "metadata: x\nother:"))) == [
        (3, "metadata", "expected a mapping")
    ]


def test_warnings_do_not_refuse(tmp_path: Path) -> None:
    file = write(tmp_path, SECRET.replace("{key: p}", "{key: p, propertry: x}"))

    assert len(load(file).external_secrets) == 1
    with pytest.raises(ManifestError, match="unknown field: did you mean property"):
        load(file, strict=True)


def test_push_secrets_of_both_kinds_are_kept(tmp_path: Path) -> None:
    spec = "{secretStoreRefs: [{name: s}], selector: {secret: {name: x}}}"
    head = "apiVersion: external-secrets.io/v1alpha1\nkind: "
    cluster = "spec: {namespaceSelectors: [{}], pushSecretSpec: " + spec + "}\n"
    report = judged(
        tmp_path,
        f"{head}PushSecret\nmetadata: {{name: a}}\nspec: {spec}\n"
        f"---\n{head}ClusterPushSecret\nmetadata: {{name: b}}\n{cluster}"
        f"---\n{head}PushSecret\nmetadata: {{name: empty}}\n",
    )

    assert report.ok
    assert [verdict.namespace for verdict in report.verdicts] == ["default", "", "default"]
    assert [document.subject for document in report.catalog.push_secrets] == ["PushSecret default/a"]
    assert report.catalog.push_secret("b", namespace="anywhere").line == 6


def test_a_broken_push_secret_is_an_error(tmp_path: Path) -> None:
    assert [finding[0] for finding in told(judged(tmp_path, "kind: ClusterPushSecret\nmetadata: [\n"))] == [3]


def test_generators_and_cluster_external_secrets_are_kept(tmp_path: Path) -> None:
    catalog = judged(
        tmp_path,
        """apiVersion: generators.external-secrets.io/v1alpha1
kind: UUID
metadata: {name: u, namespace: vms}
---
apiVersion: external-secrets.io/v1
kind: ClusterExternalSecret
metadata: {name: c}
spec:
  namespaces: [vms]
  externalSecretSpec:
    dataFrom: [{sourceRef: {generatorRef: {kind: UUID, name: u}}}]
""",
    ).catalog
    (source,) = catalog.external_secret("c", namespace="vms").spec.data_from

    assert source.source_ref is not None
    assert source.source_ref.generator_ref is not None
    assert catalog.generator(source.source_ref.generator_ref, namespace="vms").subject == "UUID vms/u"
