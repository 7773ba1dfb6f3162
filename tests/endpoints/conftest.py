"""A device that syncs as KOReader does; of each subject the checks of its conformance verifier come first, in their order."""

import pytest

from tests.endpoints.koreader_device import Device
from tests.support.api import Reader


@pytest.fixture
def device(ada: Reader) -> Device:
    """Ada's device."""
    return Device(ada.http, "ada")
