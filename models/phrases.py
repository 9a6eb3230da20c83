"""Phrases: the fixed words around numbers in reasons and contributions, in every language that they can be said in.

What an item is called, and how its reasons are built, stands in the catalogue; here is what all catalogues share.
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.language import DEFAULT, language_of

ENGLISH: Mapping[str, str] = {
    "beyond": "a time further off than can be said",
    "beginning": "the beginning",
    "place": "{km} km ({day})",
    "known": "{amount} {unit} at {since}",
    "guess": "a guess: {amount} {unit} at {since}, when we began to watch",
    "raised": ", raised to {amount} {unit} because the car still drives",
    "by_sensor": ", taken as {amount} {unit} by what the car's own sensor reads now",
    "sensed": " What the car's own sensor reads is in these figures.",
    "sensed_alone": (
        "About {remaining} {unit} of {new} {unit} are left by what the car's own sensor reads, and "
        "{limit} {unit} is the limit; at {km_per_day} km a day it is reached around {due}."
    ),
    "exposure": "{name}: {amount} {unit}",
    "unseen": ", of it {amount} estimated for {km} km not seen",
    "bounded": "; bounded by what there was to lose, else {amount} {unit}",
    "cause": "{name}: {share} % of the wear since {day}.",
    "cause_usual": "{name}: {share} % of the wear since {day}, per km as much as in a typical car.",
    "cause_unlike": "{habit}: {share} % of the wear since {day}, and {ratio} times a typical car's per km.",
    "cause_none": "Nothing has worn yet.",
    "usual": "what is usual",
    "not_seen": "{name}: not seen yet",
    "no_readings": "no readings yet",
    "years": "years",
    "interval": "every {days} days",
    "passed": "{days} days since {day}",
    "list": "; ",
    "no_longer_due": "{name}: no longer due; what was seen since speaks against it.",
}
GERMAN: Mapping[str, str] = {
    "beyond": "Tag, der weiter weg liegt, als sich sagen lässt",
    "beginning": "Beginn",
    "place": "{km} km ({day})",
    "known": "{amount} {unit} bei {since}",
    "guess": "eine Schätzung: {amount} {unit} bei {since}, als wir zu beobachten begannen",
    "raised": ", angehoben auf {amount} {unit}, weil das Auto noch fährt",
    "by_sensor": ", nach dem, was der Sensor des Autos jetzt anzeigt, als {amount} {unit} gerechnet",
    "sensed": " Was der Sensor des Autos anzeigt, ist in diesen Zahlen enthalten.",
    "sensed_alone": (
        "Nach dem Sensor des Autos sind noch etwa {remaining} {unit} von {new} {unit} übrig, und "
        "{limit} {unit} ist die Grenze; bei {km_per_day} km am Tag ist sie um den {due} erreicht."
    ),
    "exposure": "{name}: {amount} {unit}",
    "unseen": ", davon {amount} geschätzt für {km} km, die wir nicht gesehen haben",
    "bounded": "; begrenzt auf das, was zu verlieren war, sonst {amount} {unit}",
    "cause": "{name}: {share} % des Verschleißes seit {day}.",
    "cause_usual": "{name}: {share} % des Verschleißes seit {day}, je km so viel wie bei einem typischen Auto.",
    "cause_unlike": "{habit}: {share} % des Verschleißes seit {day}, je km das {ratio}-Fache eines typischen Autos.",
    "cause_none": "Noch ist nichts verschlissen.",
    "usual": "was üblich ist",
    "not_seen": "{name}: noch nicht gesehen",
    "no_readings": "noch keine Messwerte",
    "years": "Jahre",
    "interval": "alle {days} Tage",
    "passed": "{days} Tage seit {day}",
    "list": "; ",
    "no_longer_due": "{name}: nicht mehr fällig; was seither zu sehen war, spricht dagegen.",
}
FRENCH: Mapping[str, str] = {
    "beyond": "jour trop lointain pour être donné",
    "beginning": "le début",
    "place": "{km} km ({day})",
    "known": "{amount} {unit} à {since}",
    "guess": "une estimation : {amount} {unit} à {since}, quand nous avons commencé à observer",
    "raised": ", relevée à {amount} {unit} puisque la voiture roule encore",
    "by_sensor": ", comptée pour {amount} {unit} d'après ce que le capteur de la voiture indique",
    "sensed": " Ce que le capteur de la voiture indique est compris dans ces chiffres.",
    "sensed_alone": (
        "D'après le capteur de la voiture, il reste environ {remaining} {unit} sur {new} {unit}, "
        "et la limite est de {limit} {unit} ; à {km_per_day} km par jour, elle sera atteinte vers le {due}."
    ),
    "exposure": "{name} : {amount} {unit}",
    "unseen": ", dont {amount} estimés pour {km} km non observés",
    "bounded": " ; limité à ce qu’il y avait à perdre, sinon {amount} {unit}",
    "cause": "{name} : {share} % de l’usure depuis le {day}.",
    "cause_usual": "{name} : {share} % de l’usure depuis le {day}, par km autant qu’une voiture typique.",
    "cause_unlike": "{habit} : {share} % de l’usure depuis le {day}, et {ratio} fois une voiture typique par km.",
    "cause_none": "Rien n’est encore usé.",
    "usual": "ce qui est habituel",
    "not_seen": "{name} : pas encore vu",
    "no_readings": "pas encore de mesures",
    "years": "ans",
    "interval": "tous les {days} jours",
    "passed": "{days} jours depuis le {day}",
    "list": " ; ",
    "no_longer_due": "{name} : plus à faire ; ce qui a été observé depuis parle contre.",
}
CHINESE: Mapping[str, str] = {
    "beyond": "过于遥远而无法预计的时间",
    "beginning": "最初",
    "place": "{km} km（{day}）",
    "known": "{since}时为 {amount} {unit}",
    "guess": "估计值：{since}开始观察时为 {amount} {unit}",
    "raised": "，因车辆仍在行驶而上调至 {amount} {unit}",
    "by_sensor": "，按车辆自身传感器目前的读数计为 {amount} {unit}",
    "sensed": "车辆自身传感器的读数已计入这些数字。",
    "sensed_alone": (
        "按车辆自身传感器的读数，{new} {unit} 中约剩 {remaining} {unit}，极限为 {limit} {unit}；"
        "按每天 {km_per_day} 公里计算，预计在 {due} 左右达到极限。"
    ),
    "exposure": "{name}：{amount} {unit}",
    "unseen": "，其中 {amount} 是对未观察到的 {km} km 的估计",
    "bounded": "；以原有余量为限，否则为 {amount} {unit}",
    "cause": "{name}：占{day}以来磨损的 {share} %。",
    "cause_usual": "{name}：占{day}以来磨损的 {share} %，每公里与普通汽车相当。",
    "cause_unlike": "{habit}：占{day}以来磨损的 {share} %，每公里是普通汽车的 {ratio} 倍。",
    "cause_none": "尚无磨损。",
    "usual": "通常情况",
    "not_seen": "{name}：尚未观察到",
    "no_readings": "尚无读数",
    "years": "年",
    "interval": "每 {days} 天一次",
    "passed": "自{day}以来 {days} 天",
    "list": "；",
    "no_longer_due": "{name}：不再到期；此后观察到的情况与之不符。",
}
PHRASES: Mapping[str, Mapping[str, str]] = {"en": ENGLISH, "de": GERMAN, "fr": FRENCH, "zh": CHINESE}


def phrases_of(language: str) -> Mapping[str, str]:
    """The phrases of a language, in English where it has none."""
    return PHRASES.get(language_of(language).code, PHRASES[DEFAULT])
