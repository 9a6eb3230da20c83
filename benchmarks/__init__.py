"""Benches that need more than the product: real servers, and peers to stand beside."""
