"""Rendering templates: this library, Jinja2 and gotpl side by side in one run, best of n.

    python benchmarks/template_render.py [--rounds 30]

Every engine gets equal data and must give equal output. A row is one manifest: all keys of its template.
`render` runs compiled templates; `parse and render` compiles anew each time. gotpl is measured rendering compiled
templates, with the same Python functions as Jinja2.
"""

import argparse
import base64
import gc
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import jinja2

from virtrigaud_secrets.template import DEFAULT_LIMITS, DEFAULT_OPTIONS
from virtrigaud_secrets.template import compile as compile_template
from virtrigaud_secrets.template.environment import compile_uncached

try:
    import gotpl
except ImportError:
    gotpl = None

PEM = "-----BEGIN CERTIFICATE-----\n" + ("MIIBfjCCASOgAwIBAgIURyNgN6XL0zJBHkjHjmOwQw0BC28wCgYIKoZIzj0EAwIw\n" * 30)
CA = PEM + "-----END CERTIFICATE-----\n"
REGISTRIES = [
    {"host": f"registry-{number}.lab.example:5000", "user": f"robot${number}", "password": f'p"w&{number}' * 3}
    for number in range(50)
]


@dataclass(frozen=True)
class Manifest:
    """One manifest's templates, in Go's and in Jinja2's language, and its data."""

    name: str
    go: list[str]
    jinja: list[str]
    data: dict[str, str]


MANIFESTS = [
    Manifest(
        "vsphere (2 KB CA)",
        ["{{ .username }}", "{{ .password }}", "{{ .server }}", "{{ .ca_cert | b64dec }}"],
        ["{{ username }}", "{{ password }}", "{{ server }}", "{{ ca_cert | b64dec }}"],
        {
            "username": "svc-virtrigaud@vsphere.local",
            "password": "Tr0ub4dor&3",
            "server": "https://vc01.lab.example/sdk",
            "ca_cert": base64.b64encode(CA.encode()).decode(),
        },
    ),
    Manifest(
        "vsphere dynamic",
        ["{{ .username }}", "{{ .password }}", "{{ .server }}", "{{ .lease_duration }}"],
        ["{{ username }}", "{{ password }}", "{{ server }}", "{{ lease_duration }}"],
        {
            "username": "v-token-dyn-1",
            "password": "A1a-aaaaaaaaaaaaaaa",
            "server": "https://vc01.lab.example/sdk",
            "lease_duration": "3600",
        },
    ),
    Manifest(
        "ssh",
        ["{{ .private_key }}", "{{ .public_key }}", "{{ .known_hosts }}"],
        ["{{ private_key }}", "{{ public_key }}", "{{ known_hosts }}"],
        {"private_key": CA, "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA v", "known_hosts": "host ssh-rsa A\n"},
    ),
    Manifest(
        "tls",
        ["{{ .certificate }}", "{{ .private_key }}", "{{ .ca_certificate }}"],
        ["{{ certificate }}", "{{ private_key }}", "{{ ca_certificate }}"],
        {"certificate": CA, "private_key": CA, "ca_certificate": CA},
    ),
    Manifest(
        "dockerconfigjson, 50 registries",
        [
            (
                '{"auths":{ {{- range $i, $r := fromJson .registries }}{{ if $i }},{{ end }}{{ $r.host | toJson }}:'
                '{"username":{{ $r.user | toJson }},"password":{{ $r.password | toJson }},'
                '"auth":{{ printf "%s:%s" $r.user $r.password | b64enc | toJson }}}{{ end -}} }}'
            )
        ],
        [
            (
                '{"auths":{ {%- for r in registries | fromjson %}{% if loop.index0 %},{% endif %}'
                "{{ r.host | tojson_go }}:"
                '{"username":{{ r.user | tojson_go }},"password":{{ r.password | tojson_go }},'
                '"auth":{{ "%s:%s" | format(r.user, r.password) | b64enc | tojson_go }}}{% endfor -%} }}'
            )
        ],
        {"registries": json.dumps(REGISTRIES)},
    ),
]


def jinja_environment() -> jinja2.Environment:
    """Jinja2 with the functions that the templates need."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True)
    escapes = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
    environment.filters.update(
        b64dec=lambda text: base64.b64decode(text).decode(),
        b64enc=lambda text: base64.b64encode(text.encode()).decode(),
        fromjson=json.loads,
        tojson_go=lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(escapes),
    )
    return environment


def best(function: Callable[[], object], rounds: int) -> float:
    """Microseconds of the fastest call."""
    function()
    begin = time.perf_counter()
    function()
    loops = max(1, int(0.01 / max(time.perf_counter() - begin, 1e-7)))
    fastest = float("inf")
    gc.disable()
    for _ in range(rounds):
        begin = time.perf_counter()
        for _ in range(loops):
            function()
        fastest = min(fastest, (time.perf_counter() - begin) / loops)
    gc.enable()
    return fastest * 1e6


def measure(manifest: Manifest, rounds: int) -> dict[str, float]:
    """Best times of one manifest."""
    environment = jinja_environment()
    ours = [compile_template(text, name="key") for text in manifest.go]
    theirs = [environment.from_string(text) for text in manifest.jinja]
    secret = {key: value.encode() for key, value in manifest.data.items()}
    data = manifest.data
    expected = [template.render(secret).decode() for template in ours]
    if expected != [template.render(data) for template in theirs]:
        raise SystemExit(f"{manifest.name}: the outputs differ")
    result = {
        "render": best(lambda: [template.render(secret) for template in ours], rounds),
        "jinja render": best(lambda: [template.render(data) for template in theirs], rounds),
        "parse": best(
            lambda: [
                compile_uncached(text, "key", DEFAULT_OPTIONS, DEFAULT_LIMITS).render(secret) for text in manifest.go
            ],
            rounds,
        ),
        "jinja parse": best(
            lambda: [environment.from_string(text).render(data) for text in manifest.jinja], max(3, rounds // 3)
        ),
    }
    if gotpl is not None:
        filters = environment.filters
        names = {"b64dec": "b64dec", "b64enc": "b64enc", "fromJson": "fromjson", "toJson": "tojson_go"}
        functions = {go: filters[jinja] for go, jinja in names.items()}
        others = [gotpl.Template(text, functions=functions) for text in manifest.go]
        if [template.render(data) for template in others] != expected:
            raise SystemExit(f"{manifest.name}: gotpl's output differs")
        result["gotpl"] = best(lambda: [template.render(data) for template in others], max(3, rounds // 3))
    return result


def main() -> None:
    """Print one row a manifest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    heads = ("render", "Jinja2", "ratio", "parse+r.", "Jinja2", "ratio", "gotpl")
    widths = (9, 9, 7, 10, 9, 7, 9)
    titles = "".join(f"{head:>{width}}" for head, width in zip(heads, widths, strict=True))
    print(f"{'µs, all keys':34}{titles}")
    for manifest in MANIFESTS:
        times = measure(manifest, rounds)
        print(
            f"{manifest.name:34}{times['render']:9.1f}{times['jinja render']:9.1f}"
            f"{times['jinja render'] / times['render']:7.1f}{times['parse']:10.1f}{times['jinja parse']:9.1f}"
            f"{times['jinja parse'] / times['parse']:7.1f}{times.get('gotpl', float('nan')):9.1f}"
        )


if __name__ == "__main__":
    main()
