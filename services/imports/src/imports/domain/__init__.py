"""What is true of imports: pure types, rules and errors."""
