"""Reporting to the moderators."""

import strawberry

from runtime.context import Info
from schema.errors import user_errors
from schema.posts_reports import Report, ReportContentInput, ReportContentPayload


@strawberry.type
class ReportMutation:
    """What readers report."""

    @strawberry.mutation
    async def report_content(self, info: Info, input: ReportContentInput) -> ReportContentPayload | None:
        """Tell the moderators of a reader, a post or a comment; nobody else learns of it. Again says something else about it."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                row = await services.reports.report(
                    info.context.viewer, str(input.target_id), input.reason, input.text, input.client_mutation_id
                )
            return ReportContentPayload(report=Report.from_model(row), user_errors=[])
        return ReportContentPayload(report=None, user_errors=failed.errors)
