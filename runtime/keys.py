"""What a request and its answer carry through the layers of the server."""

from aiohttp import web

from auth.viewer import Viewer
from runtime.context import Context
from runtime.sessions import OpenSocket

VIEWER = web.RequestKey("viewer", Viewer)
SOCKET = web.RequestKey("socket", OpenSocket)
CONTEXT = web.RequestKey("context", Context)
NAMED = web.RequestKey("named", bool)
REQUEST = web.ResponseKey("request", web.Request)
