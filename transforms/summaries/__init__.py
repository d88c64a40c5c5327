"""Mergeable summaries of Arrow columns in compiled code, and TFDV's statistics made of them."""
