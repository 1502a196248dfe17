"""What all tables of ``gateway.db`` share. Each owner declares its own in ``tables_<x>.py``.

Moments are ns since 1970 (``*_ns``), flags are 0 or 1, what is secret is a digest (``*_digest``).
"""

from typing import Final

from sqlalchemy import MetaData

# Constraints have names that do not depend on who makes them, so that a migration can name them.
metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
