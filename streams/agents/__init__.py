"""The agents: parse, call, route. No rule lives here."""
