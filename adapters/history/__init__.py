"""The history of signals: in a SQLite file (embedded) or in InfluxDB 2 (cluster)."""

from adapters.history.opening import open_history

__all__ = ["open_history"]
