"""What imports remembers."""
