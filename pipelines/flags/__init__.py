"""Flags, declared and checked: one file a command. Imports nothing heavy: help answers at once."""
