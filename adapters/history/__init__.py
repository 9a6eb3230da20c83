"""The history of signals: in a SQLite file (embedded) or in InfluxDB 2 (cluster)."""

from adapters.history.opening import file_url, open_history

__all__ = ["file_url", "open_history"]
