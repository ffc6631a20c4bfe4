import subprocess
import sys

CREATE_THE_API = """
import sys
from availability.main import create_api
from availability.settings import AvailabilitySettings
create_api(AvailabilitySettings(database_url="postgresql+asyncpg://nobody@localhost/nothing", http_port=0))
print(", ".join(sorted({"aiokafka", "faststream"} & sys.modules.keys())))
"""


def test_the_api_role_holds_no_kafka_client() -> None:
    created = subprocess.run([sys.executable, "-c", CREATE_THE_API], capture_output=True, text=True, check=False)

    assert (created.stdout.strip(), created.stderr) == ("", "")
