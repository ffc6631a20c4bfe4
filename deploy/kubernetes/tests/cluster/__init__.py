"""What the tests on a real cluster share: looking at it from outside, and a load."""
