"""What booking remembers: tables, and the statements that read and write them."""
