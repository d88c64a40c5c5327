"""Logged answers held against those of a reference model; no Beam."""
