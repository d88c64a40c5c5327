"""All windows of an output folder as one long table, made of their published verdicts."""
