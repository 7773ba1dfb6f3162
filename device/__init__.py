"""The reference offline device of Commonplace: a library for apps, and a command line. See README.md beside this file."""

from device.api import HttpTransport, Transport
from device.engine import Engine
from device.errors import DeviceError, RateLimited, Refused, SignedOut, Unknown, Unreachable
from device.live import Live
from device.requests import Position, PullRequest, PushRequest, Taken
from device.store import Store
from device.sync import Device

__all__ = [
    "Device",
    "DeviceError",
    "Engine",
    "HttpTransport",
    "Live",
    "Position",
    "PullRequest",
    "PushRequest",
    "RateLimited",
    "Refused",
    "SignedOut",
    "Store",
    "Taken",
    "Transport",
    "Unknown",
    "Unreachable",
]
