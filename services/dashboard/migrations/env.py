from dashboard.storage.tables import metadata
from slotstream_servicekit.migrations import run_env

run_env(metadata)
