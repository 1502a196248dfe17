"""The API is as it describes itself: whatever is sent, it answers as its description says.

Requests are made from the description, right ones and wrong ones, by chance that is the same each
time; sent to a whole running system by an administrator who has stepped up, and by nobody.
"""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from interlock.app.gateway_routes import whole_app
from tests.proof.test_front_door import HERE, Person
from tests.proof.webhook_run import WebhookRun, soon

EXAMPLES: Final = 12  # of each operation, of each kind, for each who asks
CHECKS: Final = [status_code_conformance, content_type_conformance, response_schema_conformance]
NEVER_ENDS: Final = {"GET /api/events"}
# What would end the administrator's own session is sent by nobody alone.
ENDS_IT: Final = {
    *("DELETE /api/session", "DELETE /api/sessions", "DELETE /api/sessions/{name}"),
    *("POST /api/step-up", "DELETE /api/people/{name}/sessions"),
}
SAYS_NOT_READY: Final = {"GET /readyz"}
PATIENCE_S: Final = 30.0


@dataclass(kw_only=True)
class Sent:
    """What came back so far.

    Attributes:
        base_url: Of the gateway.
        headers: Of whoever asks.
        session: Keeps a connection.
        statuses: How often each came.
        wrong: What should not have come.
    """

    base_url: str
    headers: dict[str, str]
    session: requests.Session = field(default_factory=requests.Session)
    statuses: dict[int, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def send(self, case: schemathesis.Case[Any]) -> None:
        """Send one request, and look at its answer."""
        answer = case.call(
            base_url=self.base_url,
            session=self.session,
            headers=self.headers,
            timeout=PATIENCE_S,
            allow_redirects=False,
        )
        status = answer.status_code
        self.statuses[status] = self.statuses.get(status, 0) + 1
        label = case.operation.label
        if status >= 500 and not (status == 503 and label in SAYS_NOT_READY):
            self.wrong.append(f"{label}: {status} {answer.text[:300]}")
        try:
            case.validate_response(answer, checks=CHECKS)
        except AssertionError as error:
            self.wrong.append(f"{label}: {status} {error}")
        except schemathesis.errors.FailureGroup as group:
            self.wrong += [
                f"{label}: {status} {one.title} {one.message}" for one in group.exceptions
            ]


def attack(operation: Any, mode: GenerationMode, sent: Sent) -> None:
    """Send some requests of one operation."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: schemathesis.Case[Any]) -> None:
        sent.send(case)

    try:
        send()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, operation.label  # nothing in it can be wrong


def described() -> dict[str, Any]:
    """Return the description, without how to sign in: else most requests sign in as somebody."""
    found: dict[str, Any] = whole_app().openapi()
    del found["components"]["securitySchemes"]
    for path in found["paths"].values():
        for operation in path.values():
            operation.pop("security", None)
    return found


@pytest.fixture(scope="module")
def run() -> Iterator[WebhookRun]:
    """Return a whole system."""
    folder = Path(tempfile.mkdtemp(prefix="interlock-"))  # short: sockets are in it
    found = WebhookRun(folder)
    try:
        soon(found.is_ready)
        yield found
    finally:
        found.end()
        shutil.rmtree(folder, ignore_errors=True)


def test_whatever_is_sent_is_answered_as_described(run: WebhookRun) -> None:
    schema = schemathesis.openapi.from_dict(described())
    operations = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    assert len(operations) > 60
    base_url = "http://{}:{}".format(*run.address)
    person = Person(run)
    assert person.ask("POST", "/api/step-up", {"code": person.fresh_code()})[0] == 200
    admin = Sent(base_url=base_url, headers={**HERE, "Cookie": person.cookie})
    nobody = Sent(base_url=base_url, headers=dict(HERE))
    for operation in operations:
        if operation.label in NEVER_ENDS:
            continue
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            attack(operation, mode, nobody)
            if operation.label not in ENDS_IT:
                attack(operation, mode, admin)

    assert not admin.wrong + nobody.wrong, "\n".join(dict.fromkeys(admin.wrong + nobody.wrong))
    assert person.get("/api/session")["stepped_up_until"]
    assert admin.statuses[200] > 100, admin.statuses
    assert nobody.statuses[401] > 100, nobody.statuses
    assert run.process.poll() is None
    assert run.status()["phase"]
