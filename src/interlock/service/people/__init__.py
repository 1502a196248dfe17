"""Who may come in: people, their second factors, sessions, service tokens, and four eyes."""
