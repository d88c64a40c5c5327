"""What is found out about the rows of a range of the input, one file a branch; the results merge."""
