"""Rules for who did not come."""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row

from notifications.domain.follow_ups import FollowUpRule
from notifications.domain.messages import Channel
from notifications.storage.rules import RuleStore, common_values
from notifications.storage.tables import follow_up_rules

_MINUTE: Final = timedelta(minutes=1)


class FollowUpRuleStore(RuleStore[FollowUpRule]):
    table = follow_up_rules
    noun = "follow-up rule"

    async def replace(self, rule: FollowUpRule, *, archived: bool = False) -> None:
        await self._session.execute(self._replacing(rule, archived=archived))

    def _alike(self, rule: FollowUpRule) -> tuple[ColumnElement[bool], ...]:
        """On the same channel."""
        return (follow_up_rules.c.channel == rule.channel,)

    def _rule_of(self, row: Row[Any]) -> FollowUpRule:
        return FollowUpRule(
            organization_id=row.organization_id,
            id=row.id,
            business_id=row.business_id,
            service_id=row.service_id,
            channel=Channel(row.channel),
            after=row.minutes_after * _MINUTE,
            template_id=row.template_id,
            enabled=row.enabled,
            created_at=row.created_at,
            updated_at=row.updated_at,
            version=row.version,
        )

    def _values(self, rule: FollowUpRule) -> dict[str, Any]:
        return common_values(rule) | {"minutes_after": rule.after // _MINUTE}
