"""How an explanation reads."""

import json

from virtrigaud_secrets.bundle import Provenance
from virtrigaud_secrets.resolver.explanation import Asked, Entry, Explanation, Fault, Output

TOLD = Explanation(
    manifest="ExternalSecret ns/es",
    target="out",
    type="Opaque",
    requests=(
        Asked(
            store="SecretStore ns/s",
            method="POST",
            path="pki/issue/r",
            version="2",
            parameters=("common_name",),
            side_effect=True,
            note="a note",
        ),
    ),
    entries=(Entry(field="spec.data[0]", key="crt", request=0, steps=("property certificate", "decoded by Base64")),),
    outputs=(
        Output(
            part="data",
            key="tls.crt",
            made_by="spec.target.template.data[tls.crt]",
            entries=("spec.data[0]",),
            origins=(Provenance(store="SecretStore ns/s", path="pki/issue/r", property="certificate"),),
        ),
        Output(part="labels", key="team", made_by="spec.target.template.metadata.labels[team]", entries=()),
        Output(part="annotations", key="", made_by="spec.target.template.templateFrom[0].literal", entries=()),
    ),
    repairs=("vault-mount-lookup", "of-a-plug-in"),
    faults=(Fault(code="store", fields=("spec.data[0]",), message="one\ntwo", keys=("tls.crt",)),),
)


def test_as_text():
    assert TOLD.as_text() == (
        "ExternalSecret ns/es → Secret out (Opaque)\n"
        "  tls.crt\n"
        "    made by spec.target.template.data[tls.crt]\n"
        "    ← spec.data[0] as crt: property certificate; decoded by Base64\n"
        "      ← POST pki/issue/r version 2, SecretStore ns/s, makes something new\n"
        "        a note\n"
        "        read pki/issue/r, property certificate\n"
        "  labels: team\n"
        "    made by spec.target.template.metadata.labels[team]\n"
        "  annotations: those that are made\n"
        "    made by spec.target.template.templateFrom[0].literal\n"
        "  differs from ESO by vault-mount-lookup: the server is asked which engine owns the path, and that engine is "
        "used; with ESO, every key is a KV path below the store's path\n"
        "  fault at spec.data[0] [store]\n"
        "    one\n"
        "    two\n"
        "    so there is no tls.crt\n"
    )


def test_as_json():
    told = json.loads(json.dumps(TOLD.as_json()))
    assert told["target"] == {"name": "out", "type": "Opaque"}
    assert told["requests"][0]["parameters"] == ["common_name"]
    assert told["outputs"][0]["origins"][0]["property"] == "certificate"
    assert told["outputs"][2]["key"] is None
    assert [repair["id"] for repair in told["repairs"]] == ["vault-mount-lookup", "of-a-plug-in"]
    assert told["faults"] == [{"code": "store", "fields": ["spec.data[0]"], "message": "one\ntwo", "keys": ["tls.crt"]}]
