from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from virtrigaud_secrets.template import functions
from virtrigaud_secrets.template.functions import NAMES, SUBJECTS, find_function

LISTED = Path(__file__).parents[3] / "conformance/template/functions.md"
HEAVY = ("cryptography", "re2", "yaml", "bcrypt", "zoneinfo", "ipaddress")


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_defines_what_is_listed_of_it(subject: str) -> None:
    assert set(SUBJECTS[subject]) == set(import_module(f"{functions.__name__}.{subject}").FUNCTIONS)


def test_no_name_is_defined_twice() -> None:
    assert sum(map(len, SUBJECTS.values())) == len(NAMES)


def test_the_functions_are_esos() -> None:
    listed = set(re.findall(r"^\| `(\w+)` \|", LISTED.read_text(encoding="utf-8"), re.MULTILINE))
    assert len(listed) == 227
    assert set(SUBJECTS["builtins"]) | listed == NAMES


@pytest.mark.parametrize("name", ["env", "expandenv", "getHostByName", "include", "tpl", "required", "lookup"])
def test_what_eso_leaves_out_is_not_there(name: str) -> None:
    assert find_function(name) is None


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_function_knows_its_name(name: str) -> None:
    found = find_function(name)
    assert found is not None
    assert found.name == name


def test_simple_templates_load_no_heavy_library() -> None:
    program = (
        "import sys; from virtrigaud_secrets.template import render; "
        "render('{{ .a | upper | b64enc | quote | trunc 5 | default `x` | toJson | sha256sum }}', {'a': b'x'}); "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
