"""JetStream: streams that keep messages, consumers that hand them out, publishing that is acknowledged."""
