"""Who we are: each kind of credentials answers a server's nonce with the fields that CONNECT carries."""
