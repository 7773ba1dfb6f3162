"""What is done again and again, and how often; each turn is a job, planned once however many workers there are."""

from collections.abc import Mapping
from datetime import timedelta

HOUR = timedelta(hours=1)
SOON = timedelta(minutes=10)
OFTEN = timedelta(minutes=5)

RECURRING: Mapping[str, timedelta] = {
    "erase_deleted": HOUR,
    "purge_tombstones": HOUR,
    "forget_answers": HOUR,
    "purge_sessions": HOUR,
    "purge_audit": HOUR,
    "purge_jobs": HOUR,
    "purge_imports": HOUR,
    "purge_posts": HOUR,
    "sweep_uploads": HOUR,
    "sweep_files": SOON,
    "compute_post_trends": OFTEN,
    "reconcile_counts": HOUR,
}

KEEP_DONE = timedelta(days=7)
"""Done jobs stay for a look, and longer than any period above: the key of a turn keeps it from being planned twice."""
