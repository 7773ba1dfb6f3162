"""The API over HTTP and WebSocket."""
