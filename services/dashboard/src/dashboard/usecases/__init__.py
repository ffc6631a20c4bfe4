"""What the dashboard does, one function per verb; none of them commits."""
