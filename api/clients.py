"""`/v1/dealers/{dealer_id}/clients`: machine clients of a dealer, kept by its people or by an operator."""

from __future__ import annotations

from fastapi import APIRouter

from api.answers import ClientAnswer, ClientsAnswer, NewClientAnswer
from api.authentication import SignedIn
from api.bodies import NewMachineClient, Nothing
from api.idempotency import IdempotentRoute, shown_once
from api.paging import Paging
from api.reception import Desk
from api.representations import client_json
from workflow.machine_clients import clients_of, make_client, revoke_client

router = APIRouter(prefix="/v1/dealers/{dealer_id}/clients", tags=["machine clients"], route_class=IdempotentRoute)


@router.post("", status_code=201, summary="Make a client for one of a dealer's systems")
@shown_once
async def new_client(dealer_id: str, body: NewMachineClient, desk: Desk, caller: SignedIn) -> NewClientAnswer:
    """Its secret is shown this once; `POST /v1/oauth/token` takes it for an access token."""
    made = await make_client(desk.office, caller, dealer_id=dealer_id, name=body.name, scopes=body.scopes)
    return {**client_json(made.client), "client_secret": made.secret}


@router.get("", summary="A dealer's clients")
async def clients(dealer_id: str, desk: Desk, caller: SignedIn, asked: Paging) -> ClientsAnswer:
    """Revoked ones too, the oldest first; never with a secret."""
    found = await clients_of(desk.office, caller, dealer_id=dealer_id)
    page = asked.page(found, lambda client: (client.created_ms, client.client_id))
    return {"clients": [client_json(client) for client in page.rows], "next": page.next}


@router.post("/{client_id}/revoke", summary="Revoke a client, at once")
async def revoke(
    dealer_id: str, client_id: str, desk: Desk, caller: SignedIn, body: Nothing | None = None
) -> ClientAnswer:
    """Its secret and every token it holds are refused from the next call on."""
    return client_json(await revoke_client(desk.office, caller, dealer_id=dealer_id, client_id=client_id))
