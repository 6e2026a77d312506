"""What runs: the DAG, its configuration, its runners, its command line."""
