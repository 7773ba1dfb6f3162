"""HOW IT IS PUT TOGETHER: container, request context, middleware, embedded servers.

May import loaders, services, clients, repositories, auth, models, core.
"""
