"""The moments tests speak of: one ordinary Monday morning, and spans counted from it."""

from datetime import UTC, datetime

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

NOW = int(datetime(2025, 10, 6, 8, tzinfo=UTC).timestamp() * 1000)  # a Monday, far from any change of clocks
