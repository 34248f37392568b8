"""What ``txnats.blocking`` and ``txnats.aio`` share: one table of classes, and one layer that adapts values by kind."""
