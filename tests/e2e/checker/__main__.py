"""`python -m checker --minutes 60 --seed 7`: a run of any length on a platform of its own."""

import argparse
import asyncio
import logging
import sys
import tempfile
from pathlib import Path

from harness.mailbox import Mailbox
from harness.platform import Platform, a_platform

from checker.faults import faults_of
from checker.report import Report
from checker.run import any_seed, check
from checker.tenants import set_up_tenants
from slotstream_servicekit.infrastructure.processes import free_port


def main() -> None:
    """Prints what was done and found; the exit code is 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="checker", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=None, help="the same wishes and faults again")
    parser.add_argument("--desks", type=int, default=32, help="clients that work at the same time")
    parser.add_argument("--tenants", type=int, default=3)
    arguments = parser.parse_args()
    seed = any_seed() if arguments.seed is None else arguments.seed
    sys.stderr.write(f"seed {seed}: {arguments.minutes:g} minutes of work, once everything runs\n")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="slotstream-checker-"))
    with Mailbox(port=free_port()) as mailbox, a_platform(folder, smtp_port=mailbox.port) as platform:
        report = asyncio.run(_run(platform, mailbox, arguments, seed))
    sys.stdout.write(f"{report}\n")
    sys.exit(1 if report.broken else 0)


async def _run(platform: Platform, mailbox: Mailbox, arguments: argparse.Namespace, seed: int) -> Report:
    tenants = await set_up_tenants(platform, count=arguments.tenants, late=True)
    try:
        return await check(
            platform,
            mailbox,
            tenants,
            seed=seed,
            seconds=arguments.minutes * 60,
            desks=arguments.desks,
            faults=faults_of(platform),
        )
    finally:
        await platform.close_clients()


if __name__ == "__main__":
    main()
