"""What `pitcall evaluate` knows by name; apart, so that the command line needs no model to say it."""

EVALUATIONS = ("cmapss-fd001", "ai4i", "fleet", "attacks")
