"""Operations that clients registered, to name them instead of sending them."""

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from models.columns import Moment, stamped


class PersistedDocument(Base):
    """An operation by its name; what is registered never changes."""

    __tablename__ = "persisted_documents"

    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Moment] = stamped()
