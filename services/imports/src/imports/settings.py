"""What imports can be told."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from slotstream_servicekit.settings import Port, ServiceSettings


class ImportsSettings(ServiceSettings):
    """Settings of imports; each is `IMPORTS_<NAME>` in the environment."""

    model_config = SettingsConfigDict(env_prefix="IMPORTS_", extra="ignore", frozen=True)

    http_port: Port = 8004
    public_url: str = "http://127.0.0.1:8004"

    max_body_bytes: int = Field(default=64 * 1024 * 1024, ge=1_024)
    """The largest upload."""
    max_rows: int = Field(default=100_000, ge=1)
    chunk_rows: int = Field(default=2_000, ge=1, le=10_000)
    """Rows read, and commands sent, in one transaction."""
    awaited_rows: int = Field(default=500, ge=50)
    """Rows of one import that are with booking at a time: who imports little waits for no more of who imports much."""
    relay_idle_seconds: float = Field(default=2.0, gt=0, le=5)
    """How often an idle relay looks for what other processes committed and the database has not told of."""
    work_every: timedelta = timedelta(seconds=5)
    """How often an idle worker looks for imports that are due by the clock; of all others the database tells it."""
    catalogue_wait: timedelta = timedelta(seconds=2)
    """How long an upload waits for a business that was created a moment ago to arrive over Kafka."""
    answer_timeout: timedelta = timedelta(minutes=15)
    """How long an import waits for booking's next answer before it is stalled."""
    keep_unconfirmed: timedelta = timedelta(days=14)
    """How long an import that nobody confirms keeps its file and its rows."""
    keep_settled: timedelta = timedelta(days=30)
    """How long a finished, undone or cancelled import keeps its file and what its rows say."""
    keep_imports: timedelta = timedelta(days=730)
    """How long after that it is known which rows were imported, and imports are listed."""
