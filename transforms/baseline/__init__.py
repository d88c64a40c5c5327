"""The baseline folder: its files, its contract, its probes. No Beam."""
