"""Alembic's migrations of the records database."""
