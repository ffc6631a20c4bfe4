"""What holds for every test of the workspace."""

from hypothesis import settings

# An example that takes long says how busy the machine is, not that the code is wrong.
settings.register_profile("patient", settings.default, deadline=None)
settings.load_profile("patient")
