"""What tests share: servers, an API to talk to, counters of statements."""
