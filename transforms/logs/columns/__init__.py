"""Values as JSON and its like have them, to columns of the schema's types."""
