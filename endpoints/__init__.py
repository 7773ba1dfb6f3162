"""HTTP that is not GraphQL: probes and metrics.

May import schema and below; not the resolvers, subscriptions, workers and commands.
"""
