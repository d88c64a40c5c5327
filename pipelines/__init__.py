"""The jobs of trueserve: their command line, their options and their wiring."""

__version__ = "0.1.0"
