"""What is true in booking: pure types and rules. No I/O, no clock."""
