"""Which collaborators each service of a session gets, by area."""
