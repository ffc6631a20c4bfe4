"""What is true of messages: who is told what and when, and when it is too late to tell."""
