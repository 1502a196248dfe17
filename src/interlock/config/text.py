"""YAML and TOML as plain values, read so that nothing means something else than it says.

YAML here is its strict core: ``yes`` is text and not true, ``010`` is text and not eight, ``12:30``
is text and not 750, ``1e-4`` is a number. A key given twice, an anchor, a tag, a key without a
value and a second document are refused. Numbers are ``int`` or ``Decimal``, exactly as written.
"""

import re
import stat
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Final, TypeAlias

import yaml

from interlock.config.errors import PolicyError, shown

Content: TypeAlias = dict[str, Any]

BYTES_MAX: Final = 1 << 20  # a policy of a million bytes is not one

_STR: Final = "tag:yaml.org,2002:str"
_NULL: Final = "tag:yaml.org,2002:null"
_BOOL: Final = "tag:yaml.org,2002:bool"
_INT: Final = "tag:yaml.org,2002:int"
_FLOAT: Final = "tag:yaml.org,2002:float"
_SEQ: Final = "tag:yaml.org,2002:seq"
_MAP: Final = "tag:yaml.org,2002:map"
_NUMBER_FIRST: Final = tuple("+-.0123456789")
_SCALARS: Final = (  # tag, how it is written, first characters; the first match wins
    (_NULL, r"~|null|Null|NULL|", ("", "~", "n", "N")),
    (_BOOL, r"true|True|TRUE|false|False|FALSE", tuple("tTfF")),
    (_INT, r"[-+]?(?:0|[1-9][0-9]*)", _NUMBER_FIRST),
    (
        _FLOAT,
        r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?",
        _NUMBER_FIRST,
    ),
    (_FLOAT, r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", _NUMBER_FIRST),
)


class _StrictLoader(yaml.SafeLoader):
    """The YAML core schema and nothing else."""

    # Whatever has no constructor here, such as a date or a tagged value, is refused.
    yaml_constructors: ClassVar[dict[Any, Any]] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Refuse aliases: a value that stands somewhere else cannot be reviewed here."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(
                problem="anchors and aliases are not allowed", problem_mark=self.get_mark()
            )
        return super().compose_node(parent, index)

    def build_mapping(self, node: yaml.MappingNode) -> Iterator[Content]:
        """Return a section, refusing keys that are not text and keys given twice."""
        content: Content = {}
        yield content
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise yaml.MarkedYAMLError(
                    problem=f"a key must be text, was {shown(key)}: write it in quotes",
                    problem_mark=key_node.start_mark,
                )
            if key in lines:
                raise yaml.MarkedYAMLError(
                    problem=f"{key} is given twice, in line {lines[key]} and here",
                    problem_mark=key_node.start_mark,
                )
            lines[key] = line
            content[key] = self.construct_object(value_node, deep=True)

    def build_list(self, node: yaml.SequenceNode) -> Iterator[list[Any]]:
        """Return a list."""
        items: list[Any] = []
        yield items
        items.extend(self.construct_object(item, deep=True) for item in node.value)

    def build_number(self, node: yaml.ScalarNode) -> Decimal:
        """Return a number exactly as written; infinity and NaN are refused by their key later."""
        text = node.value.lower().replace(".inf", "Infinity").replace(".nan", "NaN")
        return Decimal(text)


_StrictLoader.yaml_implicit_resolvers = {}  # not PyYAML's own, in which yes is true
for _tag, _pattern, _first in _SCALARS:
    _StrictLoader.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), list(_first))
_StrictLoader.add_constructor(_STR, lambda _, node: node.value)
_StrictLoader.add_constructor(_NULL, lambda _, node: None)  # noqa: ARG005 - a fixed signature
_StrictLoader.add_constructor(_BOOL, lambda _, node: node.value.lower() == "true")
_StrictLoader.add_constructor(_INT, lambda _, node: int(node.value))
_StrictLoader.add_constructor(_FLOAT, _StrictLoader.build_number)
_StrictLoader.add_constructor(_SEQ, _StrictLoader.build_list)
_StrictLoader.add_constructor(_MAP, _StrictLoader.build_mapping)


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a small regular file, or raise ``PolicyError`` saying why not."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise PolicyError(f"{path}: must be a file, was not one (a folder or a device).")
        if status.st_size > BYTES_MAX:
            raise PolicyError(f"{path}: must be at most {BYTES_MAX} bytes, was {status.st_size}.")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, PolicyError):
            raise
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise PolicyError(f"{path}: cannot be read: {reason}.") from error


def _decoded(raw: bytes, source: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise PolicyError(f"{source}: line {line}: must be UTF-8 text.") from error


def _parsed_yaml(text: str, source: str) -> object:
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - stricter than SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" line {mark.line + 1}:" if mark is not None else ""
        what = error.problem or error.context or "is not YAML"
        raise PolicyError(f"{source}:{line} {what}.") from error
    except (yaml.YAMLError, ValueError, ArithmeticError, RecursionError) as error:
        first = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise PolicyError(f"{source}: is not YAML: {first}.") from error


def _parsed_toml(text: str, source: str) -> object:
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:
        first = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise PolicyError(f"{source}: is not TOML: {first}.") from error


def _without_value(content: object, path: str = "") -> Iterator[str]:
    """Yield the path of every key that has no value."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _without_value(value, f"{path}.{key}" if path else key)
    elif isinstance(content, list):
        for index, value in enumerate(content):
            yield from _without_value(value, f"{path}.{index}")
    elif content is None:
        yield path


def parse(raw: bytes, source: str, suffix: str) -> Content:
    """Return what a settings file says.

    Args:
        raw: The file's bytes.
        source: Its name, for messages.
        suffix: ``.yaml``, ``.yml`` or ``.toml``.

    Raises:
        PolicyError: It is not that language, says nothing, or has keys without a value.
    """
    text = _decoded(raw, source)
    content = _parsed_toml(text, source) if suffix == ".toml" else _parsed_yaml(text, source)
    if content is None or content == {}:
        raise PolicyError(
            f"{source}: has no keys. An empty file may be one that was not written to its "
            "end; to use the shipped values, remove the file."
        )
    if not isinstance(content, dict):
        raise PolicyError(f"{source}: must be sections of keys, was {shown(content)}.")
    empty = list(_without_value(content))
    if empty:
        problems = (
            f"{source}: {path} has no value: write one, write none where a limit may be switched "
            "off, or remove the key."
            for path in empty
        )
        raise PolicyError(*problems)
    return content
