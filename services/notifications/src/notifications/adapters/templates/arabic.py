"""The built-in words in Arabic, and how what is written from right to left keeps its order."""

import re
from collections.abc import Mapping
from typing import Final

from notifications.adapters.templates.language import BUSINESS, SERVICE, WHEN_SHORT, Language
from notifications.adapters.templates.series_words import SeriesWords
from notifications.domain.messages import Audience, Kind
from notifications.domain.templates import Text

C, S = Audience.CLIENT, Audience.STAFF
_WHEN: Final = "{{ appointment.date }}، {{ appointment.time }}"
_WHAT: Final = "({{ series.count }}): {{ appointment.service }}"
_FROM: Final = "ابتداءً من {{ appointment.date }}، {{ appointment.time }}"
_PLACE: Final = re.compile(r"\{\{ (?!links\.|series\.dates|series\.without )[^{}]+ \}\}")

ARABIC: Final = Language(
    take="احجزه، أو اتركه لمن بعدك",
    until="محجوز لك حتى",
    hello="مرحبًا {{ recipient.name }}،",
    with_whom="مع",
    for_whom="العميل",
    where="المكان",
    questions="لديك سؤال، أو تغيّرت خططك؟",
    phone="هاتف",
    email="البريد الإلكتروني",
    formerly="الموعد السابق",
    confirm="هل ستحضر؟ أكّد هنا",
    change="تغيير الموعد أو إلغاؤه",
    messages="اختيار الرسائل التي تصلك",
    when="{{ appointment.date }}، من {{ appointment.time }} إلى {{ appointment.end_time }} ({{ appointment.zone }})",
    news={
        (Kind.REQUESTED, C): (
            f"طلبك: {SERVICE}، {_WHEN}",
            f"استلم {BUSINESS} طلبك. سنخبرك فور الموافقة عليه.",
        ),
        (Kind.CREATED, C): (f"موعدك: {SERVICE}، {_WHEN}", f"تم حجز موعدك لدى {BUSINESS}."),
        (Kind.CONFIRMED, C): (f"تم التأكيد: {SERVICE}، {_WHEN}", f"تم تأكيد موعدك لدى {BUSINESS}."),
        (Kind.RESCHEDULED, C): (f"وقت جديد: {SERVICE}، {_WHEN}", f"تغيّر وقت موعدك لدى {BUSINESS}."),
        (Kind.CANCELLED, C): (f"أُلغي: {SERVICE}، {_WHEN}", f"أُلغي موعدك لدى {BUSINESS}."),
        (Kind.DECLINED, C): (
            f"غير ممكن: {SERVICE}، {_WHEN}",
            f"يتعذّر على {BUSINESS} تلبية هذا الموعد. يُرجى اختيار وقت آخر.",
        ),
        (Kind.WITHDRAWN, C): (
            f"ليس موعدك: {_WHEN}",
            f"الموعد لدى {BUSINESS} في {_WHEN} ليس موعدك: سُجّل باسمك خطأً، ولم يعد كذلك.",
        ),
        (Kind.REMINDER, C): (f"تذكير: {SERVICE}، {_WHEN}", f"يسعدنا لقاؤك: اقترب موعدك لدى {BUSINESS}."),
        (Kind.ANSWER_REFUSED, C): (
            f"عذرًا، فات الأوان أو تغيّر الموعد، ولم يُنفَّذ شيء: {SERVICE}، {_WHEN}",
            "عذرًا، وصل ردّك بعد فوات الأوان، أو تغيّر موعدك منذ ذلك الحين: لم يُنفَّذ شيء.",
        ),
        (Kind.SLOT_OFFERED, C): (
            f"موعد متاح: {SERVICE}، {_WHEN}",
            f"أصبح موعد تنتظره متاحًا. يحجزه لك {BUSINESS} حتى {{{{ offer.until }}}}.",
        ),
        (Kind.FOLLOW_UP, C): (
            f"افتقدناك: {SERVICE}، {_WHEN}",
            f"كان لك موعد لدى {BUSINESS}، وافتقدناك. يسعدنا أن نجد لك وقتًا آخر.",
        ),
        (Kind.ASSIGNED, S): (f"موعد جديد: {SERVICE}، {_WHEN}", "لديك موعد جديد."),
        (Kind.UNASSIGNED, S): (f"لم يعد لديك: {SERVICE}، {_WHEN}", "أُسند هذا الموعد إلى شخص آخر."),
        (Kind.RESCHEDULED, S): (f"وقت جديد: {SERVICE}، {_WHEN}", "تغيّر وقت هذا الموعد."),
        (Kind.CANCELLED, S): (f"أُلغي: {SERVICE}، {_WHEN}", "أُلغي هذا الموعد."),
    },
)

ARABIC_SERIES: Final = SeriesWords(
    more="… و{{ series.more }} أخرى: يضم ملف التقويم جميعها.",
    times="الأوقات",
    there="الأول بالتوقيت المحلي هناك",
    without="لا موعد في",
    goes_on="تتبعها مواعيد أخرى بالوتيرة نفسها.",
    news={
        (Kind.SERIES_REQUESTED, C): (
            f"طلبك {_WHAT}، {_FROM}",
            f"استلم {BUSINESS} طلبك لهذه المواعيد. سنخبرك فور الموافقة عليها.",
        ),
        (Kind.SERIES_CREATED, C): (f"مواعيدك {_WHAT}، {_FROM}", f"تم حجز مواعيدك لدى {BUSINESS}."),
        (Kind.SERIES_CHANGED, C): (
            f"مواعيد متغيّرة {_WHAT}، {_FROM}",
            f"تغيّرت مواعيدك لدى {BUSINESS}. هذه مواعيدك الآن:",
        ),
        (Kind.SERIES_CANCELLED, C): (f"أُلغيت {_WHAT}، {_FROM}", f"أُلغيت مواعيدك لدى {BUSINESS}:"),
        (Kind.SERIES_ASSIGNED, S): (f"مواعيد جديدة {_WHAT}، {_FROM}", "لديك مواعيد جديدة."),
        (Kind.SERIES_UNASSIGNED, S): (f"لم تعد لديك {_WHAT}، {_FROM}", "أُسندت هذه المواعيد إلى شخص آخر."),
        (Kind.SERIES_CHANGED, S): (
            f"مواعيد متغيّرة {_WHAT}، {_FROM}",
            "تغيّرت سلسلة مواعيد. هذه مواعيدك الآن:",
        ),
        (Kind.SERIES_CANCELLED, S): (f"أُلغيت {_WHAT}، {_FROM}", "أُلغيت هذه المواعيد."),
    },
)

ARABIC_SMS: Final[Mapping[tuple[Kind, Audience], str]] = {
    (Kind.ANSWER_REFUSED, C): (
        f"{BUSINESS}: عذرًا، فات الأوان أو تغيّر الموعد، ولم يُنفَّذ شيء: {SERVICE}، {WHEN_SHORT}"
        " ({{ appointment.offset }}){% if business.phone %}. هاتف: {{ business.phone }}{% endif %}"
    ),
    (Kind.SLOT_OFFERED, C): (
        f"{BUSINESS}: موعد متاح: {SERVICE}، {WHEN_SHORT} ({{{{ appointment.offset }}}})."
        " محجوز لك حتى {{ offer.until }}{% if links.offer %}: {{ links.offer }}{% endif %}"
    ),
    (Kind.FOLLOW_UP, C): (
        f"{BUSINESS}: افتقدناك في موعدك: {SERVICE}، {WHEN_SHORT} ({{{{ appointment.offset }}}})."
        " يسعدنا أن نجد لك وقتًا آخر{% if business.phone %}. هاتف: {{ business.phone }}{% endif %}"
    ),
}
"""Of SMS: answers are understood in Arabic, so what is said to them is as well."""


def isolated(text: Text) -> Text:
    """With what is filled in set apart, so that a name or a number in Latin letters turns nothing around it (UAX #9).

    Links are left alone, since marks beside one would be taken for part of it, and so is what has several lines.
    """
    subject, words = (_PLACE.sub("\u2068\\g<0>\u2069", part) for part in (text.subject, text.text))
    return Text(subject=subject, text=words, html=text.html)
