"""Benches: what the stream carries and how fast a worker is back, measured on the product's own path."""
