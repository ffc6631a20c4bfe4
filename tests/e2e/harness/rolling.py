"""Processes of one release replaced by those of another, as a rolling update does it: one after the other."""

import asyncio
from collections.abc import Sequence

from harness.patched import PatchedProcess
from harness.platform import Platform
from harness.world import until_true
from slotstream_servicekit.infrastructure.processes import free_port

BOTH_ANSWER = 5
"""So many requests go to the former copy, and as many to the new one, before the former one goes."""


async def replace(platform: Platform, name: str, *, code: str) -> None:
    """A new copy, in whose process `code` runs first, comes; both work for a while; the former one ends in good order."""
    former = platform.processes[name]
    port = free_port()
    new = PatchedProcess(
        service=former.service,
        role=former.role,
        port=port,
        environment={**former.environment, f"{former.service.upper()}_HTTP_PORT": str(port)},
        log=former.log,
        patch=code,
    )
    platform.processes[f"{name}, the new copy"] = new
    await asyncio.to_thread(new.start)
    await asyncio.to_thread(new.wait_ready, within=300)
    if former.role != "worker":
        address = platform.stack_settings.ports[former.service]
        platform.copies.behind[address] = [former.port, port]
        await _until_both_have_answered(platform, platform.copies.behind[address])
        platform.copies.behind[address] = [port]
    platform.processes[name] = platform.processes.pop(f"{name}, the new copy")
    exit_code = await asyncio.to_thread(former.stop, within=120)
    assert exit_code == 0, f"{name} ended with {exit_code}: {former.log}"


async def _until_both_have_answered(platform: Platform, ports: Sequence[int]) -> None:
    before = {port: platform.copies.answered[port] for port in ports}

    async def answered() -> bool:
        return all(platform.copies.answered[port] >= before[port] + BOTH_ANSWER for port in ports)

    await until_true(answered, within=300, what=f"copies at {ports} have both answered")
