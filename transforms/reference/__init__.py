"""What serving is compared with, loaded where it is needed: at launch and on workers."""
