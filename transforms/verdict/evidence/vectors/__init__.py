"""Lists of fixed length, compared position by position, and how their positions go together."""
