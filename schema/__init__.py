"""WHAT CLIENTS SEE: Strawberry types, inputs, payloads, enums; nested fields are methods here, one await on a loader.

May import runtime and below; only schema/root.py looks up, to the resolvers and subscriptions that it sums.
"""
