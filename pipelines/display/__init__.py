"""What a person sees: progress, findings, and a table for each command."""
