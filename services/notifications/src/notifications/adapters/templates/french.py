"""The built-in words in French."""

from typing import Final

from notifications.adapters.templates.language import BUSINESS, SERVICE, WHEN_SHORT, Language
from notifications.domain.messages import Audience, Kind

C, S = Audience.CLIENT, Audience.STAFF

FRENCH: Final = Language(
    take="Le prendre, ou le laisser au suivant",
    until="Pour vous jusqu'à",
    hello="Bonjour {{ recipient.name }},",
    with_whom="Avec",
    for_whom="Client",
    where="Lieu",
    questions="Une question, un empêchement ?",
    phone="Téléphone",
    email="E-mail",
    formerly="Auparavant",
    confirm="Viendrez-vous ? Confirmez ici",
    change="Déplacer ou annuler",
    messages="Choisir vos messages",
    when="{{ appointment.date }}, de {{ appointment.time }} à {{ appointment.end_time }} ({{ appointment.zone }})",
    news={
        (Kind.REQUESTED, C): (
            f"Votre demande : {SERVICE}, {WHEN_SHORT}",
            f"{BUSINESS} a bien reçu votre demande. Vous serez prévenu dès qu'elle sera acceptée.",
        ),
        (Kind.CREATED, C): (
            f"Votre rendez-vous : {SERVICE}, {WHEN_SHORT}",
            f"votre rendez-vous chez {BUSINESS} est enregistré.",
        ),
        (Kind.CONFIRMED, C): (
            f"Confirmé : {SERVICE}, {WHEN_SHORT}",
            f"votre rendez-vous chez {BUSINESS} est confirmé.",
        ),
        (Kind.RESCHEDULED, C): (
            f"Nouvel horaire : {SERVICE}, {WHEN_SHORT}",
            f"votre rendez-vous chez {BUSINESS} a été déplacé.",
        ),
        (Kind.CANCELLED, C): (
            f"Annulé : {SERVICE}, {WHEN_SHORT}",
            f"votre rendez-vous chez {BUSINESS} est annulé.",
        ),
        (Kind.DECLINED, C): (
            f"Impossible : {SERVICE}, {WHEN_SHORT}",
            f"{BUSINESS} ne peut pas vous proposer ce rendez-vous. Merci de choisir un autre horaire.",
        ),
        (Kind.WITHDRAWN, C): (
            f"Ce rendez-vous n'est pas le vôtre : {WHEN_SHORT}",
            (
                f"le rendez-vous chez {BUSINESS} du {WHEN_SHORT} n'est pas le vôtre : "
                "il avait été noté à votre nom par erreur et ne l'est plus."
            ),
        ),
        (Kind.REMINDER, C): (
            f"Rappel : {SERVICE}, {WHEN_SHORT}",
            f"votre rendez-vous chez {BUSINESS} approche. À bientôt !",
        ),
        (Kind.ANSWER_REFUSED, C): (
            f"Désolé, trop tard ou modifié entre-temps, rien n'a été fait : {SERVICE}, {WHEN_SHORT}",
            "désolé, votre réponse est arrivée trop tard, ou le rendez-vous a changé entre-temps : rien n'a été fait.",
        ),
        (Kind.SLOT_OFFERED, C): (
            f"Un créneau est libre : {SERVICE}, {WHEN_SHORT}",
            f"un créneau que vous attendez est libre. {BUSINESS} vous le garde jusqu'à {{{{ offer.until }}}}.",
        ),
        (Kind.FOLLOW_UP, C): (
            f"Vous nous avez manqué : {SERVICE}, {WHEN_SHORT}",
            (
                f"vous aviez rendez-vous chez {BUSINESS} et nous ne vous avons pas vu. "
                "Nous vous proposerons volontiers un autre moment."
            ),
        ),
        (Kind.ASSIGNED, S): (f"Nouveau rendez-vous : {SERVICE}, {WHEN_SHORT}", "vous avez un nouveau rendez-vous."),
        (Kind.UNASSIGNED, S): (
            f"Confié à quelqu'un d'autre : {SERVICE}, {WHEN_SHORT}",
            "ce rendez-vous a été confié à quelqu'un d'autre.",
        ),
        (Kind.RESCHEDULED, S): (f"Nouvel horaire : {SERVICE}, {WHEN_SHORT}", "ce rendez-vous a été déplacé."),
        (Kind.CANCELLED, S): (f"Annulé : {SERVICE}, {WHEN_SHORT}", "ce rendez-vous est annulé."),
    },
)
