"""Tests: they mirror the tree; graphql/ goes over HTTP and WebSocket, faults/ kills and stalls real processes."""
