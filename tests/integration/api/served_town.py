"""A town behind a real HTTP server on loopback, its people signed in; in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import uvicorn

from adapters.history.sqlite import SqliteHistory
from domain.machine_client import Scope
from domain.people import Role
from tests.support.http_town import Town, a_town, people_of
from tests.unit.api.test_booking import draft
from workflow.access import Caller
from workflow.machine_clients import issue_token, make_client

START_S = 60.0


@dataclass
class ServedTown:
    """Where it is, the document it gives, and a token for each way of calling it."""

    url: str = ""
    document: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    secret: tuple[str, str] = ("", "")


@contextmanager
def served_town(folder: Path, records_url: str | None = None) -> Iterator[ServedTown]:
    """Serve a town until the block ends."""
    served, ready, failed = ServedTown(), threading.Event(), list[BaseException]()
    server = uvicorn.Server(uvicorn.Config("none", log_config=None))

    def run() -> None:
        try:
            asyncio.run(_serve(folder, records_url, served, server, ready))
        except BaseException as error:  # told to the test, which waits
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="served-town")
    thread.start()
    try:
        assert ready.wait(START_S), "the town did not start"
        assert not failed, failed
        yield served
    finally:
        server.should_exit = True
        thread.join(START_S)
        assert not failed, failed


async def _serve(
    folder: Path, records_url: str | None, served: ServedTown, server: uvicorn.Server, ready: threading.Event
) -> None:
    async with a_town(folder, records_url=records_url) as town, people_of(town) as people:
        proposal = await draft(town, people)
        await people.owner.post(f"/v1/me/proposals/{proposal['proposal_id']}/send", json={})
        served.ids = {
            "vehicle_id": people.vehicle_id,
            "dealer_id": people.dealer_id,
            "proposal_id": str(proposal["proposal_id"]),
            "grant_id": str(proposal["grant_id"]),
            "need_id": str(proposal["need_ids"][0]),  # type: ignore[index]
            "signal": "Vehicle.Speed",
        }
        served.tokens = {
            name: client.headers["authorization"].removeprefix("Bearer ")
            for name, client in (
                ("owner", people.owner),
                ("dealer", people.dealer),
                ("operator", people.operator),
                ("car", people.car),
            )
        }
        served.tokens["enrolment"] = people.enrolment_token
        await _machine(town, served, people.dealer_id)
        served.document = town.app.openapi()
        history = SqliteHistory(folder / "history.sqlite", retention_days=400)
        town.app.state.reception = replace(town.app.state.reception, history=history)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            served.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            server.config = uvicorn.Config(town.app, log_config=None, lifespan="off")
            ready.set()
            await server.serve(sockets=[listener])
        await history.close()


async def _machine(town: Town, served: ServedTown, dealer_id: str) -> None:
    async with town.records.unit_of_work() as uow:
        account = await uow.people.account_by_email("operator@town.example")
    assert account is not None
    operator = Caller(account.account_id, Role.OPERATOR)
    made = await make_client(town.office, operator, dealer_id=dealer_id, name="workshop", scopes=list(Scope))
    issued = await issue_token(town.office, client_id=made.client.client_id, secret=made.secret)
    served.tokens["machine"] = issued.token
    served.ids["client_id"] = made.client.client_id
    served.secret = (made.client.client_id, made.secret)
