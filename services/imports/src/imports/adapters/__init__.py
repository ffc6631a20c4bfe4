"""What imports borrows: readers of table formats, and phones."""
