"""Notices: who has an account hears of every change of who can get at it; no consent asked, at any hour."""

from __future__ import annotations

from collections.abc import Mapping

from domain.language import DEFAULT, language_of
from workflow.outbox_rows import Reminder
from workflow.ports import UnitOfWork

PASSWORD, SESSIONS, SOLD = "password", "sessions", "sold"

# Subject and text, by language and what happened.
WORDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "en": {
        PASSWORD: (
            "Your password was changed",
            "Your account has another password, and all other sign-ins ended.",
        ),
        SESSIONS: ("Signed out everywhere", "All sign-ins to your account were ended."),
        SOLD: ("A car was given away", "A car of yours was given away, and all consents for it have ended."),
    },
    "de": {
        PASSWORD: (
            "Ihr Passwort wurde geändert",
            "Das Passwort Ihres Kontos wurde geändert, und alle anderen Anmeldungen wurden beendet.",
        ),
        SESSIONS: ("Überall abgemeldet", "Alle Anmeldungen an Ihrem Konto wurden beendet."),
        SOLD: (
            "Ein Auto wurde abgegeben",
            "Eines Ihrer Autos wurde abgegeben; alle Einwilligungen dafür sind beendet.",
        ),
    },
    "fr": {
        PASSWORD: (
            "Votre mot de passe a été changé",
            "Le mot de passe de votre compte a été changé, et toutes les autres connexions ont pris fin.",
        ),
        SESSIONS: ("Déconnecté partout", "Toutes les connexions à votre compte ont pris fin."),
        SOLD: (
            "Une voiture a changé de mains",
            "Une de vos voitures a changé de mains ; tous les consentements pour elle ont pris fin.",
        ),
    },
    "zh": {
        PASSWORD: ("您的密码已更改", "您账户的密码已更改，其他所有登录均已结束。"),
        SESSIONS: ("已在所有设备上退出", "您账户的所有登录均已结束。"),
        SOLD: ("一辆车已转让", "您的一辆车已转让，其所有授权均已结束。"),
    },
}


async def notify(uow: UnitOfWork, customer_id: str, what: str, now_ms: int, *, vehicle_id: str = "") -> None:
    """Queue the notice of `what` to the customer, in their language."""
    customer = await uow.people.customer(customer_id)
    if customer is None:
        return
    subject, text = WORDS.get(language_of(customer.locale).code, WORDS[DEFAULT])[what]
    notice = Reminder(
        reminder_id=f"notice:{what}:{customer_id}:{now_ms}",
        customer_id=customer_id,
        vehicle_id=vehicle_id,
        need_ids=(),
        subject=subject,
        text=text,
        is_notice=True,
    )
    await uow.outbox.put(notice, now_ms)
