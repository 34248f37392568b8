"""The clients on asyncio: their roles are the same, so each client says only how it connects and subscribes."""
