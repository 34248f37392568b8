"""Servers with a system account."""

from __future__ import annotations

import txnats

ACCOUNTS = """
accounts {
  SYS { users = [{user: sys, password: sys}] }
  APP { users = [{user: app, password: app}]%s }
}
system_account: SYS
no_auth_user: app
"""
SYSTEM = txnats.UserPassword("sys", "sys")


def accounts(*, jetstream: bool = False) -> str:
    """The configuration of a system account, and of one for everybody else."""
    return ACCOUNTS % (", jetstream: enabled" if jetstream else "")
