from virtrigaud_secrets.template.frame import Frame
from virtrigaud_secrets.template.functions.table import Context


def test_the_dollar_sign_is_the_dot_of_the_start() -> None:
    out: list[str] = []
    frame = Frame(Context(), out, "dot", {}, 3, 0)
    assert frame.variables[0] == "dot"
    assert len(frame.variables) == 3
    frame.write("a")
    assert out == ["a"]
