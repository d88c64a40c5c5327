"""Parquet files: read in a process of their own, to records or to columns."""
