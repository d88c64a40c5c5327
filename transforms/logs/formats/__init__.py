"""The formats of request logs, one file each, and the registry of them."""
