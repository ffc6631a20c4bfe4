"""A service of its own process for the tests of the runtime: told by SMALL_PLAN what to do wrong."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from pydantic_settings import SettingsConfigDict

from slotstream_servicekit.health import CheckResult, Health
from slotstream_servicekit.http import Router, create_app
from slotstream_servicekit.runtime import Service, Worker, run
from slotstream_servicekit.settings import Port, ServiceSettings

PLAN = os.environ.get("SMALL_PLAN", "")


class SmallSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="SMALL_")

    http_port: Port = 0
    public_url: str = "http://service.test"


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def create_api(settings: SmallSettings) -> FastAPI:
    router = Router(prefix="/v1")

    @router.post("/work")
    async def do_work() -> str:
        say("work begun")
        await asyncio.sleep(0.5)
        return "done"

    @router.get("/modules")
    async def list_modules() -> list[str]:
        return sorted(sys.modules)

    @router.get("/berlin")
    async def tell_time_in_berlin() -> str:
        return datetime(2027, 1, 15, 12, tzinfo=ZoneInfo("Europe/Berlin")).isoformat()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if PLAN == "fail in start-up":
            raise RuntimeError("no luck")
        say("api opened")
        yield
        say("api closed")

    health = Health()
    return create_app(
        service="small",
        title="Small",
        routers=[router],
        settings=settings,
        authenticator=None,
        health=health,
        lifespan=lifespan,
    )


class Named:
    """A part of the worker that says when it stops."""

    def __init__(self, name: str, *, seconds: float = 0.0) -> None:
        self.name, self.seconds = name, seconds

    async def run(self, stop: asyncio.Event) -> None:
        await stop.wait()
        await asyncio.sleep(self.seconds)
        say(f"{self.name} stopped")


def create_worker(settings: SmallSettings) -> Worker:
    if PLAN == "take long to be made":
        say("being made")
        time.sleep(60)
    if PLAN == "fail to be made":
        raise ValueError("the postman anna@example.com rang")

    async def housekeeping(stop: asyncio.Event) -> None:
        if PLAN == "crash":
            await asyncio.sleep(0.3)
            raise RuntimeError("something broke")
        if PLAN == "end early":
            return
        if PLAN == "never stop":
            await asyncio.Event().wait()
        if PLAN == "block":
            await stop.wait()
            time.sleep(60)  # noqa: ASYNC251 - the fault that the test is about
        await stop.wait()
        say("housekeeping stopped")

    async def dispose() -> None:
        say("worker disposed")

    async def check() -> CheckResult:
        return CheckResult(ok=PLAN != "unready", detail="the worker's own")

    health = Health()
    health.register("worker", check)
    return Worker(
        health=health,
        consumers=Named("consumers", seconds=0.2),
        relay=Named("relay"),
        tasks=[housekeeping],
        dispose=dispose,
    )


service = Service(
    name="small",
    settings=SmallSettings,
    create_api=create_api,
    create_worker=create_worker,
    package_dir=Path(__file__).parent,
)

if __name__ == "__main__":
    run(service)
