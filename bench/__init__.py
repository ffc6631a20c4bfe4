"""The promises of speed, each as a ratio taken in one run. `make bench` prints the table and writes it down."""
