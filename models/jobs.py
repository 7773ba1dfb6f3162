"""The ledger of work to be done, and the memory of work done once."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, LargeBinary, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from models.columns import Key, Moment, member, moment, stamped, word


class JobState(StrEnum):
    """Where a job stands."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    DEAD = "DEAD"


class Job(Base):
    """One piece of work, written in the transaction that wants it. It carries ids and reads again, so that it may run twice."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_due", "run_at", postgresql_where=text("state = 'WAITING'")),
        Index("ix_jobs_lease", "lease_until", postgresql_where=text("state = 'RUNNING'")),
        Index("ix_jobs_dead", "id", postgresql_where=text("state = 'DEAD'")),
        Index("ix_jobs_finished_at", "finished_at", postgresql_where=text("state = 'DONE'")),
        Index("uq_jobs_key", "key", unique=True),
    )

    id: Mapped[Key]
    kind: Mapped[str] = mapped_column(String(60))
    key: Mapped[str | None] = mapped_column(String(200))
    """At most one job bears a key: how recurring work is planned once."""
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    state: Mapped[JobState] = word(JobState, JobState.WAITING)
    run_at: Mapped[Moment] = stamped()
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    """Failures of the present step, the running attempt included."""
    interruptions: Mapped[int] = mapped_column(server_default=text("0"))
    """How often the present step lost its worker or the database."""
    lease_token: Mapped[UUID | None]
    """Who holds the job now; every transaction of a run checks it, so that a stalled worker cannot write late."""
    lease_until: Mapped[datetime | None] = moment()
    reason: Mapped[str | None] = mapped_column(Text)
    """Why the last attempt failed."""
    created_at: Mapped[Moment] = stamped()
    finished_at: Mapped[datetime | None] = moment()


class IdempotencyKey(Base):
    """A success that will be answered again: same reader, operation and key."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_created_at", "created_at"),)

    user_id: Mapped[UUID] = member()
    operation: Mapped[str] = mapped_column(String(60), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    result_id: Mapped[UUID]
    fork_id: Mapped[UUID | None]
    created_at: Mapped[Moment] = stamped()
