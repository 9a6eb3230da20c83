"""Actors: cars, owners and dealers that know the system only by its HTTP interface, as real ones would."""
