"""The contract kit: what `pitcall dealer check` tries at a dealer's own endpoint."""
