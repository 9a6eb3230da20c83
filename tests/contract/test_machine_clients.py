"""Machine clients and their tokens, on either database."""

from dataclasses import replace

import pytest

from adapters.records import Records
from domain.errors import Conflict
from domain.machine_client import AccessToken, MachineClient, Scope
from tests.contract.samples import ACCOUNT, DEALER, NOW, settle

CLIENT = MachineClient(
    "client-1",
    DEALER.dealer_id,
    "the dealer's workshop system",
    "hash-1",
    (Scope.PROPOSALS_READ, Scope.SLOTS_READ),
    NOW,
    ACCOUNT.account_id,
)
TOKEN = AccessToken("token-1", CLIENT.client_id, (Scope.PROPOSALS_READ,), NOW + 100)


async def test_a_client_is_kept_and_revoked(records: Records) -> None:
    await settle(records)
    later = replace(CLIENT, client_id="client-0", created_ms=NOW + 1)
    async with records.unit_of_work() as work:
        await work.machine_clients.add(later)
        await work.machine_clients.add(CLIENT)
        assert await work.machine_clients.get(CLIENT.client_id) == CLIENT
        assert await work.machine_clients.of_dealer(DEALER.dealer_id) == [CLIENT, later]
        assert await work.machine_clients.of_dealer("another") == []
        revoked = CLIENT.revoked(NOW + 5)
        await work.machine_clients.update(revoked)
        assert await work.machine_clients.get(CLIENT.client_id) == revoked == revoked.revoked(NOW + 9)
        with pytest.raises(Conflict):
            await work.machine_clients.add(CLIENT)


async def test_tokens_end_with_their_client_or_by_time(records: Records) -> None:
    await settle(records)
    async with records.unit_of_work() as work:
        await work.machine_clients.add(CLIENT)
        await work.machine_clients.add_token(TOKEN)
        await work.machine_clients.add_token(replace(TOKEN, token_hash="token-2", expires_ms=NOW + 200))
        assert await work.machine_clients.by_token("token-1") == (TOKEN, CLIENT)
        await work.machine_clients.forget_tokens_before(NOW + 100)
        assert await work.machine_clients.by_token("token-1") is None
        assert await work.machine_clients.by_token("token-2") is not None
        await work.machine_clients.end_tokens(CLIENT.client_id)
        assert await work.machine_clients.by_token("token-2") is None
