"""A stand-in for the system behind the HTTP contract: just enough of it to see what the actors do.

It opens a need for an item when it is told to, holds no rules, and remembers every call. Telemetry is refused with
503 as often as `away` says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import httpx

HALF_HOUR_MS = 1_800_000


class PretendSystem:
    def __init__(self, first_slot_ms: int) -> None:
        self.away = 0
        self.calls: list[tuple[str, str, str]] = []
        self.uploads: dict[tuple[str, str, int], bytes] = {}
        self.deliveries = 0
        self.people: dict[str, dict[str, Any]] = {}
        self.owner_of: dict[str, str] = {}
        self.history: dict[str, list[dict[str, Any]]] = {}
        self.needs: dict[str, list[dict[str, Any]]] = {}
        self.proposals: dict[str, dict[str, Any]] = {}
        self.completed: list[dict[str, Any]] = []
        self.dealers: list[str] = []
        self.ends_sessions = False
        self._first_slot_ms = first_slot_ms
        self._vehicles = 0

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._answer), base_url="http://pretend.example")

    def need(self, vehicle_id: str, item: str) -> dict[str, Any]:
        need = {"need_id": f"{vehicle_id}-{item}", "item": item, "state": "open", "snoozed_until_ms": None}
        self.needs.setdefault(vehicle_id, []).append(need)
        return need

    def states(self) -> list[str]:
        return [proposal["state"] for proposal in self.proposals.values()]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        path, method = request.url.path, request.method
        self.calls.append((method, path, bearer))
        if path == "/v1/telemetry" and self.away:
            self.away -= 1
            return httpx.Response(503, headers={"Retry-After": "2"}, json={"detail": "away"})
        if self.ends_sessions and bearer.startswith("session:"):
            self.ends_sessions = False
            return httpx.Response(401, json={"detail": "session over"})
        query = dict(request.url.params)
        body = json.loads(request.content) if request.content else {}
        for pattern, handle in _ROUTES:
            match = re.fullmatch(pattern, f"{method} {path}")
            if match:
                return handle(self, bearer, body, query, *match.groups())
        raise AssertionError(f"the contract knows no {method} {path}")

    def _enrol(self, bearer: str, body: Any, query: Any) -> httpx.Response:
        self._vehicles += 1
        return httpx.Response(201, json={"vehicle_id": f"v{self._vehicles}", "credential": f"car:v{self._vehicles}"})

    def _code(self, bearer: str, body: Any, query: Any) -> httpx.Response:
        return httpx.Response(201, json={"code": f"code:{bearer.removeprefix('car:')}", "expires_ms": 0})

    def _upload(self, bearer: str, body: Any, query: Any) -> httpx.Response:
        vehicle = bearer.removeprefix("car:")
        self.deliveries += 1
        self.uploads[(vehicle, body["boot_id"], body["seq"])] = json.dumps(body).encode()
        return httpx.Response(202, json={"accepted": True})

    def _register(self, bearer: str, body: Any, query: Any) -> httpx.Response:
        if body["email"] in self.people:
            return httpx.Response(409, json={"detail": "taken"})
        self.people[body["email"]] = body
        return httpx.Response(201, json={"customer_id": body["email"]})

    def _dealer(self, bearer: str, body: Any, query: Any) -> httpx.Response:
        if bearer != "operator":
            return httpx.Response(403, json={"detail": "operators only"})
        if body["name"] in self.dealers:
            return httpx.Response(409, json={"detail": "taken"})
        self.dealers.append(body["name"])
        self.people[body["advisor"]["email"]] = {**body["advisor"], "dealer": body["name"]}
        return httpx.Response(201, json={"dealer_id": body["name"]})

    def _session(self, bearer: str, body: Any, query: Any) -> httpx.Response:
        person = self.people.get(body["email"])
        if person is None or person["password"] != body["password"]:
            return httpx.Response(401, json={"detail": "wrong"})
        return httpx.Response(201, json={"token": f"session:{body['email']}", "role": "owner", "expires_ms": 0})

    def _claim(self, bearer: str, body: Any, query: Any) -> httpx.Response:
        vehicle = body["code"].removeprefix("code:")
        self.owner_of[vehicle] = bearer
        return httpx.Response(201, json={"vehicle_id": vehicle})

    def _past(self, bearer: str, body: Any, query: Any, vehicle: str) -> httpx.Response:
        assert self.owner_of[vehicle] == bearer
        self.history.setdefault(vehicle, []).extend(body["records"])
        return httpx.Response(201, json={"recorded": len(body["records"])})

    def _page(self, bearer: str, body: Any, query: Any, vehicle: str) -> httpx.Response:
        own = [p for p in self.proposals.values() if p["vehicle_id"] == vehicle]
        return httpx.Response(200, json={"needs": self.needs.get(vehicle, []), "proposals": own})

    def _me(self, bearer: str, body: Any, query: Any) -> httpx.Response:
        return httpx.Response(200, json={"dealer_id": self.people[bearer.removeprefix("session:")]["dealer"]})

    def _slots(self, bearer: str, body: Any, query: Any, dealer: str) -> httpx.Response:
        first = max(self._first_slot_ms, -(-int(query["from_ms"]) // HALF_HOUR_MS) * HALF_HOUR_MS)
        length = int(query["minutes"]) * 60_000
        starts = range(first, min(int(query["until_ms"]), first + 40 * HALF_HOUR_MS), HALF_HOUR_MS)
        return httpx.Response(200, json={"slots": [{"start_ms": s, "end_ms": s + length} for s in starts]})

    def _all_dealers(self, bearer: str, body: Any, query: Any) -> httpx.Response:
        return httpx.Response(200, json={"dealers": [{"dealer_id": name, "name": name} for name in self.dealers]})

    def _consent(self, bearer: str, body: Any, query: Any) -> httpx.Response:
        assert body["purpose"] == "booking"
        return httpx.Response(201, json={"grant_id": f"{body['vehicle_id']}/{body['dealer_id']}"})

    def _snooze(self, bearer: str, body: Any, query: Any, need_id: str) -> httpx.Response:
        need = next(n for needs in self.needs.values() for n in needs if n["need_id"] == need_id)
        need.update(state="snoozed", snoozed_until_ms=body["until_ms"])
        return httpx.Response(200, json=need)

    def _draft(self, bearer: str, body: Any, query: Any) -> httpx.Response:
        number = f"p{len(self.proposals)}"
        wanted = [n for n in self.needs[body["vehicle_id"]] if n["need_id"] in body["need_ids"]]
        self.proposals[number] = {
            "proposal_id": number,
            "state": "draft",
            "vehicle_id": body["vehicle_id"],
            "dealer_id": body["dealer_id"],
            "slot": {"start_ms": body["start_ms"], "end_ms": body["start_ms"] + 5_400_000},
            "offered": [],
            "expires_ms": body["start_ms"],
            "payload": {"vehicle": {"ref": body["vehicle_id"]}, "needs": [{"item": n["item"]} for n in wanted]},
        }
        return httpx.Response(201, json=self.proposals[number])

    def _owner_step(self, bearer: str, body: Any, query: Any, number: str, step: str) -> httpx.Response:
        proposal = self.proposals[number]
        if step == "send":
            proposal["state"] = "sent"
        else:
            proposal["slot"] = {"start_ms": body["start_ms"], "end_ms": body["start_ms"] + 5_400_000}
            proposal["state"] = "confirmed"
        return httpx.Response(200, json=proposal)

    def _queue(self, bearer: str, body: Any, query: Any) -> httpx.Response:
        dealer = self.people[bearer.removeprefix("session:")]["dealer"]
        wanted: Iterable[str] = query["state"].split(",")
        found = [p for p in self.proposals.values() if p["dealer_id"] == dealer and p["state"] in wanted]
        return httpx.Response(200, json={"proposals": found})

    def _dealer_step(self, bearer: str, body: Any, query: Any, number: str, step: str) -> httpx.Response:
        proposal = self.proposals[number]
        states = {"accept": "accepted", "counter": "countered", "check-in": "checked-in", "complete": "completed"}
        proposal["state"] = states[step]
        if step == "counter":
            proposal["offered"] = [{"start_ms": s, "end_ms": s + 5_400_000} for s in body["starts_ms"]]
        if step == "complete":
            self.completed.append({"vehicle_id": proposal["vehicle_id"], **body})
            done = {record["item"] for record in body["records"]}
            needs = self.needs[proposal["vehicle_id"]]
            self.needs[proposal["vehicle_id"]] = [n for n in needs if n["item"] not in done]
        return httpx.Response(200, json=proposal)

    def _enrolment_token(self, bearer: str, body: Any, query: Any) -> httpx.Response:
        return httpx.Response(201, json={"token": "enrolment"})


_P = PretendSystem
_ROUTES: tuple[tuple[str, Any], ...] = (
    (r"POST /v1/operator/enrolment-tokens", _P._enrolment_token),
    (r"POST /v1/operator/dealers", _P._dealer),
    (r"POST /v1/vehicles", _P._enrol),
    (r"POST /v1/vehicles/me/claim-code", _P._code),
    (r"POST /v1/telemetry", _P._upload),
    (r"POST /v1/customers", _P._register),
    (r"POST /v1/sessions", _P._session),
    (r"POST /v1/me/vehicles", _P._claim),
    (r"GET /v1/me", _P._me),
    (r"POST /v1/me/vehicles/([^/]+)/service-history", _P._past),
    (r"GET /v1/me/vehicles/([^/]+)", _P._page),
    (r"GET /v1/dealers", _P._all_dealers),
    (r"GET /v1/dealers/([^/]+)/slots", _P._slots),
    (r"POST /v1/me/consents", _P._consent),
    (r"POST /v1/me/needs/([^/]+)/snooze", _P._snooze),
    (r"POST /v1/me/proposals", _P._draft),
    (r"POST /v1/me/proposals/([^/]+)/(send|confirm)", _P._owner_step),
    (r"GET /v1/dealer/proposals", _P._queue),
    (r"POST /v1/dealer/proposals/([^/]+)/([a-z-]+)", _P._dealer_step),
)
