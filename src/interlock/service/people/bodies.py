"""What requests about people may say, and no more."""

from typing import Annotated

from pydantic import BaseModel, Field

from interlock.service.people.passwords import LENGTH_MAX
from interlock.service.reading import CLOSED

# Longer than any that may be used, so that one that is too long is told why.
Password = Annotated[str, Field(max_length=4 * LENGTH_MAX)]
Name = Annotated[str, Field(max_length=64)]
Typed = Annotated[str, Field(max_length=64)]
Reason = Annotated[str, Field(max_length=500)]


class LoginBody(BaseModel):
    """Of POST /api/session: a code of the authenticator, or a recovery code."""

    model_config = CLOSED

    name: Name
    password: Password
    code: Typed = ""
    recovery_code: Typed = ""


class CodeBody(BaseModel):
    """Of POST /api/step-up: a code of the authenticator, or a recovery code."""

    model_config = CLOSED

    code: Typed = ""
    recovery_code: Typed = ""


class SetupBody(BaseModel):
    """Of POST /api/setup: a code that somebody was given; a name only from the first person."""

    model_config = CLOSED

    code: Typed
    name: Name = ""
    password: Password


class ConfirmBody(BaseModel):
    """Of POST /api/setup/confirm: what setup answered, and what the authenticator shows."""

    model_config = CLOSED

    enrolment: Typed
    code: Typed


class PasswordBody(BaseModel):
    """Of POST /api/session/password."""

    model_config = CLOSED

    old: Password
    new: Password


class PersonBody(BaseModel):
    """Of POST /api/people."""

    model_config = CLOSED

    name: Name
    role: Name
    reason: Reason = ""


class RoleBody(BaseModel):
    """Of POST /api/people/{name}/role."""

    model_config = CLOSED

    role: Name
    reason: Reason = ""


class ReasonBody(BaseModel):
    """Of what is done to somebody."""

    model_config = CLOSED

    reason: Reason = ""


class TokenBody(BaseModel):
    """Of POST /api/tokens."""

    model_config = CLOSED

    name: Name
    permissions: Annotated[list[Name], Field(max_length=32)]
    days: int


class DecideBody(BaseModel):
    """Of POST /api/requests/{id}."""

    model_config = CLOSED

    approve: bool
