"""What booking can do: one keyword-only function per verb. None of them commits."""
