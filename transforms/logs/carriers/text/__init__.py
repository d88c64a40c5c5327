"""What text files are before they are rows: their encoding, what separates values, and their first line."""
