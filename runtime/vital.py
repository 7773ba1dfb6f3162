"""The background tasks without which an API process would look alive and be deaf."""

import asyncio

from aiohttp import web

VITAL = web.AppKey("vital", list[asyncio.Task[None]])
"""Whoever runs the application ends the process when one of them ends: a dead one cannot be seen from outside."""
