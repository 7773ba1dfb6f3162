"""How the server is put together: container, request context, middleware, embedded servers, child processes.

May import loaders, services, repositories, clients, auth, models and core.
"""
