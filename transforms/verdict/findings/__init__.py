"""The findings, one family a file."""
