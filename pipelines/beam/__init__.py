"""What is Beam's: its flags, the run of a job, and why a job failed."""
