"""Lists come in pages that nothing moves; answers have tags; a change may say on what it was decided."""

from typing import Any

import pytest

from tests.support.http_town import People, Town
from tests.unit.api.test_booking import draft
from tests.unit.api.test_machine_clients import new_client


async def sent(town: Town, people: People) -> str:
    proposal = await draft(town, people)
    await people.owner.post(f"/v1/me/proposals/{proposal['proposal_id']}/send", json={})
    return str(proposal["proposal_id"])


async def pages(people: People, path: str, name: str, limit: int) -> list[list[Any]]:
    """All pages of a list, one after the other."""
    found: list[list[Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = (await people.dealer.get(path, params={"limit": limit, "cursor": cursor})).json()
        found.append(answer[name])
        cursor = answer["next"]
    return found


async def test_pages_hold_every_row_once(town: Town, people: People) -> None:
    path = f"/v1/dealers/{people.dealer_id}/clients"
    for n in range(7):
        town.wall.set(town.wall.now_ms() + n % 2)  # two may have been made in one millisecond
        await new_client(people.dealer, people.dealer_id, ["slots:read"])
    whole = (await people.dealer.get(path)).json()
    assert whole["next"] is None
    found = await pages(people, path, "clients", 3)
    assert [len(page) for page in found] == [3, 3, 1]
    assert [client for page in found for client in page] == whole["clients"]


async def test_rows_that_come_meanwhile_move_no_page(town: Town, people: People) -> None:
    path = f"/v1/dealers/{people.dealer_id}/clients"
    made = [(await new_client(people.dealer, people.dealer_id, ["slots:read"]))["client_id"] for _ in range(4)]
    first = (await people.dealer.get(path, params={"limit": 2})).json()
    for _ in range(9):  # of the same millisecond: by their random ids some sort before what was sent
        await new_client(people.dealer, people.dealer_id, ["slots:read"])
    town.wall.set(town.wall.now_ms() + 2000)
    last = (await new_client(people.dealer, people.dealer_id, ["slots:read"]))["client_id"]
    rest = (await people.dealer.get(path, params={"limit": 99, "cursor": first["next"]})).json()
    seen = [client["client_id"] for client in first["clients"] + rest["clients"]]
    assert len(seen) == len(set(seen))
    assert {*made, last} <= set(seen)
    assert seen[-1] == last


@pytest.mark.parametrize(
    "cursor", ["x", "AAAA", "W10", "Wzcs", "WyJjb25zZW50cy5jb25zZW50cyIsMSwiYSJd", "é", "W251bGxd"]
)
async def test_a_cursor_of_elsewhere_is_refused_by_name(people: People, cursor: str) -> None:
    answer = await people.dealer.get(f"/v1/dealers/{people.dealer_id}/clients", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "cursor")


async def test_a_cursor_with_places_of_another_kind_is_refused(town: Town, people: People) -> None:
    await new_client(people.dealer, people.dealer_id, ["slots:read"])
    cursor = "WyJjbGllbnRzLmNsaWVudHMiLCJhIiwiYiJd"  # ["clients.clients","a","b"]
    answer = await people.dealer.get(f"/v1/dealers/{people.dealer_id}/clients", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "cursor")


async def test_who_has_the_newest_gets_304(town: Town, people: People) -> None:
    path = f"/v1/dealer/proposals/{await sent(town, people)}"
    first = await people.dealer.get(path)
    again = await people.dealer.get(path, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    await people.dealer.post(f"{path}/accept", json={})
    changed = await people.dealer.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (changed.status_code, changed.json()["state"]) == (200, "accepted")


async def test_a_change_decided_on_an_older_version_is_refused_and_changes_nothing(town: Town, people: People) -> None:
    proposal_id = await sent(town, people)
    desk, mine = f"/v1/dealer/proposals/{proposal_id}", f"/v1/me/proposals/{proposal_id}"
    seen = (await people.dealer.get(desk)).headers["etag"]
    offers = [await people.slot(index=4)]
    offered = await people.dealer.post(f"{desk}/counter", json={"starts_ms": offers}, headers={"If-Match": seen})
    assert offered.status_code == 200
    late = await people.dealer.post(f"{desk}/decline", json={"reason": "full"}, headers={"If-Match": seen})
    assert (late.status_code, late.json()["type"].rsplit("/", 1)[1]) == (412, "changed-meanwhile")
    owner_saw = (await people.owner.get(mine)).headers["etag"]
    assert (await people.owner.get(mine)).json()["state"] == "countered"
    taken = await people.owner.post(f"{mine}/confirm", json={"start_ms": offers[0]}, headers={"If-Match": owner_saw})
    assert (taken.status_code, taken.json()["state"]) == (200, "confirmed")


@pytest.mark.parametrize("tag", ["nonsense", '""', 'W/"2.abc"', '"²"'])
async def test_a_tag_that_is_none_of_ours_is_refused(town: Town, people: People, tag: str) -> None:
    path = f"/v1/dealer/proposals/{await sent(town, people)}/accept"
    assert (await people.dealer.post(path, json={}, headers={"If-Match": tag.encode()})).status_code == 412  # type: ignore[dict-item]
    assert (await people.dealer.post(path, json={}, headers={"If-Match": "*"})).status_code == 200
