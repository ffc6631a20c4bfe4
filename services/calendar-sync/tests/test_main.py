import subprocess
import sys

import pytest
from calendar_tenant import Tenant

from calendar_sync.main import create_worker

CREATE_THE_API = """
import sys
from calendar_sync.main import create_api
from calendar_sync.settings import CalendarSyncSettings
create_api(CalendarSyncSettings(database_url="postgresql+asyncpg://nobody@localhost/nothing", http_port=0))
print(", ".join(sorted({"aiokafka", "faststream"} & sys.modules.keys())))
"""


def test_the_api_role_holds_no_kafka_client() -> None:
    created = subprocess.run([sys.executable, "-c", CREATE_THE_API], capture_output=True, text=True, check=False)

    assert (created.stdout.strip(), created.stderr) == ("", "")


@pytest.mark.service
async def test_the_worker_polls_reseals_sweeps_audits_and_consumes(tenant: Tenant) -> None:
    worker = create_worker(tenant.settings)
    try:
        assert len(worker.tasks) == 6
        assert worker.consumers is not None
        assert worker.relay is not None
    finally:
        await worker.dispose()
