"""The pipeline: its DAG, its configuration, its runners and its command line."""
