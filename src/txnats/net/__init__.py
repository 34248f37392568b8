"""Twisted: the only folder that touches transports, timers and endpoints."""
