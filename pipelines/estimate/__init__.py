"""What a job would take, estimated from the sizes of its input before it runs."""
