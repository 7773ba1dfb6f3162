"""Give an account a role."""

import asyncio

from core.settings import Settings
from models.profiles import Role
from runtime.launch import CannotStart, backends, container_of, require_current


async def grant(settings: Settings, stop: asyncio.Event, login: str, role: Role) -> int:
    """Give a reader a role; sessions that are open have it within seconds."""
    async with backends(settings, stop) as found, container_of(settings, found) as container:
        await require_current(found.database_url)
        async with container.transaction() as services:
            user = await services.accounts.by_login(login)
            if user is None:
                raise CannotStart(f"There is no account named {login!r}.")
            before, user.role = user.role, role
    print(f"{user.username} was {before.value} and is now {role.value}.")
    return 0
