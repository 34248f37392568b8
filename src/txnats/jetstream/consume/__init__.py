"""What comes out: receiving messages.

``assets`` makes these for its consumers; each is cheap, holds nothing, and needs no closing::

    Pull(js, stream, consumer)               next, fetch, fetch_bytes, fetch_no_wait, messages, consume
    Push(js, stream, consumer, ...)          consume, messages, over the deliver subject
    Ordered(js, stream, config)              messages, consume, fetch, next, without acknowledgements

``stream`` and ``consumer`` are names. Imports go from ``assets`` to here, never back.
"""
