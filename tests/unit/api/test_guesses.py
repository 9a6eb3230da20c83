"""Who guesses passwords is told to wait, by the API and on the page, and others are not."""

from tests.support.http_town import ADDRESS, PASSWORD, People, Town
from workflow.guesses import ON_ACCOUNT_FROM_ADDRESS


async def test_the_api_answers_too_many_guesses_with_429_and_for_how_long(town: Town, people: People) -> None:
    async with town.client() as client:

        async def sign_in(email: str, password: str) -> tuple[int, str | None, str]:
            answer = await client.post("/v1/sessions", json={"email": email, "password": password})
            return answer.status_code, answer.headers.get("Retry-After"), answer.json().get("type", "")

        for email in ("olla@owner.example", "nobody@owner.example"):
            for _ in range(ON_ACCOUNT_FROM_ADDRESS.free):
                assert (await sign_in(email, "not the password"))[0] == 401
            status, retry_after, kind = await sign_in(email, PASSWORD)
            assert (status, retry_after) == (429, "1")
            assert kind.endswith("too-many-requests")
        # Another account is not held up by it.
        assert (await sign_in("pit@dealer.example", PASSWORD))[0] == 201


async def test_the_page_says_so_and_keeps_the_address(town: Town, people: People) -> None:
    async with town.client() as client:
        form = {"email": "olla@owner.example", "password": "not the password"}
        for _ in range(ON_ACCOUNT_FROM_ADDRESS.free):
            assert (await client.post("/sign-in", data=form, headers={"Origin": ADDRESS})).status_code == 401
        page = await client.post("/sign-in", data=form | {"password": PASSWORD}, headers={"Origin": ADDRESS})
    assert (page.status_code, page.headers["Retry-After"]) == (429, "1")
    assert "too many tries" in page.text
    assert "olla@owner.example" in page.text
    assert "set-cookie" not in page.headers
