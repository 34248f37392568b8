"""What goes into streams: publishes and their fates, windows, batches, counters and schedules."""
