"""The history checker: random work under faults, every answer logged, then compared with what is stored.

In the manner of Jepsen: `workload` acts, `faults` breaks things meanwhile, `history` keeps every request
with its answer, `invariants` compares the history with databases, topics and ledgers afterwards.
"""
