"""Judging: how predictions of a past came true. Arrays in, `domain.judgement` out; no I/O, no clock."""
