"""Start everything: servers, tables, demo data, API and worker; and say where to look."""

import asyncio

import aiohttp

from commands import seed
from commands.demo_data import DEMO_READER, PASSWORD
from commands.serve import supervise
from core.settings import Profile, Settings
from runtime.launch import (
    Backends,
    backends,
    child_argv,
    child_environment,
    die_with_make,
    require_free_port,
    unless,
)
from runtime.migrations import move
from runtime.supervisor import ChildSpec

ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not listened on
PASTE = """\
{ viewer { user { displayName followerCount }
    highlights(first: 3) { nodes { text note color book { title authors } } } } }"""


async def run(settings: Settings, stop: asyncio.Event) -> int:
    """Run everything until told to stop."""
    die_with_make()
    require_free_port(settings)
    async with backends(settings, stop) as found:
        await unless(stop, _prepare(settings, found))
        specs = [ChildSpec(name, child_argv(name), child_environment()) for name in ("serve", "worker")]
        announcing = asyncio.create_task(_announce(settings))
        try:
            return await supervise(specs, found.embedded, stop)
        finally:
            announcing.cancel()
            await asyncio.gather(announcing, return_exceptions=True)


async def _prepare(settings: Settings, found: Backends) -> None:
    await move(found.database_url)
    if settings.profile is Profile.DEVELOPMENT:
        await seed.load(settings, found)


async def _announce(settings: Settings) -> None:
    url = f"{address(settings)}/ready"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
        while True:
            if await _answers(session, url):
                break
            await asyncio.sleep(0.1)
    print(announcement(settings), flush=True)


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.ok
    except (aiohttp.ClientError, TimeoutError):
        return False


def address(settings: Settings) -> str:
    """Spell where this machine reaches the API."""
    host = ANY_ADDRESS.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def announcement(settings: Settings) -> str:
    """Say where to look, as whom, and what to ask."""
    base = address(settings)
    lines = [
        "",
        "Commonplace is ready. Ctrl-C stops it.",
        "",
        f"  GraphQL   {base}/graphql",
        f"  Health    {base}/health",
        f"  Metrics   {base}/metrics",
    ]
    if settings.profile is Profile.DEVELOPMENT:
        lines[3] += "   (open it in a browser)"
        lines += ["", f"  Demo account   {DEMO_READER} / {PASSWORD}", "", *_sign_in(base), "", *_ask(base)]
    return "\n".join([*lines, ""])


def _sign_in(base: str) -> list[str]:
    return [
        "Sign in from a shell:",
        "",
        f"  TOKEN=$(curl -s {base}/graphql -H 'Content-Type: application/json' -d '{sign_in_body()}' \\",
        """    | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')""",
    ]


def sign_in_body() -> str:
    """Spell the body of a request that signs the demo account in."""
    mutation = f'mutation {{ signIn(input: {{login: \\"{DEMO_READER}\\", password: \\"{PASSWORD}\\"}}) {{ token }} }}'
    return f'{{"query": "{mutation}"}}'


def _ask(base: str) -> list[str]:
    query = " ".join(PASTE.split())
    return [
        "and ask what it has marked (in GraphiQL: paste the query, with the header Authorization):",
        "",
        *(f"  {line}" for line in PASTE.splitlines()),
        "",
        f"  curl -s {base}/graphql -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\",
        f'    -d \'{{"query": "{query}"}}\'',
    ]
