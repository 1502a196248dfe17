"""How a bad file is refused: every problem at once, each naming file, key, value and what may be.

Sentences are made here from pydantic's errors; the sentences about numbers come ready from
``amounts``, those about two keys that disagree from the models (``disagree``).
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

_SHOWN_MAX: Final = 60  # characters of a value, keys of a list: beyond that nobody reads
_KEYS_SHOWN_MAX: Final = 12
_LIKENESS_MIN: Final = 0.6
_OURS: Final = frozenset({"interlock_value", "interlock_relations"})


class PolicyError(ValueError):
    """A policy file, or what was built from one, was refused.

    Attributes:
        problems: One sentence each, in the order of the file's keys. Never empty.
    """

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        assert self.problems
        super().__init__("\n".join(self.problems))


def shown(value: object) -> str:
    """Return ``value`` as a person would have written it in the file, shortened.

    >>> shown(True), shown("x"), shown(Decimal("0.02"))
    ('true', "'x'", '0.02')
    """
    match value:
        case bool():
            text = "true" if value else "false"
        case str():
            text = repr(value)
        case Decimal() | int() | float():
            text = str(value)
        case None:
            text = "nothing"
        case Mapping():
            text = "a section of keys"
        case list() | tuple():
            text = "a list"
        case _:
            text = f"{value} ({type(value).__name__})"
    return text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 3] + "..."


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name most like ``name``, or None when none is like it.

    >>> closest("stop_los", ["stop_loss", "time_exit"])
    'stop_loss'
    """
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=_LIKENESS_MIN)
    return found[0] if found else None


def bad_value(sentence: str) -> PydanticCustomError:
    """Return the error of one value; ``sentence`` continues "KEY ...", and ends without a stop."""
    return PydanticCustomError("interlock_value", "{sentence}", {"sentence": sentence})


def disagree(*problems: str) -> None:
    """Raise when ``problems`` has any; each names, relative to the section, keys and numbers."""
    if problems:
        raise PydanticCustomError("interlock_relations", "keys disagree", {"problems": problems})


def nested_model(annotation: object) -> type[BaseModel] | None:
    """Return the settings class inside a field's annotation (itself, optional, or mapped to)."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in get_args(annotation):
        found = nested_model(part)
        if found is not None:
            return found
    return None


def is_mapping(annotation: object) -> bool:
    """Return whether a field's keys are names that users choose (symbols, strategies)."""
    return getattr(annotation, "__origin__", None) is dict


def key_paths(model: type[BaseModel], prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every key a file may have; names that users choose are ``<name>``."""
    for name, field in model.model_fields.items():
        path = (*prefix, name)
        yield path
        inner = nested_model(field.annotation)
        if inner is not None:
            yield from key_paths(inner, (*path, "<name>") if is_mapping(field.annotation) else path)


def _section_at(model: type[BaseModel], path: Sequence[str | int]) -> type[BaseModel] | None:
    """Return the settings class of the section at ``path``, or None for a map of chosen names."""
    section: type[BaseModel] | None = model
    chosen = False
    for part in path:
        if chosen:  # a name that the user chose stands for one section
            chosen = False
            continue
        assert section is not None
        field = section.model_fields[str(part)]
        section = nested_model(field.annotation)
        chosen = is_mapping(field.annotation)
    return None if chosen else section


def _unknown_key(model: type[BaseModel], path: Sequence[str | int]) -> str:
    """Return the sentence about a key that nobody reads."""
    name = str(path[-1])
    section = _section_at(model, path[:-1])
    siblings = sorted(section.model_fields) if section is not None else []
    likely = closest(name, siblings)
    if likely is None:
        elsewhere = {p[-1]: ".".join(p) for p in key_paths(model)}
        where = closest(name, elsewhere)
        likely = elsewhere[where] if where is not None else None
    hint = f"; did you mean {likely}?" if likely is not None else "."
    keys = ", ".join(siblings[:_KEYS_SHOWN_MAX])
    return f"is not a key{hint} Keys here: {keys}."


def _sentence(model: type[BaseModel], error: ErrorDetails) -> str:
    """Return what is wrong with the value at ``error``'s place, without the place."""
    found = shown(error["input"])
    match error["type"]:
        case "interlock_value":
            sentence: str = error["ctx"]["sentence"]
            return sentence if sentence.endswith("?") else f"{sentence}."
        case "extra_forbidden":
            return _unknown_key(model, error["loc"])
        case "missing":
            return "is missing."
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"must be a section of keys, was {found}."
        case "bool_type":
            return f"must be true or false, was {found}."
        case "string_type":
            return f"must be text, was {found}."
        case "tuple_type" | "list_type":
            return f"must be a list, was {found}."
        case "literal_error":
            allowed = error["ctx"]["expected"].replace("'", "")
            hint = ""
            if isinstance(error["input"], str):
                likely = closest(error["input"], allowed.replace(" or ", ", ").split(", "))
                hint = f"; did you mean {likely}?" if likely is not None else ""
            return f"must be {allowed}, was {found}{hint or '.'}"
        case _:
            return f"{error['msg'][0].lower()}{error['msg'][1:]}, was {found}."


def problems_of(
    error: ValidationError, model: type[BaseModel], source: str, defaulted: Iterable[str] = ()
) -> list[str]:
    """Return one sentence per problem, in the order of the model's keys.

    Args:
        error: What pydantic found.
        model: The root class that was validated.
        source: The file's name as the user gave it.
        defaulted: Key paths whose value is the shipped one; a disagreement says so.
    """
    shipped = set(defaulted)
    problems = []
    for detail in error.errors(include_url=False):
        place = ".".join(str(part) for part in detail["loc"])
        if detail["type"] == "interlock_relations":
            for problem in detail["ctx"]["problems"]:
                keys = [word.strip("(),;") for word in problem.split() if word]
                paths = [f"{place}.{key}" if place else key for key in keys]
                theirs = sorted({path for path in paths if path in shipped})
                note = f"; as shipped: {', '.join(theirs)}" if theirs else ""
                prefix = f"{place}: " if place else ""
                problems.append(f"{source}: {prefix}{problem}{note}.")
            continue
        problems.append(f"{source}: {place} {_sentence(model, detail)}")
    return problems


def validated(
    model: type[BaseModel], content: Mapping[str, Any], source: str, defaulted: Iterable[str] = ()
) -> BaseModel:
    """Return ``content`` as a ``model``, or raise ``PolicyError`` with every problem."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = problems_of(error, model=model, source=source, defaulted=defaulted)
    raise PolicyError(*problems)
