"""Notices: owners hear of each change of who can get at their account, at any hour, and of dealers' answers, by day.

Neither needs a consent to reminders: the one is their own security, the other what they asked for.
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.language import language_of
from domain.proposal import BookingProposal
from workflow.outbox_rows import Reminder
from workflow.ports import UnitOfWork

PASSWORD, SESSIONS, SOLD, RELEASED = "password", "sessions", "sold", "released"
DRIVER_ADDED, DRIVER_LEFT, DRIVES_NO_MORE = "driver-added", "driver-left", "drives-no-more"

# Subject and text, by language and what happened.
WORDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "en": {
        PASSWORD: (
            "Your password was changed",
            "Your account has another password, and all other sign-ins ended.",
        ),
        SESSIONS: ("Signed out everywhere", "All sign-ins to your account were ended."),
        SOLD: ("A car was given away", "A car of yours was given away, and all consents for it have ended."),
        RELEASED: (
            "A car is no longer in your name",
            "We were told that a car of yours has another owner, and somebody who sits in it has shown that. All "
            "consents for it have ended, and they see nothing of your time with it.",
        ),
        DRIVER_ADDED: (
            "Somebody drives your car now",
            "The code that you made out for a driver of your car was used: they see how the car is from now on.",
        ),
        DRIVER_LEFT: (
            "A driver has left your car",
            "Somebody who drove a car of yours no longer does, by their own choice.",
        ),
        DRIVES_NO_MORE: (
            "A car is no longer yours to drive",
            "You no longer drive a car that somebody had lent to you: you no longer see it, and get no reminders.",
        ),
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
        RELEASED: (
            "Ein Auto läuft nicht mehr auf Ihren Namen",
            "Uns wurde gesagt, dass eines Ihrer Autos einen anderen Halter hat, und wer darin sitzt, hat das gezeigt. "
            "Alle Einwilligungen dafür sind beendet; von Ihrer Zeit mit dem Auto ist dort nichts zu sehen.",
        ),
        DRIVER_ADDED: (
            "Jemand fährt jetzt Ihr Auto",
            "Der Code, den Sie für einen Fahrer Ihres Autos ausgestellt haben, wurde benutzt: Er sieht ab jetzt, "
            "wie es dem Auto geht.",
        ),
        DRIVER_LEFT: (
            "Ein Fahrer hat Ihr Auto verlassen",
            "Jemand, der eines Ihrer Autos fuhr, hat das selbst beendet.",
        ),
        DRIVES_NO_MORE: (
            "Ein Auto ist Ihnen nicht mehr anvertraut",
            "Ein Auto, das Ihnen jemand geliehen hatte, fahren Sie nicht mehr: Sie sehen es nicht mehr und bekommen "
            "keine Erinnerungen dafür.",
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
        RELEASED: (
            "Une voiture n’est plus à votre nom",
            "On nous a dit qu’une de vos voitures a un autre propriétaire, et une personne assise dedans l’a montré. "
            "Tous les consentements pour elle ont pris fin, et l’on n’y voit rien de votre temps avec elle.",
        ),
        DRIVER_ADDED: (
            "Quelqu’un conduit désormais votre voiture",
            "Le code que vous aviez établi pour un conducteur de votre voiture a été utilisé : il voit désormais "
            "l’état de la voiture.",
        ),
        DRIVER_LEFT: (
            "Un conducteur a quitté votre voiture",
            "Quelqu’un qui conduisait une de vos voitures y a mis fin de lui-même.",
        ),
        DRIVES_NO_MORE: (
            "Une voiture ne vous est plus confiée",
            "Vous ne conduisez plus une voiture qu’on vous avait prêtée : vous ne la voyez plus et ne recevez plus "
            "de rappels pour elle.",
        ),
    },
    "zh": {
        PASSWORD: ("您的密码已更改", "您账户的密码已更改，其他所有登录均已结束。"),
        SESSIONS: ("已在所有设备上退出", "您账户的所有登录均已结束。"),
        SOLD: ("一辆车已转让", "您的一辆车已转让，其所有授权均已结束。"),
        RELEASED: (
            "一辆车已不在您名下",
            "我们获知您的一辆车已有新车主，并由车内人员出示代码证明。该车的所有授权均已结束，对方看不到您使用期间的任何内容。",
        ),
        DRIVER_ADDED: ("有人开始驾驶您的车", "您为驾驶人生成的代码已被使用：对方从现在起可以看到车况。"),
        DRIVER_LEFT: ("一位驾驶人已退出您的车", "曾驾驶您车辆的一位驾驶人已自行退出。"),
        DRIVES_NO_MORE: (
            "一辆车不再由您驾驶",
            "他人借给您的一辆车已不再由您驾驶：您不再看到该车，也不再收到提醒。",
        ),
    },
}


# What a dealer did about a visit that its owner asked for, likewise; {dealer} is its name.
VISITS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "en": {
        "accepted": (
            "{dealer} accepts",
            "{dealer} accepts the time you asked for. Confirm it to have the appointment.",
        ),
        "countered": (
            "{dealer} offers other times",
            "{dealer} offers other times. They are held for you until you have answered.",
        ),
        "declined": (
            "{dealer} declines",
            "{dealer} can not take your car this time. What is due stands as it is; you may ask another dealer.",
        ),
        "moved": (
            "Your appointment was moved",
            "{dealer} has moved your appointment to another time.",
        ),
        "cancelled": (
            "Your appointment was cancelled",
            "{dealer} has cancelled your appointment. What is due stands open again.",
        ),
    },
    "de": {
        "accepted": (
            "{dealer} nimmt an",
            "{dealer} nimmt die gewünschte Zeit an. Bestätigen Sie sie, dann steht der Termin.",
        ),
        "countered": (
            "{dealer} bietet andere Zeiten an",
            "{dealer} bietet andere Zeiten an. Sie sind für Sie gehalten, bis Sie geantwortet haben.",
        ),
        "declined": (
            "{dealer} lehnt ab",
            "{dealer} kann Ihr Auto diesmal nicht nehmen. Fragen Sie einen anderen Betrieb: Was fällig ist, bleibt es.",
        ),
        "moved": (
            "Ihr Termin wurde verschoben",
            "{dealer} hat Ihren Termin auf eine andere Zeit verschoben.",
        ),
        "cancelled": (
            "Ihr Termin wurde abgesagt",
            "{dealer} hat Ihren Termin abgesagt. Was fällig ist, steht wieder offen.",
        ),
    },
    "fr": {
        "accepted": (
            "{dealer} accepte",
            "{dealer} accepte l’heure demandée. Confirmez-la pour fixer le rendez-vous.",
        ),
        "countered": (
            "{dealer} propose d’autres heures",
            "{dealer} propose d’autres heures. Elles vous sont réservées jusqu’à votre réponse.",
        ),
        "declined": (
            "{dealer} décline",
            "{dealer} ne peut pas prendre votre voiture cette fois. Demandez à un autre : ce qui est à faire le reste.",
        ),
        "moved": (
            "Votre rendez-vous a été déplacé",
            "{dealer} a déplacé votre rendez-vous à une autre heure.",
        ),
        "cancelled": (
            "Votre rendez-vous a été annulé",
            "{dealer} a annulé votre rendez-vous. Ce qui est à faire reste ouvert.",
        ),
    },
    "zh": {
        "accepted": (
            "{dealer} 已接受",
            "{dealer} 接受了您要求的时间。请确认以预约成功。",
        ),
        "countered": (
            "{dealer} 提供其他时间",
            "{dealer} 提供了其他时间，在您答复之前为您保留。",
        ),
        "declined": (
            "{dealer} 已谢绝",
            "{dealer} 这次无法接待您的车。到期的项目仍然有效，您可以询问其他经销商。",
        ),
        "moved": (
            "您的预约已改期",
            "{dealer} 已将您的预约改到其他时间。",
        ),
        "cancelled": (
            "您的预约已取消",
            "{dealer} 取消了您的预约。到期的项目重新待办。",
        ),
    },
}


async def notify(
    uow: UnitOfWork, customer_id: str, what: str, now_ms: int, *, vehicle_id: str = "", path: str = ""
) -> None:
    """Queue the notice of `what` to the customer, in their language; `path` leads to what it is about."""
    customer = await uow.people.customer(customer_id)
    if customer is None:
        return
    subject, text = WORDS[language_of(customer.locale).code][what]
    notice = Reminder(
        reminder_id=f"notice:{what}:{customer_id}:{now_ms}",
        customer_id=customer_id,
        vehicle_id=vehicle_id,
        need_ids=(),
        subject=subject,
        text=text,
        is_notice=True,
        path=path,
    )
    await uow.outbox.put(notice, now_ms)


async def notify_of_visit(uow: UnitOfWork, proposal: BookingProposal, what: str, now_ms: int) -> None:
    """Queue the news of what the dealer did (`accepted`, `countered` …) to the proposal's owner, and to who books for
    them."""
    dealer = await uow.people.dealer(proposal.dealer_id)
    if dealer is None:
        return
    drivers = [driving for driving in await uow.drivers.of_vehicle(proposal.vehicle_id) if driving.may_book]
    for customer_id in (proposal.customer_id, *(driving.customer_id for driving in drivers)):
        customer = await uow.people.customer(customer_id)
        if customer is None:
            continue
        subject, text = VISITS[language_of(customer.locale).code][what]
        news = Reminder(
            reminder_id=f"visit:{proposal.proposal_id}:{proposal.version}{_mark(proposal.customer_id, customer_id)}",
            customer_id=customer_id,
            vehicle_id=proposal.vehicle_id,
            need_ids=(),
            subject=subject.format(dealer=dealer.name),
            text=text.format(dealer=dealer.name),
            is_notice=True,
            path=f"/owner/proposals/{proposal.proposal_id}",
            waits_for_day=True,
            is_of_driver=customer_id != proposal.customer_id,
        )
        await uow.outbox.put(news, now_ms)


def _mark(owner_id: str, customer_id: str) -> str:
    """What tells a driver's copy from the owner's."""
    return "" if customer_id == owner_id else f":{customer_id}"
