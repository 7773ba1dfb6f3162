"""The difference between a value that is absent and one that is null."""

from enum import Enum
from typing import Final, Literal


class Unset(Enum):
    """The type of UNSET."""

    UNSET = "\x00unset"  # hashed with the inputs it stands in, and so no text that an input can hold


UNSET: Final = Unset.UNSET
UnsetType = Literal[Unset.UNSET]
