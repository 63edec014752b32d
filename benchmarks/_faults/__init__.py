"""The attacks of ``benchmarks/faults.py``: each returns how often the library did what."""
