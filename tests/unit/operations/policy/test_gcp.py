"""Bindings for requests, and a script that a shell reads."""

import json
import subprocess

import pytest

from virtrigaud_secrets.operations.policy.gcp import ACCESSOR, ADMIN, VIEWER, policy_of


@pytest.fixture
def google(write):
    def make(more=", projectID: my-project"):
        return write.store(f"{{gcpsm: {{auth: {{}}{more}}}}}")

    return make


def bound(policy):
    return [(one["resource"], one["role"], one.get("condition", {}).get("expression", "")) for one in policy.document]


def test_a_secret_in_its_newest_version(demand, write, google):
    policy = policy_of(demand(google(), write.read("a")))
    assert bound(policy) == [("projects/my-project/secrets/a", ACCESSOR, "")]
    assert "gcloud secrets add-iam-policy-binding a --project my-project " in policy.text


def test_one_version_is_a_condition_unless_another_may_be_read_anyway(demand, write, google):
    fixed = write.read("a", name="fixed", version="'3'")
    assert bound(policy_of(demand(google(), fixed))) == [
        ("projects/my-project/secrets/a", ACCESSOR, 'resource.name.endsWith("/versions/3")')
    ]
    assert bound(policy_of(demand(google(), fixed, write.read("a")))) == [
        ("projects/my-project/secrets/a", ACCESSOR, "")
    ]
    alias = write.read("a", name="alias", version="prod")
    assert bound(policy_of(demand(google(), alias))) == [("projects/my-project/secrets/a", ACCESSOR, "")]


def test_metadata_and_looking_for_a_version(demand, write, google):
    assert bound(policy_of(demand(google(), write.read("a", metadataPolicy="Fetch")))) == [
        ("projects/my-project/secrets/a", VIEWER, "")
    ]
    store = google(", projectID: my-project, location: europe-west1, secretVersionSelectionPolicy: LatestOrFetch")
    policy = policy_of(demand(store, write.read("a")))
    place = "projects/my-project/locations/europe-west1/secrets/a"
    assert bound(policy) == [(place, ACCESSOR, ""), (place, VIEWER, "")]
    assert "--location europe-west1" in policy.text


def test_searches(demand, write, google):
    policy = policy_of(demand(google(), write.find("name: {regexp: ^app-}"), write.read("app-a", name="two")))
    (listing, reading, single) = sorted(bound(policy), key=lambda one: (one[1] != VIEWER, one[0]))
    assert listing == ("projects/my-project", VIEWER, "")
    assert reading[:2] == ("projects/my-project", ACCESSOR)
    assert '.startsWith("app-")' in reading[2]
    assert single == ("projects/my-project/secrets/app-a", ACCESSOR, "")
    policy = policy_of(demand(google(), write.find("tags: {a: b}"), write.read("app-a", name="two")))
    assert bound(policy) == [("projects/my-project", ACCESSOR, ""), ("projects/my-project", VIEWER, "")]
    assert any("labels" in note for note in policy.notes)


def test_a_manifest_cannot_end_the_text_of_a_condition(demand, write, google):
    found = write.find("""path: 'x") || ("a;b" == "', name: {regexp: .*}""")
    policy = policy_of(demand(google(), found))
    (expression,) = filter(None, (expression for *_, expression in bound(policy)))
    start = expression.partition(".startsWith(")[2]
    assert json.loads(start.removesuffix(")")) == 'x") || ("a;b" == "'
    assert ";" not in expression
    (title,) = (one["condition"]["title"] for one in policy.document if "condition" in one)
    assert not set(title) & set('";|()')


def test_a_title_is_as_short_as_it_must_be(demand, write, google):
    policy = policy_of(demand(google(), write.find(f"path: {'a' * 200}, name: {{regexp: .*}}")))
    (title,) = (one["condition"]["title"] for one in policy.document if "condition" in one)
    assert len(title) == 100


def test_pushes_and_an_unknown_project(demand, write, google):
    policy = policy_of(demand(google(""), write.push()))
    conditions = {role: expression for _, role, expression in bound(policy)}
    assert conditions.keys() == {"projects/$PROJECT/roles/virtrigaudSecretsCreator", ADMIN}
    assert '== "r"' in conditions[ADMIN]
    assert "--permissions secretmanager.secrets.create" in policy.text
    assert any("PROJECT" in note for note in policy.notes)


def test_nothing_asked_needs_nothing(demand, write, google):
    assert policy_of(demand(google(), write.push("dataTo: [{storeRef: {name: store}}]"))) is None


def test_the_script_is_one_that_a_shell_reads(demand, write, google):
    policy = policy_of(demand(google(), write.read("a", name="two"), write.find("name: {regexp: ^b}"), write.push()))
    assert subprocess.run(["sh", "-n"], input=policy.text, text=True, check=False).returncode == 0
