"""The commands, their arguments, and what is said of them."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from commands import (
    backup,
    epoch,
    export_schema,
    feeds,
    grant,
    jobs,
    line_values,
    migrate,
    persist,
    reconcile,
    run,
    seed,
    seed_large,
    serve,
    work,
)
from commands.serve import MakeApp
from commands.work import RunWorker
from core import clock
from core.settings import Settings
from models.profiles import Role

EPILOG = """\
Settings come from the environment and from a file .env; README.md lists them, and each has a default that works.
With no DATABASE_URL and no REDIS_URL, PostgreSQL and Valkey run embedded, with their data in DATA_DIR: the first command
there starts them, others join. Exit codes: 0 done; 1 it broke, and a new start may help; 2 a setting is wrong, or
another command has to be run first: the sentence on stderr says which.
"""


@dataclass(frozen=True)
class Programs:
    """What commands run and, for the order of layers, may not import."""

    make_app: MakeApp
    run_worker: RunWorker


Command = Callable[[Settings, argparse.Namespace, asyncio.Event], Awaitable[int]]


def make_parser(programs: Programs) -> argparse.ArgumentParser:
    """Describe all commands; the arguments carry the `command` to run, or what needs no settings as `offline`."""
    parser = argparse.ArgumentParser(
        prog="app.py",
        description="Commonplace, a self-hosted social reading server.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(offline=None, lasting=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_servers(commands, programs)
    _add_data(commands)
    _add_backups(commands)
    _add_jobs(commands)
    return parser


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, brief: str, more: str = ""
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=brief,
        description=f"{brief[0].upper()}{brief[1:]}.\n{more}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_servers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", programs: Programs) -> None:
    added = _add(
        commands,
        "run",
        "start everything: servers, tables, demo data, API and worker",
        "Migrates the database, loads demo data (not with PROFILE=production), starts the API and a worker as child\n"
        "processes that are started again when they die, and prints where to look. Ctrl-C stops all of it.",
    )
    added.set_defaults(command=lambda settings, _, stop: run.run(settings, stop), lasting=True)

    added = _add(
        commands,
        "serve",
        "serve the API: HTTP and WebSocket on HOST and PORT",
        "Refuses a database that is behind or ahead of this code; `migrate` brings it here.",
    )
    added.add_argument(
        "--workers", type=line_values.count, default=1, metavar="N", help="processes that share the port (default: 1)"
    )
    added.add_argument("--share-port", action="store_true", help=argparse.SUPPRESS)
    added.set_defaults(
        command=lambda settings, wanted, stop: serve.serve(
            settings, stop, programs.make_app, workers=wanted.workers, share_port=wanted.share_port
        ),
        lasting=True,
    )

    added = _add(
        commands,
        "worker",
        "run jobs: imports, clean-up, whatever must happen after a request",
        "Any number of workers may run beside each other, on one machine or on several.",
    )
    added.set_defaults(command=lambda settings, _, stop: work.work(settings, stop, programs.run_worker), lasting=True)


def _add_data(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    added = _add(
        commands,
        "migrate",
        "bring the tables to the state of this code, or to another",
        "Several at once migrate once. Going back to an older revision drops what that revision cannot hold.",
    )
    added.add_argument("revision", nargs="?", default="head", help="where to go, such as 0001 (default: the newest)")
    added.set_defaults(command=lambda settings, wanted, stop: migrate.migrate(settings, stop, wanted.revision))

    added = _add(
        commands,
        "seed",
        "load the demo data: readers, books, highlights",
        "What is there already stays as it is. Refuses PROFILE=production, because the accounts' password is known.",
    )
    added.set_defaults(command=lambda settings, _, stop: seed.seed(settings, stop))

    _add_seed_large(commands)

    added = _add(commands, "export-schema", "print the GraphQL schema", "Needs no server and no database.")
    added.add_argument("path", nargs="?", help="the file to write (default: standard output)")
    added.set_defaults(offline=lambda wanted: export_schema.export_schema(wanted.path))

    added = _add(
        commands,
        "persist",
        "register operations, so that clients name them by documentId",
        "Takes Apollo's manifest and Relay's map of ids to texts. With PERSISTED_ONLY=true nothing else is run.",
    )
    added.add_argument("manifest", type=Path, help="the JSON file that the client's build wrote")
    added.set_defaults(command=lambda settings, wanted, stop: persist.persist(settings, stop, wanted.manifest))

    added = _add(
        commands,
        "new-epoch",
        "make every device sync from the beginning",
        "For after a restore: devices offer again what they hold, so nothing that only they still have is lost.\n"
        "A restored backup is noticed by itself where PostgreSQL shows that it is one; this is for where it does not.",
    )
    added.set_defaults(command=lambda settings, _, stop: epoch.new_epoch(settings, stop))

    added = _add(
        commands,
        "reconcile",
        "recount followers, posts, likes, comments, reposts and replies",
        "Mends counts that are wrong, and logs each with its old and new value. A worker does the same every hour.",
    )
    added.set_defaults(command=lambda settings, _, stop: reconcile.reconcile(settings, stop))

    added = _add(commands, "grant", "give an account a role", "The account's next request has it; see README.md.")
    added.add_argument("user", help="a user name or an e-mail address")
    added.add_argument("role", type=lambda word: Role(word.upper()), metavar="ROLE", help="reader, moderator or admin")
    added.set_defaults(command=lambda settings, wanted, stop: grant.grant(settings, stop, wanted.user, wanted.role))


def _add_seed_large(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    added = _add(
        commands,
        "seed-large",
        "load 100,000 readers with a million follows, for measuring",
        "The same --seed, --scale and --until make the same rows. The ten best known readers have the password of the\n"
        "demo data, so it refuses PROFILE=production.",
    )
    added.add_argument("--seed", type=int, default=1, help="what everything is drawn from (default: 1)")
    added.add_argument(
        "--scale", type=line_values.share, default=1.0, help="1 is all of it, 0.01 a hundredth (default: 1)"
    )
    added.add_argument(
        "--until", type=line_values.moment, help="the latest time of a row, as 2026-11-21T12:00Z (default: now)"
    )
    added.add_argument("--beside", action="store_true", help="even though there are readers already, who stay")
    added.add_argument("--report", type=Path, metavar="FILE", help="also write the counts, as JSON")
    added.set_defaults(
        command=lambda settings, wanted, stop: seed_large.seed_large(
            settings,
            stop,
            seed_large.Wanted(
                seed=wanted.seed,
                until=wanted.until or clock.now().replace(microsecond=0),
                scale=wanted.scale,
                beside=wanted.beside,
                report=wanted.report,
            ),
        )
    )


def _add_backups(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    added = _add(
        commands,
        "backup",
        "write all that people made to one file",
        "While the server runs, as of one moment. docs/backup.md says what is in it, and how to practise a restore.",
    )
    added.add_argument("path", nargs="?", type=Path, help="a new file, or a folder (default: DATA_DIR/backups)")
    added.add_argument("--with-secret", action="store_true", help="also the secret that signs links")
    added.add_argument(
        "--keep", type=line_values.positive, metavar="N", help="of dated backups in that folder, keep the newest N"
    )
    added.set_defaults(
        command=lambda settings, wanted, stop: backup.backup(
            settings, stop, wanted.path, with_secret=wanted.with_secret, keep=wanted.keep
        )
    )

    added = _add(
        commands,
        "restore",
        "put a backup in place of what is here",
        "With the server stopped. Everything is checked first, and what is here stays until the backup is in place.\n"
        "Devices stay signed in, and offer what they hold and the backup lacks.",
    )
    added.add_argument("path", type=Path, help="what `backup` wrote")
    added.add_argument(
        "--replace", action="store_true", help="even though there is something here, which is kept first"
    )
    added.set_defaults(
        command=lambda settings, wanted, stop: backup.put_back(settings, stop, wanted.path, replace=wanted.replace)
    )


def _add_jobs(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    added = _add(
        commands,
        "jobs",
        "list jobs: what waits, what runs, what is dead and why",
        "A job is tried 5 times, with growing pauses, before it is dead. docs/operations.md says what to do about it.",
    )
    added.add_argument("--dead", action="store_true", help="only the dead ones")
    added.add_argument("--kind", help="only jobs of this kind")
    added.add_argument("--json", action="store_true", help="for programs")
    added.set_defaults(
        command=lambda settings, wanted, stop: jobs.show(
            settings, stop, kind=wanted.kind, dead=wanted.dead, as_json=wanted.json
        )
    )

    added = _add(
        commands,
        "rebuild-timelines",
        "make the timelines of active readers anew",
        "For after Valkey was found to hold something wrong. Safe beside running servers; nothing else in Valkey is touched.\n"
        "Readers who do not look need none: theirs is made when they come.",
    )
    added.add_argument("--user", metavar="NAME", help="only this reader's, whether there is one or not")
    added.set_defaults(command=lambda settings, wanted, stop: feeds.rebuild_timelines(settings, stop, wanted.user))

    added = _add(commands, "replay-dead", "try dead jobs again", "Each gets a fresh set of attempts.")
    which = added.add_mutually_exclusive_group()
    which.add_argument("id", nargs="?", type=jobs.job_id, help="one job, as `jobs` shows it (default: all)")
    which.add_argument("--kind", help="all of this kind")
    added.set_defaults(command=lambda settings, wanted, stop: jobs.replay(settings, stop, wanted.id, wanted.kind))
