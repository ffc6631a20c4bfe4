"""How the service is wired: what each role holds."""

import subprocess
import sys

CREATE_THE_API = """
import sys
from imports.main import create_api
from imports.settings import ImportsSettings
create_api(ImportsSettings(database_url="postgresql+asyncpg://nobody@localhost/nothing", http_port=0))
print(", ".join(sorted({"aiokafka", "faststream"} & sys.modules.keys())))
"""


def test_the_api_role_holds_no_kafka_client() -> None:
    created = subprocess.run([sys.executable, "-c", CREATE_THE_API], capture_output=True, text=True, check=False)

    assert (created.stdout.strip(), created.stderr) == ("", "")
