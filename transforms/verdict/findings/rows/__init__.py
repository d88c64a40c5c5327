"""Findings of how rows and features belong together."""
