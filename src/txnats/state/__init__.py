"""What one client remembers and the rules about it: no clock, no reactor, no transport."""
