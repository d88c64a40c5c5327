"""Commands that read what runs have published."""
