"""Who may sign in and as what: pure rules, without a clock, a database or a framework."""
