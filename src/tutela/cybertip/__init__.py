"""CyberTipline reporting, in both directions: documents, schema, client, and a server's rules.

The wire protocol ("ispws") is small: seven calls, XML, HTTP Basic. `documents` writes and reads what
travels, `schema` says whether it is right, `client` sends it without doubling or losing a report, and
`server` holds the rules of the receiving side without sockets, clock or database.

What this does NOT protect: transport security is TLS outside of this room, and who may call is decided
by the console's permissions before `server` is asked.
"""
