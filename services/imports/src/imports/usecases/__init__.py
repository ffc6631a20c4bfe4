"""What imports can do."""
