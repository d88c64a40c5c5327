"""What frames each page: its policy, style, script and controls."""
