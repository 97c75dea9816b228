"""What can be told of a formula before it is evaluated: that all it names is there."""

from __future__ import annotations

from collections.abc import Sequence

from batchite.scheduling.autoscale import functions, limits, methods, variables
from batchite.scheduling.autoscale.errors import FormulaSyntaxError
from batchite.scheduling.autoscale.tree import Call, Field, Method, Name, Node, Statement, within
from batchite.scheduling.autoscale.values import FIELDS, INTERVALS


def check(statements: Sequence[Statement]) -> None:
    """Raises FormulaSyntaxError."""
    assigned: set[str] = set()
    for statement in statements:
        if isinstance(statement, Call):
            _check_call(statement)
            continue
        for node, depth in within(statement.value):
            if depth > limits.DEPTH:
                message = f"values are nested more than {limits.DEPTH} deep"
                raise FormulaSyntaxError(message, node.place)
            _check(node, assigned)
        if variables.is_read_only(statement.name) or statement.name in INTERVALS:
            message = f"'{statement.name}' is only read; assign to a variable of another name"
            raise FormulaSyntaxError(message, statement.place)
        assigned.add(statement.name)


def _check(node: Node, assigned: set[str]) -> None:
    match node:
        case Name() if not _is_known(node.name, assigned):
            raise FormulaSyntaxError(_unknown(node.name), node.place)
        case Call():
            _check_call(node)
        case Method():
            _check_method(node, assigned)
        case Field() if node.field.lower() not in FIELDS:
            fields = ", ".join(FIELDS)
            message = f"there is no field '{node.field}'; a timestamp has {fields}"
            raise FormulaSyntaxError(message, node.place)
        case _:
            pass


def _is_known(name: str, assigned: set[str]) -> bool:
    if name in assigned or name in INTERVALS or name.lower() in variables.DEALLOCATIONS:
        return True
    return variables.sampled(name) is not None or variables.writable(name) is not None


def _unknown(name: str) -> str:
    if name.lower() in functions.FUNCTIONS:
        return f"'{name}' is a function, so its arguments follow in parentheses"
    return f"there is no variable '{name}': it is none of the service's, and nothing is assigned to it before"


def _check_call(call: Call) -> None:
    name = call.function.lower()
    if name == functions.STOP:
        _check_count(call, f"{functions.STOP}()", 0, 0)
        return
    function = functions.FUNCTIONS.get(name)
    if function is None:
        known = ", ".join(sorted([*functions.FUNCTIONS, functions.STOP]))
        raise FormulaSyntaxError(f"there is no function '{call.function}'; there are {known}", call.place)
    _check_count(call, f"{name}()", function.least, function.most)


def _check_method(call: Method, assigned: set[str]) -> None:
    variable = call.variable.name
    if variable in assigned or variables.sampled(variable) is None:
        message = f"'{variable}' is no sampled variable such as $ActiveTasks, so it has no methods"
        raise FormulaSyntaxError(message, call.variable.place)
    name = methods.full(call.method)
    if name is None:
        known = ", ".join(methods.METHODS)
        raise FormulaSyntaxError(f"there is no method '{call.method}'; there are {known}", call.place)
    method = methods.METHODS[name]
    _check_count(call, f"{name}()", method.least, method.most)


def _check_count(call: Call | Method, name: str, least: int, most: int | None) -> None:
    count = len(call.arguments)
    if count < least or (most is not None and count > most):
        wanted = f"{least}" if least == most else f"{least} or more" if most is None else f"{least} to {most}"
        if most == 0:
            wanted = "no"
        raise FormulaSyntaxError(f"{name} takes {wanted} arguments, and has {count}", call.place)
