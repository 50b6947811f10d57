"""Shipped fakes and drivers for tests and demonstrations."""
