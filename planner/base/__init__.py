"""Errors, tasks and the log: what every room needs."""
