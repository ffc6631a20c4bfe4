"""What imports borrows: reading files and phones."""
