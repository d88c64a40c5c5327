"""Compiled: mergeable summaries of lists of fixed length, position by position and in projections."""
