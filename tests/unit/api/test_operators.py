"""What operators may do, and what their figures say."""

from tests.support.http_town import People


async def test_a_dealer_is_let_in_by_an_operator_only(people: People) -> None:
    body = {"name": "Self-made", "time_zone": "UTC", "opening": {}, "bays": 1}
    for other in (people.owner, people.dealer):
        answer = await other.post("/v1/operator/dealers", json=body)
        assert answer.status_code == 403
