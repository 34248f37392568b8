"""What stands on the servers: streams and consumers."""
