"""Jobs that let files in."""

from uuid import UUID

from models import Job
from runtime.container import Services


async def run_import(services: Services, job: Job) -> bool:
    """Let the next slice of a file in."""
    return await services.imports.step(UUID(job.payload["import_id"]))


async def give_up_import(services: Services, job: Job) -> None:
    """Tell the reader that their import has failed for good."""
    await services.imports.give_up(UUID(job.payload["import_id"]))


async def purge_imports(services: Services, _: Job) -> bool:
    """Forget the reports of imports that ended long ago."""
    return await services.imports.purge()
