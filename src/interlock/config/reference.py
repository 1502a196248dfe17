"""The tables of the pages of keys, made from the models: key, shipped value, allowed, meaning.

A page has ``<!-- keys: NAME -->`` and ``<!-- end -->`` lines; what stands between them is made
here, so that a key cannot be added without its row.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from interlock.config.amounts import Number
from interlock.config.errors import is_mapping, nested_model, shown
from interlock.config.load import leaves, shipped_content
from interlock.config.risk_policy import RiskPolicy
from interlock.config.settings import BREAKERS_NAME, POLICY_NAME, SYSTEM_NAME
from interlock.config.system import SystemConfig
from interlock.config.system_breakers import BreakersFile
from interlock.config.words import Named, Text, Texts

_MODELS: Final[dict[str, type[BaseModel]]] = {
    POLICY_NAME: RiskPolicy,
    BREAKERS_NAME: BreakersFile,
    SYSTEM_NAME: SystemConfig,
}
_REGION: Final = re.compile(r"(<!-- keys: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def _numbers(annotation: object) -> Iterator[Number]:
    """Yield the number specifications inside an annotation."""
    for part in get_args(annotation):
        if isinstance(part, Number):
            yield part
        yield from _numbers(part)


def _allowed(field: FieldInfo) -> str:
    """Return what a field's value may be, in words."""
    specs = [part for part in field.metadata if isinstance(part, Number)]
    specs += list(_numbers(field.annotation))
    if specs:
        unit = specs[0].unit
        return f"{unit}; {specs[0].allowed()}"
    for part in field.metadata:
        if isinstance(part, Text | Texts | Named):
            return part.words
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(field.annotation))
    if bool in (field.annotation, *get_args(field.annotation)):
        return "`true`, `false`"
    if get_args(field.annotation):
        return "`all`, or a list of symbols"
    return "text"


def _written(value: Any) -> str:
    """Return a shipped value as it stands in the file."""
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if value == {} or value == "":
        return "{}" if value == {} else '""'
    return value if isinstance(value, str) else shown(value)


def _sections(
    model: type[BaseModel], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], type[BaseModel]]]:
    """Yield every section with keys of its own, depth first."""
    yield path, model
    for name, field in model.model_fields.items():
        inner = nested_model(field.annotation)
        if inner is not None and not is_mapping(field.annotation):
            yield from _sections(inner, (*path, name))


def _table(path: tuple[str, ...], model: type[BaseModel], defaults: dict[str, Any]) -> list[str]:
    """Return one section's heading and table; nothing for a section of sections."""
    rows = []
    for name, field in model.model_fields.items():
        key = ".".join((*path, name))
        if is_mapping(field.annotation) and nested_model(field.annotation) is not None:
            rows.append(f"| `{name}` | | one section per name | {field.description} |")
        elif nested_model(field.annotation) is None:
            default = f"`{_written(defaults[key])}`" if key in defaults else ""
            rows.append(f"| `{name}` | {default} | {_allowed(field)} | {field.description} |")
    if not rows:
        return []
    about = (model.__doc__ or "").strip().splitlines()[0]
    head = [f"### {'.'.join(path)}", "", about, ""]
    return [
        *head,
        "| key | shipped | allowed | what it does |",
        "| --- | --- | --- | --- |",
        *rows,
        "",
    ]


def tables(name: str) -> str:
    """Return the tables of the file ``name``, in Markdown."""
    defaults = dict(leaves(shipped_content(name)))
    lines = []
    for path, model in _sections(_MODELS[name]):
        lines += _table(path, model, defaults)
    return "\n".join(lines) + "\n"


def with_tables(page: str) -> str:
    """Return the page with its marked regions made anew."""
    return _REGION.sub(lambda found: f"{found[1]}\n{tables(found[2])}{found[3]}", page)
