"""What is measured of txnats."""
