"""Bytes to values and back: the NATS protocol's grammar, without a clock, a socket or Twisted."""
