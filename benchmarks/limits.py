"""What the limits cost: requests a second of a trivial query, with all limits and without any."""

import argparse
import asyncio
import sys
import time
from contextlib import ExitStack

from benchmarks import client, report
from benchmarks.client import Client
from benchmarks.server import ROOMY, App, running
from runtime.launch import child_argv

QUERY = "{ viewer { email } }"
CLIENTS, ROUNDS = 8, 5
UNLIMITED = [sys.executable, "-m", "benchmarks.unlimited"]


async def load(app: App, reader: Client, seconds: float) -> tuple[float, float]:
    """Ask from several clients at once; requests a second, and milliseconds of the API's computing a request."""
    count = 0
    began, computed = time.monotonic(), app.cpu_of_owner()

    async def one() -> None:
        nonlocal count
        while time.monotonic() - began < seconds:
            await reader.ask(QUERY)
            count += 1

    await asyncio.gather(*(one() for _ in range(CLIENTS)))
    return count / (time.monotonic() - began), (app.cpu_of_owner() - computed) / count * 1_000


async def measure(apps: dict[str, App], seconds: float) -> dict[str, list[tuple[float, float]]]:
    """Measure all by turns, so that what else the machine does meets all alike."""
    found: dict[str, list[tuple[float, float]]] = {}
    async with client.session(30) as http:
        readers = {}
        for name, app in apps.items():
            readers[f"limits {name}, signed out"] = app, Client(http, app.url)
            readers[f"limits {name}, signed in"] = app, (await client.sign_up(http, app.url))[1]
        for app, reader in readers.values():
            await load(app, reader, 0.5)
        for number in range(ROUNDS):
            for what, (app, reader) in readers.items():
                found.setdefault(what, []).append(await load(app, reader, seconds))
            report.progress(f"round {number + 1}: " + ", ".join(f"{w} {f[-1][0]:.0f}/s" for w, f in found.items()))
    return found


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each round")
    seconds = parser.parse_args().seconds
    began = time.monotonic()
    with ExitStack() as stack:
        apps = {
            "on": stack.enter_context(running(child_argv("serve"), first=child_argv("migrate"), **ROOMY)),
            "off": stack.enter_context(running([*UNLIMITED, "serve"], first=child_argv("migrate"), **ROOMY)),
        }
        found = asyncio.run(measure(apps, seconds))
    told = [
        *report.header(),
        f"counts    {QUERY} from {CLIENTS} clients at once over kept-alive connections to one API process;",
        f"          {ROUNDS} rounds of {seconds:g} s each, by turns; medians",
        "limits    on: tokens, depth, aliases, directives, work, cost, buckets in Valkey; off: none of them, nothing charged",
        f"duration  {time.monotonic() - began:.0f} s",
        "",
    ]
    for what, figures in found.items():
        rate, computed = (report.median([figure[part] for figure in figures]) for part in (0, 1))
        told.append(f"{what:<22} {rate:7.0f} requests/s   {computed:.2f} ms of computing a request")
    report.write("limits", told)


if __name__ == "__main__":
    main()
