"""Letter: what a person gets of one or several reminders, in their language, with why, and how to stop it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.language import language_of
from domain.people import Customer
from workflow.outbox_rows import BegunLetter, Reminder

# Around what reminders say, by language.
WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "hello": "Hello {name},",
        "see": "See what it rests on, and book a visit:",
        "why": "You get this because you consented to reminders for this car. To get no more, withdraw that here:",
        "why_driver": "You get this because you drive this car and asked for reminders. To get no more, say so here:",
        "look": "Look at it, and answer:",
        "not_you": "If that was not you, sign in and change your password, or ask us for help:",
    },
    "de": {
        "hello": "Guten Tag {name},",
        "see": "Worauf das beruht, und einen Termin anfragen:",
        "why": "Sie bekommen dies, weil Sie Erinnerungen für dieses Auto zugestimmt haben. Hier widerrufen Sie das:",
        "why_driver": "Sie bekommen dies, weil Sie dieses Auto fahren und erinnert werden wollen. Abstellen:",
        "look": "Ansehen und antworten:",
        "not_you": "Waren Sie das nicht, melden Sie sich an und ändern Sie Ihr Passwort, oder fragen Sie uns um Hilfe:",
    },
    "fr": {
        "hello": "Bonjour {name},",
        "see": "Voir sur quoi cela repose et demander un rendez-vous :",
        "why": "Vous recevez ce message parce que vous avez accepté des rappels pour cette voiture. Pour les arrêter :",
        "why_driver": "Vous recevez ce message car vous conduisez cette voiture et l’avez demandé. Pour l’arrêter :",
        "look": "Voir et répondre :",
        "not_you": "Si ce n’était pas vous, connectez-vous et changez de mot de passe, ou demandez-nous de l’aide :",
    },
    "zh": {
        "hello": "{name}，您好：",
        "see": "查看依据并预约：",
        "why": "您收到此消息是因为您同意接收此车的提醒。如不再需要，可在此撤回：",
        "why_driver": "您收到此消息是因为您驾驶此车并要求提醒。如不再需要，可在此关闭：",
        "look": "查看并答复：",
        "not_you": "如果不是您本人操作，请登录并更改密码，或向我们求助：",
    },
}


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to one person. `token` opens it: who follows its link has read it; `text` has no links yet."""

    letter_id: str
    reminder_ids: tuple[str, ...]
    vehicle_id: str
    need_ids: tuple[str, ...]
    subject: str
    text: str
    token: str
    language: str
    name: str
    is_all_clear: bool = False
    """Nothing in it asks for anything: all of it is no longer due."""
    is_notice: bool = False
    """It is about access to the account, or about a visit."""
    path: str = ""
    """Of the page that a notice is about."""
    has_own: bool = True
    driven: tuple[str, ...] = ()
    """Whether it is about cars of the reader's own, and which cars it is about that they drive for others."""

    @property
    def stop_path(self) -> str:
        """Of the page on which such letters are stopped; of several the owner's own."""
        return "/owner/consents" if self.has_own else f"/owner/cars/{self.driven[0]}"

    def with_links(self, url: str) -> str:
        """The whole text, with links to the pages under `url`."""
        words = WORDS[self.language]
        if self.is_notice:
            hello = words["hello"].format(name=self.name)
            more = f"{words['look']}\n{url}{self.path}" if self.path else f"{words['not_you']}\n{url}/owner/account"
            return "\n\n".join([hello, self.text, more])
        parts = [words["hello"].format(name=self.name), self.text, f"{words['see']}\n{url}/r/{self.token}"]
        if self.has_own:
            parts.append(f"{words['why']}\n{url}/owner/consents")
        parts += [f"{words['why_driver']}\n{url}/owner/cars/{vehicle_id}" for vehicle_id in self.driven]
        return "\n\n".join(parts)


def letter_of(customer: Customer, reminders: Sequence[Reminder], begun: BegunLetter) -> Letter:
    """The letter that several reminders to one person make, the oldest first."""
    first = reminders[0]
    return Letter(
        letter_id=begun.letter_id,
        reminder_ids=tuple(one.reminder_id for one in reminders),
        vehicle_id=first.vehicle_id,
        need_ids=tuple(dict.fromkeys(need_id for one in reminders for need_id in one.need_ids)),
        subject=" · ".join(dict.fromkeys(one.subject for one in reminders)),
        text="\n\n".join(dict.fromkeys(one.text for one in reminders)),
        token=begun.token,
        language=language_of(customer.locale).code,
        name=customer.name,
        is_all_clear=all(one.is_all_clear for one in reminders),
        is_notice=first.is_notice,
        path=first.path,
        has_own=not all(one.is_of_driver for one in reminders),
        driven=tuple(dict.fromkeys(one.vehicle_id for one in reminders if one.is_of_driver)),
    )
