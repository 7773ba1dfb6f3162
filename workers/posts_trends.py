"""The job that computes trending posts."""

from models import Job
from runtime.container import Services


async def compute_post_trends(services: Services, _: Job) -> bool:
    """Compute what trends, from what readers did."""
    await services.post_trends.compute()
    return True
