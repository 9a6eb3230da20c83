"""Passwords are kept as argon2id and never as themselves."""

from argon2 import PasswordHasher

from adapters.passwords import Argon2Passwords

CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


async def test_a_password_is_verified_and_another_is_not() -> None:
    passwords = Argon2Passwords(CHEAP)
    kept = await passwords.hash("correct horse")
    assert kept.startswith("$argon2id$")
    assert "horse" not in kept
    assert await passwords.verify(kept, "correct horse")
    assert not await passwords.verify(kept, "correct horsf")
    assert await passwords.hash("correct horse") != kept


async def test_a_hash_that_is_none_verifies_nothing() -> None:
    passwords = Argon2Passwords(CHEAP)
    for broken in ("", "plain", "$argon2id$v=19$m=64,t=1,p=1$xx"):
        assert not await passwords.verify(broken, "plain")


async def test_the_parameters_are_those_of_the_rfc() -> None:
    assert "m=65536,t=3,p=4" in await Argon2Passwords().hash("a")
