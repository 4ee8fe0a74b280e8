"""Benchmarks: reproducible figures on ordinary photographs that installed packages ship."""
