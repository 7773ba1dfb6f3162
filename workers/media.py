"""Jobs that look after uploaded files."""

from models import Job
from runtime.container import Services


async def sweep_uploads(services: Services, _: Job) -> bool:
    """Delete uploads that nothing came to use."""
    return await services.media.sweep_unused()


async def sweep_files(services: Services, _: Job) -> bool:
    """Delete files that are nobody's from the storage."""
    return await services.media.sweep_files()
