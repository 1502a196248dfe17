"""Write the pages of docs/ and the list of routes, made from the code; or say which are stale.

``make docs`` writes them; ``make check`` runs this with ``--check``, which changes nothing.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import typer

from interlock.app.gateway_routes import whole_app
from interlock.cli import app
from interlock.kernel.transitions import LEGAL, TERMINAL
from interlock.service.doors import route_lines

ROOT: Final = Path(__file__).parents[1]
ROUTES: Final = "<!-- Made by `make docs` from here on; edit the code instead. -->"
MADE: Final = "<!-- Made by `make docs`; edit the code instead. -->\n"


def option_rows(command: Any) -> Iterator[str]:
    """Yield a table row for each argument and option of a command."""
    for parameter in command.params:
        if getattr(parameter, "hidden", False) or parameter.name == "help":
            continue
        names = ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])
        if parameter.param_type_name == "argument":
            names = f"`{parameter.name.upper()}`"
        text = " ".join((getattr(parameter, "help", None) or "").split()).replace("|", "\\|")
        default = parameter.default
        if parameter.required:
            text += " (required)"
        elif default not in (None, False, "", [], ()) and not callable(default):
            text += f" (default: {default})"
        yield f"| {names} | {text.strip()} |"


def command_lines(command: Any, name: str) -> Iterator[str]:
    """Yield the section of one command and of the commands below it."""
    yield f"## `{name}`\n" if name != "interlock" else "# Commands\n"
    text = (command.help or "").replace("\f", "").strip()
    if text:
        yield text + "\n"
    rows = list(option_rows(command))
    if rows:
        yield "\n".join(["| option | meaning |", "| --- | --- |", *rows]) + "\n"
    for child, below in sorted(getattr(command, "commands", {}).items()):
        if not below.hidden:
            yield from command_lines(below, f"{name} {child}")


def commands_page() -> str:
    """Return docs/commands.md, from the command line's own definitions."""
    return "\n".join(command_lines(typer.main.get_command(app), "interlock"))


def order_life_page() -> str:
    """Return docs/order-life.md, from the table that the kernel itself obeys."""
    arrows = [f"    {a.name} --> {b.name}: {kind.name}" for (a, kind), b in LEGAL.items() if a != b]
    ends = [f"    {state.name} --> [*]" for state in TERMINAL]
    stays = sorted(f"| {a.name} | {kind.name} |" for (a, kind), b in LEGAL.items() if a == b)
    return "\n".join(
        [
            "# Life of an order\n",
            "Every arrow is a command or a report. What is not drawn is illegal: it changes",
            "nothing but a counter, and is recorded. A FILL that leaves nothing open leads to",
            "FILLED.\n",
            "```mermaid\nstateDiagram-v2\n    [*] --> PROPOSED",
            *arrows,
            "    PARTIAL --> FILLED: nothing left",
            *ends,
            "```\n",
            "These change what is known about an order, and not its state:\n",
            "| state | command or report |",
            "| --- | --- |",
            *stays,
        ]
    )


def routes_list() -> str:
    """Return the list of routes that the gateway compares its own with before it starts."""
    return "\n".join(
        ["# Made by `make docs`: every route, and who may use it.", *route_lines(whole_app())]
    )


def api_page() -> str:
    """Return docs/api.md: what people wrote, and the table of routes below it."""
    written, mark, _ = (ROOT / "docs" / "api.md").read_text().partition(ROUTES)
    assert mark, "docs/api.md has a place for the routes"
    rows = []
    for path, methods in whole_app().openapi()["paths"].items():
        for method, said in methods.items():
            what = str(said.get("description") or said["summary"]).partition("\n")[0]
            rows.append(f"| `{method.upper()} {path}` | {said['x-access']} | {what} |")
    table = "\n".join(["| route | who may | what |", "| --- | --- | --- |", *sorted(rows)])
    return f"{written}{mark}\n\n{table}"


PAGES: Final[dict[str, Callable[[], str]]] = {
    "docs/api.md": api_page,
    "docs/commands.md": lambda: MADE + commands_page(),
    "docs/order-life.md": lambda: MADE + order_life_page(),
    "src/interlock/service/routes.txt": routes_list,
}


def main(arguments: list[str]) -> int:
    """Write every page, or with ``--check`` only compare; return the exit code."""
    stale = []
    for name, make in PAGES.items():
        page = ROOT / name
        text = make().rstrip() + "\n"
        if page.exists() and page.read_text() == text:
            continue
        if "--check" in arguments:
            stale.append(name)
        else:
            page.write_text(text)
            print(f"wrote {name}")
    if stale:
        print(f"out of date: {', '.join(stale)}. Next: make docs")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
