"""Alerts of what runs publish: incidents and runs that failed or are missing, sent to people and pagers."""
