"""The programs that are measured: one folder a client, one file a role."""
