"""A strategy's parameters: what there is, what may be, and what people write for them."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticUndefined

from interlock.config.errors import closest, shown
from interlock.signals.frames import StrategyError

PREFIX: Final = "strategy."
_KINDS: Final = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "array": "a list",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter, for help texts.

    Attributes:
        name: As in ``--set strategy.NAME=VALUE``.
        default: As people write it; empty when it has to be set.
        allowed: What may be, in words.
        help: What it does; empty when its author did not say.
    """

    name: str
    default: str
    allowed: str
    help: str


def _allowed(schema: Mapping[str, Any]) -> str:
    """Return in words what a field's JSON schema admits."""
    if "anyOf" in schema:
        return " or ".join(_allowed(part) for part in schema["anyOf"])
    if "enum" in schema:
        return "one of " + ", ".join(str(value) for value in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "null":
        return "nothing"
    kind = _KINDS.get(str(schema.get("type")), "a value")
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f"{kind} from {low} to {high}"
    bounds = [
        f"{word} {bound}"
        for word, bound in (
            ("at least", low),
            ("above", above),
            ("at most", high),
            ("below", below),
        )
        if bound is not None
    ]
    return " ".join([kind, " and ".join(bounds)]).strip()


def parameters_of(definition: type[BaseModel]) -> tuple[Parameter, ...]:
    """Return what can be set in a strategy's class, in its order."""
    schemas = definition.model_json_schema()["properties"] if definition.model_fields else {}
    return tuple(
        Parameter(
            name=name,
            default="" if field.default is PydanticUndefined else shown(field.default),
            allowed=_allowed(schemas[name]),
            help=field.description or "",
        )
        for name, field in definition.model_fields.items()
    )


def read_settings(items: Iterable[str]) -> dict[str, str]:
    """Return ``{"fast": "12"}`` for ``["strategy.fast=12"]``, as they stand in ``--set``.

    Raises:
        StrategyError: Not of this form, or a key is there twice.

    >>> read_settings(["strategy.fast=12", "strategy.long_only = false"])
    {'fast': '12', 'long_only': 'false'}
    """
    found: dict[str, str] = {}
    for item in items:
        key, equals, value = item.partition("=")
        key, value = key.strip(), value.strip()
        name = key.removeprefix(PREFIX)
        if not equals or not key.startswith(PREFIX) or not name or not value:
            raise StrategyError(
                f"--set must be {PREFIX}KEY=VALUE, was {item!r}. For example: "
                f"--set {PREFIX}fast=12."
            )
        if name in found:
            raise StrategyError(
                f"--set {key} must be there once, was {found[name]!r} and then {value!r}."
            )
        found[name] = value
    return found


def _unknown(strategy: str, key: str, known: list[str]) -> str:
    """Return the sentence about a key that the strategy does not have."""
    likely = closest(key, known)
    hint = f" Did you mean {PREFIX}{likely}?" if likely is not None else ""
    has = f"Its parameters: {', '.join(known)}." if known else "It has no parameters."
    return f"{PREFIX}{key} is not a parameter of strategy {strategy}.{hint} {has}"


def _sentence(strategy: str, definition: type[BaseModel], error: ErrorDetails) -> str:
    """Return what is wrong, in one sentence that names key, value and what may be."""
    known = parameters_of(definition)
    if not error["loc"]:  # a rule about several parameters, in its author's words
        said = error["msg"].removeprefix("Value error, ").rstrip(".")
        return f"strategy {strategy}: {said}."
    key = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return _unknown(strategy, key, [one.name for one in known])
    allowed = next(one.allowed for one in known if one.name == key)
    if error["type"] == "missing":
        return (
            f"{PREFIX}{key} of strategy {strategy} must be set to {allowed}, and was missing. "
            f"Next: --set {PREFIX}{key}=VALUE."
        )
    found = shown(error["input"])
    if error["type"] == "value_error":
        said = error["msg"].removeprefix("Value error, ").rstrip(".")
        return f"{PREFIX}{key} of strategy {strategy}: {said}, was {found}."
    return f"{PREFIX}{key} of strategy {strategy} must be {allowed}, was {found}."


def with_parameters(
    definition: type[BaseModel], strategy: str, values: Mapping[str, object]
) -> BaseModel:
    """Return a strategy with these parameters, the others at their defaults.

    Args:
        definition: The strategy's class.
        strategy: Its name, for messages.
        values: By parameter; text is read as people write it.

    Raises:
        StrategyError: Every unknown key, value that may not be, and missing parameter, a line each.
    """
    try:
        found = definition.model_validate(dict(values))
    except ValidationError as error:
        lines = [_sentence(strategy, definition, detail) for detail in error.errors()]
        raise StrategyError("\n".join(lines)) from error
    for name in definition.model_fields:
        value = getattr(found, name)
        if isinstance(value, float) and not math.isfinite(value):
            raise StrategyError(
                f"{PREFIX}{name} of strategy {strategy} must be a finite number, was {value}."
            )
    return found
