"""What migrations make is what the code declares, and a file's length does not slow down what is read of it."""

from uuid import UUID

import asyncpg
import pytest
from imports_service import ImportsService
from sqlalchemy import text

from imports.domain.rows import Outcome, RowAnswer, Stage
from imports.storage.commands import AnswerStore
from imports.storage.tables import schema
from slotstream_servicekit.testing.databases import DatabaseForge
from slotstream_servicekit.testing.schema import differences_from_code

_OUTCOMES = {Stage.CHECK: None, Stage.BOOK: Outcome.BOOKED, Stage.UNDO: Outcome.UNDONE}
_READ = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'import_rows'"


async def test_the_migrations_make_what_the_code_declares(database_forge: DatabaseForge) -> None:
    assert await differences_from_code(database_forge, schema) == []


@pytest.mark.parametrize("statistics", ["of now", "of the first day"])
@pytest.mark.parametrize("stage", list(Stage))
async def test_answers_do_not_read_the_whole_file_each(service: ImportsService, stage: Stage, statistics: str) -> None:
    import_id = await service.checked(
        "Client,Phone,Service,Staff,Start\nJane,030 5550000,First visit,Anna,2026-04-02 10:00"
    )
    await _analyse(service)
    # 5,000 rows in commands of 50, all awaited.
    await service.query(
        f"""
        INSERT INTO import_rows
        SELECT (jsonb_populate_record(r, jsonb_build_object(
            'number', n, 'appointment_id', gen_random_uuid(), '{stage}_id', md5((n / 50)::text)::uuid))).*
        FROM import_rows r, generate_series(1000, 5999) n RETURNING 1
        """
    )
    if statistics == "of now":
        await _analyse(service)
    answered = await service.query(
        f"SELECT appointment_id, {stage}_id AS command_id FROM import_rows WHERE {stage}_id = md5('42')::uuid"
    )
    answers = [
        RowAnswer(
            command_id=row.command_id,
            organization_id=service.organization_id,
            import_id=UUID(import_id),
            appointment_id=row.appointment_id,
            outcome=_OUTCOMES[stage],
            reasons=(),
        )
        for row in answered
    ]
    async with service.database.system_transaction() as session:
        before = (await session.execute(text(_READ))).scalar_one()
        await AnswerStore(session).apply(stage, answers)
        read = (await session.execute(text(_READ))).scalar_one() - before

    assert len(answers) == 50
    # By the index of commands; where statistics know nothing of the file, once through it and not once for each answer.
    assert read <= (50 * 50 if statistics == "of now" else 5_000)
    await _all_answered(service, stage)


async def _all_answered(service: ImportsService, stage: Stage) -> None:
    awaited = {"check": "check_id IS NOT NULL", "book": "outcome IS NULL", "undo": "undo_id IS NOT NULL"}[stage]
    [left] = await service.query(f"SELECT count(*) AS n FROM import_rows WHERE number >= 1000 AND {awaited}")
    assert left.n == 4_950


async def _analyse(service: ImportsService) -> None:
    owner = await asyncpg.connect(service.owner_url.replace("postgresql+asyncpg", "postgresql"))
    try:
        await owner.execute("ANALYZE import_rows")
    finally:
        await owner.close()
