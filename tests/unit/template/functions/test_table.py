import pytest

from virtrigaud_secrets.golang.reflect import INT
from virtrigaud_secrets.template.functions import NAMES, SUBJECTS, find_function
from virtrigaud_secrets.template.functions.table import Context, Function, FunctionError, table
from virtrigaud_secrets.template.limits import Limits


def test_steps_are_counted() -> None:
    context = Context(Limits(steps=10))
    context.spend(10)
    with pytest.raises(FunctionError, match="more than 10 steps"):
        context.spend(1)


def test_texts_are_counted() -> None:
    context = Context(Limits(value_size=10_000, made_size=15_000))
    context.check_size(4096)
    assert (context.steps, context.made) == (0, 0)
    context.check_size(8192)
    assert (context.steps, context.made) == (2, 8192)
    with pytest.raises(FunctionError, match="larger than 10000 bytes"):
        context.check_size(10_001)
    with pytest.raises(FunctionError, match="more than 15000 bytes together"):
        context.check_size(9_000)


def test_elements_are_counted() -> None:
    context = Context(Limits(items=128))
    context.check_items(128)
    assert context.steps == 2
    with pytest.raises(FunctionError, match="more than 128 elements"):
        context.check_items(129)


def test_a_table_is_by_name() -> None:
    function = Function("f", int, (INT,), INT)
    assert table(function) == {"f": function}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_subjects_define_what_they_are_listed_for(subject: str) -> None:
    module = __import__(f"virtrigaud_secrets.template.functions.{subject}", fromlist=["FUNCTIONS"])
    assert set(module.FUNCTIONS) == set(SUBJECTS[subject])
    assert all(name == function.name for name, function in module.FUNCTIONS.items())


def test_functions_are_found_by_name() -> None:
    names = [name for names in SUBJECTS.values() for name in names]
    assert len(names) == len(set(names)) == len(NAMES) == 227 + 18
    for name in NAMES:
        function = find_function(name)
        assert function is not None
        assert function.name == name
    assert find_function("env") is None
    assert not NAMES & {"env", "expandenv", "getHostByName", "include", "tpl", "required", "lookup", "toToml"}
