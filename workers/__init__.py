"""JOBS: one step of each kind of job, its body one service call; the process that runs them.

May import schema and below.
"""
