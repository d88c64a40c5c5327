"""Findings of one cause as one incident: its title, its effect, and its state over the runs."""
