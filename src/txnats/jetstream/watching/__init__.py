"""Watching the last message of subjects, and every further one: what buckets and object stores have in common."""
