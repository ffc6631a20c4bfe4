"""What calendar-sync can do."""
