"""The messages of the package's errors and warnings, as its code writes them: ``…`` stands for what is filled in."""

import ast
from pathlib import Path

import skautoseqrec

PACKAGE = Path(skautoseqrec.__file__).parent
HOLE = "…"


def _text_of(node):
    """Return a string of the code with holes, or None for what is no string."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text_of(value) or HOLE for value in node.values)
    if isinstance(node, ast.FormattedValue):
        return _text_of(node.value) if _is_counted(node.value) else None
    if _is_counted(node):
        _, noun, *plural = (_text_of(argument) for argument in node.args)
        return f"{HOLE} {plural[0] if plural else noun + 's'}"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [_text_of(node.left) or HOLE, _text_of(node.right) or HOLE]
        return None if parts == [HOLE, HOLE] else "".join(parts)
    if isinstance(node, ast.IfExp):
        return None
    return None


def _is_counted(node):
    """Whether a part of the code is a number of things in words."""
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "counted"


def _speaks(call):
    """Whether a call makes an error or a warning."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    return name.endswith("Error") or name.startswith("warn")


def messages():
    """Yield where each message of the package stands, and its text with holes."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _speaks(node) and node.args:
                text = _text_of(node.args[0])
                if text is not None and text.strip(HOLE + " :"):
                    yield f"{path.relative_to(PACKAGE)}:{node.lineno}", text
