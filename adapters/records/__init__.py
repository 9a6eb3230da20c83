"""The records: repositories over SQLite (embedded) or PostgreSQL (cluster), one unit of work, one transaction."""

from adapters.records.records import Records, open_records

__all__ = ["Records", "open_records"]
