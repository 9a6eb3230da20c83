"""`pitcall simulate dealer --webhook`: a dealer's system on loopback that a running Pitcall sends its proposals to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.part import PATIENCE_S, Part, Person, api_part, refusal, run, url_of
from tests.servers.process import free_port

OPERATOR, ADVISOR, OWNER = "ops@pitcall.example", "advisor@dealer.example", "owner@pitcall.example"
PASSWORD = "a-long-password-of-this-test"
DAY_MS = 86_400_000
OPENING = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), ("07:00", "19:00"))
SITE = {"time_zone": "UTC", "opening": OPENING, "bays": 2}


@dataclass(frozen=True)
class Garage:
    """A dealer of a running system, and all that its own system needs to know."""

    url: str
    dealer_id: str
    port: int
    secret: str
    client: tuple[str, str]

    def options(self, *others: str) -> tuple[str, ...]:
        """What `pitcall simulate dealer` is told."""
        client_id, client_secret = self.client
        signs_in = ("--client-id", client_id, "--client-secret", client_secret)
        return ("--url", self.url, "--webhook", str(self.port), "--secret", self.secret, *signs_in, *others)


@pytest.fixture(scope="module")
def garage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Garage]:
    """A system that sends to inside addresses, with a dealer whose webhook is on loopback."""
    folder = tmp_path_factory.mktemp("garage")
    here = {"PITCALL_DATA_DIR": str(folder / "data"), "PITCALL_WEBHOOKS_INSIDE": "yes"}
    with api_part(folder / "api.log", **here) as api:
        url, port = url_of(api), free_port()
        run("operator", "add", "--email", OPERATOR, "--name", "Opera Tor", given=PASSWORD + "\n", **here)
        with Person(url, OPERATOR, PASSWORD) as operator:
            advisor = {"name": "Ad Visor", "email": ADVISOR, "password": PASSWORD}
            wanted = {"name": "Pit Lane Garage", "webhook_url": f"http://127.0.0.1:{port}/", "advisor": advisor}
            dealer = operator.post("/v1/operator/dealers", {**SITE, **wanted})
            scopes = ["proposals:read", "proposals:write", "slots:read"]
            about = {"name": "Sandbox", "scopes": scopes}
            client = operator.post(f"/v1/dealers/{dealer['dealer_id']}/clients", about)
        signs_in = (client["client_id"], client["client_secret"])
        yield Garage(url, dealer["dealer_id"], port, dealer["webhook_secret"], signs_in)
        assert api.end() == 0


@pytest.fixture(scope="module")
def owner(garage: Garage) -> Iterator[Person]:
    """The owner of a car whose brake fluid is three years old."""
    with Person(garage.url, OPERATOR, PASSWORD) as operator:
        token = operator.post("/v1/operator/enrolment-tokens")["token"]
    car = {"make": "Testmobil", "model": "Eins", "model_year": 2021, "powertrain": "petrol", "mass_kg": 1400}
    now = int(time.time() * 1000)
    with httpx.Client(base_url=garage.url) as outside:
        enrolled = posted(outside, "/v1/vehicles", {**car, "built_ms": now - 2000 * DAY_MS}, token)
        code = posted(outside, "/v1/vehicles/me/claim-code", {}, enrolled["credential"])["code"]
        posted(outside, "/v1/customers", {"name": "O. Wner", "email": OWNER, "password": PASSWORD}, "")
        upload = {"schema": 1, "boot_id": "b", "seq": 0, "start_ms": now, "offsets_ms": [0]}
        signals = {"Vehicle.TraveledDistance": [61_000_000], "Vehicle.Speed": [0]}
        with Person(garage.url, OWNER, PASSWORD) as person:
            person.post("/v1/me/vehicles", {"code": code, "label": "Mine", "consents": ["prediction"]})
            fluid = {"item": "brake_fluid", "outcome": "replaced", "performed_ms": now - 1100 * DAY_MS}
            history = f"/v1/me/vehicles/{enrolled['vehicle_id']}/service-history"
            person.post(history, {"records": [{**fluid, "odometer_m": 9_000_000}]})
            posted(outside, "/v1/telemetry", {**upload, "signals": signals}, enrolled["credential"])
            yield person


def posted(client: httpx.Client, path: str, body: Any, token: str) -> Any:
    """The answer, which must be a good one."""
    answer = client.post(path, json=body, headers={"Authorization": f"Bearer {token}"} if token else {})
    assert answer.is_success, answer.text
    return answer.json()


def eventually(ask: Callable[[], Any]) -> Any:
    """The first answer that is not empty."""
    ends = time.monotonic() + PATIENCE_S
    while not (answer := ask()):
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.1)
    return answer


def proposed(owner: Person, dealer_id: str) -> str:
    """A proposal for what the owner's car needs, sent; its id."""
    (car,) = owner.get("/v1/me/vehicles")["vehicles"]
    vehicle_id = car["vehicle_id"]
    need = eventually(lambda: owner.get(f"/v1/me/vehicles/{vehicle_id}")["needs"])[0]
    about = {"vehicle_id": vehicle_id, "dealer_id": dealer_id}
    grant = owner.post("/v1/me/consents", {**about, "purpose": "booking", "data_items": ["vehicle"]})
    slot = owner.get(f"/v1/dealers/{dealer_id}/slots", need_ids=need["need_id"])["slots"][0]
    wanted = {"need_ids": [need["need_id"]], "start_ms": slot["start_ms"], "grant_id": grant["grant_id"]}
    proposal_id = str(owner.post("/v1/me/proposals", {**about, **wanted})["proposal_id"])
    owner.post(f"/v1/me/proposals/{proposal_id}/send")
    return proposal_id


def test_the_script_answers_webhooks_by_turns_and_the_kit_passes_it(
    garage: Garage, owner: Person, tmp_path: Path
) -> None:
    with Part(tmp_path / "dealer.log", "simulate", "dealer", *garage.options("--json")) as dealer:
        address = dealer.wait_for(r"listens on (http://\S+)$")[1]
        for expected in ("accepted", "countered", "declined"):
            path = f"/v1/me/proposals/{proposed(owner, garage.dealer_id)}"
            assert eventually(lambda path=path: answered(owner, path)) == expected
            if expected != "declined":
                owner.post(f"{path}/withdraw")
        checked = run("dealer", "check", address, "--secret", garage.secret, "--json")
        assert checked.returncode == 0, checked.stdout
        assert json.loads(checked.stdout)["counts"]["failed"] == 0
        assert dealer.end() == 0
        figures = json.loads(dealer.said().strip().splitlines()[-1])
    assert figures["dealer_replies"] == 3
    assert figures["counter_offers"] == 1


def answered(owner: Person, path: str) -> str:
    """The state once the dealer has answered."""
    state = str(owner.get(path)["state"])
    return "" if state == "sent" else state


def test_what_came_while_it_was_away_is_answered_once_it_is_back(garage: Garage, owner: Person, tmp_path: Path) -> None:
    path = f"/v1/me/proposals/{proposed(owner, garage.dealer_id)}"
    options = garage.options("--script", "accept")
    with Part(tmp_path / "dealer.log", "simulate", "dealer", *options) as dealer:
        assert eventually(lambda: answered(owner, path)) == "accepted"
        owner.post(f"{path}/confirm")
        assert dealer.end() == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--webhook", "0"), "sign in by --email and --password, or by --client-id"),
        (("--webhook", "0", "--client-id", "x", "--client-secret", "y"), "--webhook needs the --secret"),
        (("--webhook", "0", "--client-id", "x", "--client-secret", "y", "--secret", "whsec_!"), "whsec_ and base64"),
    ],
)
def test_options_that_do_not_go_together_are_named(garage: Garage, options: tuple[str, ...], said: str) -> None:
    assert said in refusal("simulate", "dealer", "--url", garage.url, *options)


def test_a_client_that_is_none_is_refused_in_one_sentence(garage: Garage) -> None:
    signs_in = ("--client-id", "nobody", "--client-secret", "a-wrong-secret")
    options = ("--webhook", "0", "--secret", garage.secret, *signs_in)
    done = run("simulate", "dealer", "--url", garage.url, *options)
    assert done.returncode == 1
    assert "refused" in done.stderr.splitlines()[-1]
    assert "a-wrong-secret" not in done.stderr
