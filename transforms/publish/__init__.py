"""All that a run found, made into a verdict, files and a page."""
