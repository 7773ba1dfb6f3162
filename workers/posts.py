"""Jobs that look after posts."""

from models import Job
from runtime.container import Services


async def purge_posts(services: Services, _: Job) -> bool:
    """Erase posts whose time to undo is over."""
    return await services.post_purge.purge()
