from availability.storage import metadata
from slotstream_servicekit.migrations import run_env

run_env(metadata)
