"""``python -m txnats.demo``: requests shared out among processes that know each other by subject alone.

A server, four responders in a queue group, a subscriber and a requester, each a process of its own.
"""
