"""The one shape of an error: what was wrong, where, what was expected, and an id."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, kw_only=True)
class Problem(Exception):  # noqa: N818 - an answer, not an accident
    """A request that cannot be done; it becomes the answer, with the request's id.

    The body is ``{"error": {"code", "message", "id", ...more}}``.

    Attributes:
        status: Of HTTP, 400 or above.
        code: A word for programs: UPPER_SNAKE; never reuse one.
        message: A sentence for people. It holds no secret and nothing of what was sent but a name.
        more: Further fields of the body.
        headers: Further headers.
    """

    status: int
    code: str
    message: str
    more: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Let it read well in a traceback."""
        assert 400 <= self.status <= 599  # noqa: PLR2004 - the errors of RFC 9110, section 15
        Exception.__init__(self, f"{self.status} {self.code}: {self.message}")
