"""Flags of commands that read what runs have published."""
