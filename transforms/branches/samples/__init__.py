"""Rows that are kept whatever a runner cuts: a sample of all, and one of requests."""
